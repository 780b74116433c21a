"""What became of each judgement and of each voter, for those who ask later: who was held back, how much, and why.

Unlike the data card this names records and voters; it belongs into the job's own folder and into no version.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from training.datasets.config import DatasetConfig
from training.datasets.standing import DISTRUSTED, QUARANTINED, USED
from training.datasets.trust import Agreement
from training.records.types import Record

BURST, CAP = "burst", "cap"
Trust = Literal["trusted", "distrusted", "quarantined", "unknown"]


@dataclass(frozen=True, slots=True)
class VoterFacts:
    """One voter in the window."""

    judgements: int
    used: int
    trust: Trust  # unknown: too little was shared with others to tell
    shared: int  # judgements that others gave too
    agreed: float | None  # share of them; None where nothing is shared
    chance: float | None  # share to be expected by luck
    share: float  # of its weight that the cap leaves; 1 is all


@dataclass(frozen=True)
class People:
    """What became of the judgements of a window."""

    fate: Mapping[str, str] = field(default_factory=dict)  # by record id: `used`, or why not
    reduced: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # by record id: what factor, and its size
    voters: Mapping[str, VoterFacts] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON holds it."""
        return {
            "fate": dict(self.fate),
            "reduced": {name: dict(factors) for name, factors in self.reduced.items()},
            "voters": {name: asdict(facts) for name, facts in self.voters.items()},
        }


def people_of(
    records: Sequence[Record],
    fate: Mapping[str, str],
    agreements: Mapping[str, Agreement],
    bursts: Mapping[str, float],
    caps: Mapping[str, float],
    config: DatasetConfig,
) -> People:
    """Put together what became of everybody.

    Args:
        records: All of the window.
        fate: By record id.
        agreements: By voter.
        bursts: Factor of each record that is in a burst.
        caps: Factor of each voter.
        config: Settings of the data set.

    Returns:
        The same by record and by voter.
    """
    reduced: dict[str, dict[str, float]] = {}
    for record in records:
        factors = {BURST: bursts.get(record.record_id, 1.0), CAP: caps.get(record.voter, 1.0)}
        small = {name: factor for name, factor in factors.items() if factor < 1.0}
        if small and fate[record.record_id] == USED:
            reduced[record.record_id] = small
    by_voter: dict[str, list[str]] = defaultdict(list)
    for record in records:
        by_voter[record.voter].append(fate[record.record_id])
    voters = {
        voter: _facts(fates, agreements.get(voter), caps.get(voter, 1.0), config)
        for voter, fates in sorted(by_voter.items())
    }
    return People(fate, reduced, voters)


def _facts(fates: Iterable[str], agreement: Agreement | None, share: float, config: DatasetConfig) -> VoterFacts:
    counted = Counter(fates)
    trust: Trust = "unknown"
    if counted[DISTRUSTED]:
        trust = "distrusted"
    elif counted[QUARANTINED]:
        trust = "quarantined"
    elif agreement is not None and agreement.shared >= max(config.trust_judgements, 1):
        trust = "trusted"
    return VoterFacts(
        judgements=counted.total(),
        used=counted[USED],
        trust=trust,
        shared=0 if agreement is None else agreement.shared,
        agreed=None if agreement is None else agreement.agreed,
        chance=None if agreement is None else agreement.chance,
        share=share,
    )
