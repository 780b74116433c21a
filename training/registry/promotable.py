"""What may become champion without force."""

from __future__ import annotations

from training.registry.errors import NotPromotable
from training.registry.versions import Version
from training.watch.evidence import LiveEvidence


def must_be_promotable(version: Version, champion: str, evidence: LiveEvidence | None = None) -> None:
    """Refuse a version that may not replace the champion.

    Args:
        version: Who would serve.
        champion: Name of the one that serves now.
        evidence: What live votes showed; a version that the gate only lets be tried needs it.

    Raises:
        NotPromotable: The gate did not pass it, or lets it only be tried and nothing was shown live; it was judged or
            tried against another champion; or it is marked.
    """
    verdict = version.card.judged
    if verdict is None:
        raise NotPromotable(f"{version.name} was not judged by the gate")
    if verdict.tier == "refused":
        raise NotPromotable(f"the gate did not pass {version.name}: {verdict.summary}")
    if verdict.champion != champion:
        raise NotPromotable(
            f"{version.name} was judged against {verdict.champion}, and {champion} serves: judge it again"
        )
    if version.marks:
        raise NotPromotable(f"{version.name} is marked: {version.marks[-1].reason}")
    if evidence is not None and (evidence.candidate, evidence.champion) != (version.name, champion):
        raise NotPromotable(
            f"the votes are about {evidence.candidate} beside {evidence.champion}, not {version.name} beside {champion}"
        )
    if verdict.tier == "trial" and (evidence is None or not evidence.proves):
        raise NotPromotable(
            f"{version.name} may only be tried: the gate did not prove it, and live votes have not yet either"
        )
