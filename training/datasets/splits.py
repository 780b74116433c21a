"""Splits in which no voter and no source stands on two sides, so that what is measured is not what was memorised.

Where examples fall into many separate groups, whole groups are dealt out. Usually they do not: popular documents and
busy voters tie everything together. Then the ties are cut on purpose. Every voter and every source gets a part by its
hash, what straddles is dropped and counted. Both ways depend on names and seed alone, so what is added later moves
nothing that was there, except where it joins two groups.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from training.datasets.examples import Example
from training.datasets.parts import LEVELS, Level, Node, chance_of, components, drawn, sources, ties

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
    level, way, part_of = _plan(examples, shares, seed)
    parts = [_within(examples, level, part.__eq__, part_of) for part in range(3)]
    return Splits(parts[0], parts[1], parts[2], _report(examples, parts, level, way))


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
    level, way, part_of = _plan(examples, (1.0,) * k, seed)
    made = []
    for part in range(k):
        held = _within(examples, level, part.__eq__, part_of)
        train = _within(examples, level, part.__ne__, part_of)
        made.append(Fold(train, held, _report(examples, [train, held], level, way)))
    return tuple(made)


PartOf = Callable[[Node], int]
Plan = tuple[Level, Literal["groups", "cut"], PartOf]


def _plan(examples: Sequence[Example], shares: Sequence[float], seed: int) -> Plan:
    """Deal out groups at the strictest level at which they are small enough; else cut at the strictest level that
    keeps enough of what cutting between voters alone would keep.
    """
    for level in LEVELS:
        dealt = _dealt(examples, level, shares, seed)
        if dealt is not None:
            return level, "groups", dealt.__getitem__

    def by_hash(node: Node) -> int:
        return drawn(seed, shares, *node)

    def kept(level: Level | None) -> float:
        parts = (_within(examples, level, part.__eq__, by_hash) for part in range(len(shares)))
        return sum(example.weight for part in parts for example in part)

    most = kept(None)
    for level in LEVELS[:-1]:
        if kept(level) >= _LEAST_KEPT * most:
            return level, "cut", by_hash
    return LEVELS[-1], "cut", by_hash


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


def _within(
    examples: Sequence[Example], level: Level | None, belongs: Callable[[int], bool], part_of: PartOf
) -> tuple[Example, ...]:
    """Keep the examples all of whose sources belong, with the judgements of the voters who belong."""
    found = []
    for example in examples:
        named = sources(example, level) if level else ()
        if not all(belongs(part_of(("source", name))) for name in named):
            continue
        voters = {voter for voter in example.voters if belongs(part_of(("voter", voter)))}
        if voters == example.voters:
            found.append(example)
        elif voters:
            found.append(_only(example, voters))
    return tuple(found)


def _only(example: Example, voters: set[str]) -> Example:
    """Leave the judgements of some voters, and the answers that these are about."""
    pairs = [pair for pair in example.pairs if pair.voter in voters]
    thumbs = [thumb for thumb in example.thumbs if thumb.voter in voters]
    targets = [target for target in example.targets if target.voter in voters]
    named = {
        *(place for pair in pairs for place in (pair.first, pair.second)),
        *(thumb.answer for thumb in thumbs),
        *(target.answer for target in targets),
    }
    at = {place: new for new, place in enumerate(sorted(named))}
    return replace(
        example,
        answers=tuple(example.answers[place] for place in at),
        pairs=tuple(replace(pair, first=at[pair.first], second=at[pair.second]) for pair in pairs),
        thumbs=tuple(replace(thumb, answer=at[thumb.answer]) for thumb in thumbs),
        targets=tuple(replace(target, answer=at[target.answer]) for target in targets),
    )


def _report(
    examples: Sequence[Example], parts: Sequence[Sequence[Example]], level: Level, way: Literal["groups", "cut"]
) -> LeakReport:
    kept = [example for part in parts for example in part]
    total = sum(example.weight for example in examples)
    return LeakReport(
        level=level,
        way=way,
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
