"""Splits in which no voter and no source stands on two sides, so that what is measured is not what was memorised.

Where examples fall into many separate groups, whole groups are dealt out. Usually they do not: popular documents and
busy voters tie everything together. Then the ties are cut on purpose. Every voter and every source gets a part by its
hash, what straddles is dropped and counted. Both ways depend on names and seed alone, so what is added later moves
nothing that was there, except where it joins two groups.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Literal

from training.datasets.examples import Example
from training.datasets.parts import LEVELS, Level, Node, chance_of, components, drawn, said_by, sources, ties

_LEAST_OF_SHARE = 0.5  # of the weight a part should have; groups that cannot be dealt out so are cut
_LEAST_KEPT = 0.7  # of what cutting between voters alone keeps; a level that keeps less gives way to the next


@dataclass(frozen=True, slots=True)
class LeakReport:
    """Counts what two parts have in common: zero for voters and for sources at `level`, by construction and counted
    again afterwards. `documents` and `passages` count what was merely shown on both sides where the level allows it.
    """

    level: Level  # what counts as a source
    way: Literal["groups", "cut"]
    voters: int
    sources: int
    documents: int
    passages: int
    kept_weight: float  # share of the weight
    dropped_examples: int
    dropped_judgements: int

    @property
    def clean(self) -> bool:
        """Tell whether no voter and no source is on two sides."""
        return not (self.voters or self.sources)

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON values."""
        return {**asdict(self), "clean": self.clean}


@dataclass(frozen=True)
class Splits:
    """Three parts and the proof that they are apart."""

    train: tuple[Example, ...]
    calibration: tuple[Example, ...]
    held_out: tuple[Example, ...]
    leaks: LeakReport


@dataclass(frozen=True)
class Fold:
    """One turn of cross-fitting: learn from `train`, judge `held_out`."""

    train: tuple[Example, ...]
    held_out: tuple[Example, ...]
    leaks: LeakReport


def split(
    examples: Sequence[Example], *, shares: tuple[float, float, float] = (0.7, 0.1, 0.2), seed: int = 0
) -> Splits:
    """Split into training, calibration and held-out examples.

    Args:
        examples: What there is.
        shares: Wanted shares of the weight.
        seed: Another one gives another split.

    Returns:
        The parts. Parts can be empty when there is too little to tell apart.

    Raises:
        ValueError: A share is negative or they sum to nothing.
    """
    if any(share < 0 for share in shares) or sum(shares) <= 0:
        raise ValueError("shares must not be negative and must sum to more than 0")
    plan = _plan(examples, shares, seed)
    parts = [_within(examples, plan, part.__eq__) for part in range(3)]
    return Splits(parts[0], parts[1], parts[2], _report(examples, parts, plan))


def folds(examples: Sequence[Example], k: int = 4, *, seed: int = 0) -> tuple[Fold, ...]:
    """Give k turns of cross-fitting, the same way apart as `split`.

    Args:
        examples: What there is.
        k: Number of folds, at least 2.
        seed: Another one gives other folds.

    Returns:
        The folds. Training keeps whatever does not touch the fold that is held out, so less is lost than by cutting
        into k parts.

    Raises:
        ValueError: k is less than 2.
    """
    if k < 2:
        raise ValueError("k must be at least 2")
    plan = _plan(examples, (1.0,) * k, seed)
    made = []
    for part in range(k):
        held = _within(examples, plan, part.__eq__)
        train = _within(examples, plan, part.__ne__)
        made.append(Fold(train, held, _report(examples, [train, held], plan)))
    return tuple(made)


@dataclass(frozen=True)
class _Plan:
    """What counts as a source, and the part of every voter and source. Without a level only voters count."""

    level: Level | None
    way: Literal["groups", "cut"]
    part_of: Callable[[Node], int]


def _plan(examples: Sequence[Example], shares: Sequence[float], seed: int) -> _Plan:
    """Deal out groups at the strictest level at which they are small enough; else cut at the strictest level that
    keeps enough of what cutting between voters alone would keep.
    """
    for level in LEVELS:
        dealt = _dealt(examples, level, shares, seed)
        if dealt is not None:
            return _Plan(level, "groups", dealt.__getitem__)

    @cache
    def by_hash(node: Node) -> int:
        return drawn(seed, shares, *node)

    def kept(plan: _Plan) -> float:
        parts = (_within(examples, plan, part.__eq__) for part in range(len(shares)))
        return sum(example.weight for part in parts for example in part)

    most = kept(_Plan(None, "cut", by_hash))
    for level in LEVELS[:-1]:
        plan = _Plan(level, "cut", by_hash)
        if kept(plan) >= _LEAST_KEPT * most:
            return plan
    return _Plan(LEVELS[-1], "cut", by_hash)


def _dealt(examples: Sequence[Example], level: Level, shares: Sequence[float], seed: int) -> dict[Node, int] | None:
    """Give whole groups to parts: by the hash of one of their members where that comes near the shares, else the
    largest first to whichever part lacks most; None where neither does.
    """
    groups = components(examples, level)
    members = [{node for place in group for node in ties(examples[place], level)} for group in groups]
    weights = [sum(examples[place].weight for place in group) for group in groups]
    wanted = [share / sum(shares) * sum(weights) for share in shares]
    named = [min(nodes, key=lambda node: chance_of(seed, *node)) for nodes in members]
    hashed = [drawn(seed, shares, "group", *node) for node in named]
    needy: list[int] = []
    lacking = list(wanted)
    for weight in weights:
        part = max(range(len(shares)), key=lambda part: (lacking[part], -part))
        lacking[part] -= weight
        needy.append(part)
    for parts in (hashed, needy):
        got = [
            sum(weight for weight, at in zip(weights, parts, strict=True) if at == part) for part in range(len(shares))
        ]
        if all(have >= _LEAST_OF_SHARE * want for have, want in zip(got, wanted, strict=True)):
            return {node: part for nodes, part in zip(members, parts, strict=True) for node in nodes}
    return None


def _within(examples: Sequence[Example], plan: _Plan, belongs: Callable[[int], bool]) -> tuple[Example, ...]:
    """Keep the examples all of whose sources belong, with the judgements of the voters who belong."""

    def apart(example: Example) -> bool:
        named = sources(example, plan.level) if plan.level else ()
        return all(belongs(plan.part_of(("source", name))) for name in named)

    found = []
    for example in examples:
        everyone = example.voters
        voters = {voter for voter in everyone if belongs(plan.part_of(("voter", voter)))}
        if voters == everyone:
            kept = example
        elif voters:
            kept = said_by(example, voters)  # with fewer answers, other passages may be the ones that matter
        else:
            continue
        if apart(example) and (kept is example or apart(kept)):
            found.append(kept)
    return tuple(found)


def _report(examples: Sequence[Example], parts: Sequence[Sequence[Example]], plan: _Plan) -> LeakReport:
    level = plan.level or LEVELS[-1]
    kept = [example for part in parts for example in part]
    total = sum(example.weight for example in examples)
    return LeakReport(
        level=level,
        way=plan.way,
        voters=_shared([[example.voters for example in part] for part in parts]),
        sources=_shared([[sources(example, level) for example in part] for part in parts]),
        documents=_shared([[example.documents for example in part] for part in parts]),
        passages=_shared([[sources(example, "passage") for example in part] for part in parts]),
        kept_weight=sum(example.weight for example in kept) / total if total else 1.0,
        dropped_examples=len(examples) - len(kept),
        dropped_judgements=_judgements(examples) - _judgements(kept),
    )


def _shared(parts: Sequence[Sequence[frozenset[str]]]) -> int:
    """Count the names that more than one part has."""
    seen = Counter(name for part in parts for name in frozenset[str]().union(*part))
    return sum(count > 1 for count in seen.values())


def _judgements(examples: Sequence[Example]) -> int:
    return sum(len(example.pairs) + len(example.thumbs) + len(example.targets) for example in examples)
