"""What ties examples together, and which part each of these ties belongs to.

Two examples with a voter in common, or with a source in common, must not stand on both sides of a split. What counts
as a source is a *level*: the documents shown, the passages shown, or only the passages that the judged answers cite
(the first one where nothing is cited). Each level forbids less than the one before and loses less.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Literal

from training.citations.markers import take_apart
from training.datasets.examples import Example

Level = Literal["document", "passage", "cited"]
LEVELS: tuple[Level, ...] = ("document", "passage", "cited")
Node = tuple[str, str]  # ("voter", name) or ("source", name)


def sources(example: Example, level: Level) -> frozenset[str]:
    """Name what an example is about at a level; a prompt that showed nothing is about itself."""
    passages = example.prompt.passages
    if not passages:
        return frozenset({f"prompt {example.prompt_id}"})
    if level == "document":
        return example.documents
    if level == "passage":
        return frozenset(passage.chunk_id for passage in passages)
    numbers = {passage.number: passage.chunk_id for passage in passages}
    cited = {
        numbers[marker.number] for answer in example.answers for marker in take_apart(answer.text, numbers).markers
    }
    return frozenset(cited or {max(passages, key=lambda passage: (passage.score, -passage.number)).chunk_id})


def chance_of(seed: int, *names: str) -> float:
    """Give a number in [0, 1) that depends on nothing but seed and names, on every machine alike."""
    digest = hashlib.blake2b("\0".join((str(seed), *names)).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def drawn(seed: int, shares: Sequence[float], *names: str) -> int:
    """Draw a part for a thing by its name: part i with probability `shares[i]`."""
    at = chance_of(seed, *names) * sum(shares)
    for part, share in enumerate(shares):
        at -= share
        if at < 0:
            return part
    return max(part for part, share in enumerate(shares) if share > 0)


def components(examples: Sequence[Example], level: Level) -> list[list[int]]:
    """Give the places of the examples that hang together through voters and sources.

    Args:
        examples: What is to be split.
        level: What counts as a source.

    Returns:
        Components, the largest weight first.
    """
    parent: dict[Node, Node] = {}

    def root(node: Node) -> Node:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    nodes = [ties(example, level) for example in examples]
    for own in nodes:
        for node in own[1:]:
            parent[root(node)] = root(own[0])
    found: dict[Node, list[int]] = defaultdict(list)
    for place, own in enumerate(nodes):
        found[root(own[0])].append(place)
    return sorted(found.values(), key=lambda places: (-sum(examples[i].weight for i in places), places))


def ties(example: Example, level: Level) -> list[Node]:
    """Give the voters and sources of an example in a fixed order; there is always a source."""
    return [
        *(("source", name) for name in sorted(sources(example, level))),
        *(("voter", name) for name in sorted(example.voters)),
    ]


def said_by(example: Example, voters: Collection[str]) -> Example:
    """Leave only what some voters said.

    Args:
        example: What everybody said.
        voters: Whose judgements stay.

    Returns:
        The example with their pairs, thumbs and targets and with the answers that these are about: what another voter
        wrote is gone with its writer. Without any judgement by them it has no answers.
    """
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
