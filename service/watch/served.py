"""What versions served, as the API processes count it in Redis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from redis import Redis

from service.watch import keys
from training.watch.guards import BUCKETS, Served

_COUNTS = ("answers", "abstained", "errors")


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts of a version since it first served."""

    counts: tuple[int, ...]  # answers, abstained, errors
    seconds: tuple[int, ...]  # by latency bucket

    def as_list(self) -> list[list[int]]:
        """Give it as JSON holds it."""
        return [list(self.counts), list(self.seconds)]


def read_served(client: Redis, version: str) -> Totals:
    """Read the counts of a version; zeros where it never served."""
    counts: Mapping[bytes, bytes] = client.hgetall(keys.served(version))  # type: ignore[assignment]
    seconds: Mapping[bytes, bytes] = client.hgetall(keys.served_seconds(version))  # type: ignore[assignment]
    return Totals(
        tuple(int(counts.get(name.encode(), 0)) for name in _COUNTS),
        tuple(int(seconds.get(str(at).encode(), 0)) for at in range(len(BUCKETS) + 1)),
    )


def since(now: Totals, before: Sequence[Sequence[int]] | None) -> Served:
    """Give what was served since an earlier count; a count that was lost with a Redis begins at zero again."""
    counts, seconds = before or ([0] * len(now.counts), [0] * len(now.seconds))
    answers, abstained, errors = (max(0, new - old) for new, old in zip(now.counts, counts, strict=True))
    return Served(
        answers, abstained, errors, tuple(max(0, new - old) for new, old in zip(now.seconds, seconds, strict=True))
    )
