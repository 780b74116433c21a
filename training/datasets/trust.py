"""Voters whose judgements disagree with everybody else's: agreement, corrected for chance as in Cohen's kappa."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from training.datasets.config import DatasetConfig
from training.datasets.keys import question_key, text_key
from training.records.types import Record

Item = tuple[str, ...]


def distrusted(records: Iterable[Record], config: DatasetConfig) -> frozenset[str]:
    """Find voters who agree with others below chance.

    A voter is compared with the majority of the *other* voters on every thumb and every comparison that they share
    (the same answer to the same question). Chance is what two voters with these shares of "up" would agree on by luck.
    Only a shortfall of more than one standard error counts, so that a voter without luck is not thrown out.

    Args:
        records: One judgement for each voter and thing judged.
        config: `trust_judgements` shared judgements are needed; 0 trusts everybody.

    Returns:
        The voters to leave out.
    """
    if not config.trust_judgements:
        return frozenset()
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
    return frozenset(
        voter for voter, pairs in shared.items() if len(pairs) >= config.trust_judgements and _below_chance(pairs)
    )


def _below_chance(pairs: list[tuple[bool, bool]]) -> bool:
    count = len(pairs)
    own = sum(mine for mine, _ in pairs) / count
    others = sum(theirs for _, theirs in pairs) / count
    chance = own * others + (1 - own) * (1 - others)
    agreed = sum(mine == theirs for mine, theirs in pairs) / count
    return agreed < chance - math.sqrt(chance * (1 - chance) / count)


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
