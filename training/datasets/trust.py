"""Voters whose judgements disagree with everybody else's: agreement, corrected for chance as in Cohen's kappa."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from training.datasets.config import DatasetConfig
from training.datasets.keys import question_key, text_key
from training.records.types import Record

Item = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often a voter says what most others say of the same answers."""

    shared: int  # thumbs and comparisons that others gave too
    agreed: float  # share of them on which the others' majority says the same; 0 where none are shared
    chance: float  # share that two voters with these shares of "up" would agree on by luck

    @property
    def doubt(self) -> float:
        """Standard error of `agreed` by chance."""
        return math.sqrt(self.chance * (1 - self.chance) / self.shared) if self.shared else 0.0

    @property
    def below_chance(self) -> bool:
        """Tell whether a voter agrees less than luck would, beyond a standard error."""
        return self.agreed < self.chance - self.doubt

    @property
    def above_chance(self) -> bool:
        """Tell whether a voter agrees more than luck would, beyond a standard error."""
        return self.agreed > self.chance + self.doubt


def agreements(records: Iterable[Record]) -> dict[str, Agreement]:
    """Compare each voter with the majority of the *other* voters, on every thumb and comparison that they share (the
    same answer to the same question). Models and files of other people's preferences are not compared.

    Args:
        records: One judgement for each voter and thing judged.

    Returns:
        By voter; who shares nothing with anybody is missing.
    """
    verdicts: dict[Item, dict[str, bool]] = defaultdict(dict)
    for record in records:
        if record.source == "human" and not record.imported:
            for item, verdict in _verdicts(record):
                verdicts[item][record.voter] = verdict
    shared: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for by_voter in verdicts.values():
        ups = Counter(by_voter.values())
        for voter, own in by_voter.items():
            balance = (ups[True] - own) - (ups[False] - (not own))
            if balance:
                shared[voter].append((own, balance > 0))
    return {voter: _agreement(pairs) for voter, pairs in shared.items()}


def distrusted(found: Mapping[str, Agreement], config: DatasetConfig) -> frozenset[str]:
    """Find voters who agree with others below chance. Only a shortfall of more than one standard error counts, so that
    a voter without luck is not thrown out.

    Args:
        found: How often each voter agrees with others.
        config: `trust_judgements` shared judgements are needed; 0 trusts everybody.

    Returns:
        The voters to leave out.
    """
    needed = config.trust_judgements
    return frozenset(voter for voter, one in found.items() if needed and one.shared >= needed and one.below_chance)


def vouched(found: Mapping[str, Agreement], config: DatasetConfig) -> frozenset[str]:
    """Find voters whom agreement with others lets out of quarantine early.

    Args:
        found: How often each voter agrees with others.
        config: `quarantine_agreements` shared judgements are needed; 0 lets nobody out.

    Returns:
        The voters who need not wait.
    """
    needed = config.quarantine_agreements
    return frozenset(voter for voter, one in found.items() if needed and one.shared >= needed and one.above_chance)


def _agreement(pairs: list[tuple[bool, bool]]) -> Agreement:
    count = len(pairs)
    own = sum(mine for mine, _ in pairs) / count
    others = sum(theirs for _, theirs in pairs) / count
    agreed = sum(mine == theirs for mine, theirs in pairs) / count
    return Agreement(count, agreed, own * others + (1 - own) * (1 - others))


def _verdicts(record: Record) -> Iterator[tuple[Item, bool]]:
    question = question_key(record.prompt)
    names = [text_key(judged.answer.text) for judged in record.answers]
    if record.rating is not None:
        yield (question, names[0]), record.rating == "up"
    for i, (one, rank) in enumerate(zip(names, record.ranks, strict=False)):
        for other, other_rank in zip(names[i + 1 :], record.ranks[i + 1 :], strict=False):
            if rank != other_rank and one != other:
                low, high = sorted((one, other))
                yield (question, low, high), (rank < other_rank) == (one == low)
