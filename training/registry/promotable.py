"""What may become champion without force."""

from __future__ import annotations

from training.registry.errors import NotPromotable
from training.registry.versions import Version


def must_be_promotable(version: Version, champion: str) -> None:
    """Refuse a version that may not replace the champion.

    Args:
        version: Who would serve.
        champion: Name of the one that serves now.

    Raises:
        NotPromotable: The gate did not pass it, or judged it against another champion; or it is marked.
    """
    verdict = version.card.judged
    if verdict is None:
        raise NotPromotable(f"{version.name} was not judged by the gate")
    if not verdict.passed:
        raise NotPromotable(f"the gate did not pass {version.name}: {verdict.summary}")
    if verdict.champion != champion:
        raise NotPromotable(
            f"{version.name} was judged against {verdict.champion}, and {champion} serves: judge it again"
        )
    if version.marks:
        raise NotPromotable(f"{version.name} is marked: {version.marks[-1].reason}")
