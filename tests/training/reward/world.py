"""A world whose truth is known: people like answers that say what the passages say, and how much is a number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retrieval.embed.hashing import HashingEmbedder
from training.datasets.examples import Example, Pair, Thumb
from training.policy.base import Answer, Prompt, Sampling, ShownPassage

SUBJECTS = ("refunds", "parcels", "invoices", "licences", "passwords", "holidays", "printers", "contracts")
VERBS = ("are handled by", "are stored in", "are checked by", "are archived in", "are sent to")
PLACES = ("Bergen", "Lyon", "Turin", "Graz", "Porto", "Malmo", "Delft", "Gdansk", "Leeds", "Basel")
STRANGE = ("Dragons", "Comets", "Volcanoes", "Pirates", "Glaciers", "Robots")
ENCODER = HashingEmbedder()


def answer(text: str, *, abstained: bool = False) -> Answer:
    """Make an answer of a text."""
    return Answer(text, "v1", "stop", Sampling(), None, 1, abstained=abstained)


def prompt(rng: np.random.Generator, number: int, segment: str | None = None) -> tuple[Prompt, list[str]]:
    """Make a question with two passages, and the sentences of the passages."""
    subject = str(rng.choice(SUBJECTS))
    sentences = [
        f"The {subject} of office {number} {rng.choice(VERBS)} {place} within {rng.integers(2, 90)} days."
        for place in rng.choice(PLACES, 4, replace=False)
    ]
    passages = tuple(
        ShownPassage(at + 1, f"chk_{number}_{at}", f"file-{number}-{at}", "Rules", " ".join(pair), 1.0 - at / 4)
        for at, pair in enumerate((sentences[:2], sentences[2:]))
    )
    return Prompt(f"Where do {subject} of office {number} go?", passages, segment=segment), sentences


def invented(rng: np.random.Generator, number: int) -> str:
    """Make a sentence that no passage supports."""
    return f"{rng.choice(STRANGE)} visited the {rng.choice(STRANGE)} palace {rng.integers(100, 999)} times in spring."


def answers(rng: np.random.Generator, sentences: Sequence[str], number: int) -> tuple[list[Answer], list[float]]:
    """Make four answers of two sentences and how good they are: the share of their sentences that is grounded."""
    made, good = [], []
    for grounded in (0, 1, 2, 2):
        picked = [str(text) for text in rng.choice(list(sentences), grounded, replace=False)]
        picked += [invented(rng, number) for _ in range(2 - grounded)]
        made.append(answer(" ".join(picked)))
        good.append(grounded / 2)
    return made, good


def pairs_world(
    size: int, *, seed: int = 0, strength: float = 4.0, place: float = 0.0, sign: float = 1.0
) -> list[Example]:
    """Compare answers two by two; the chance of a win is a sigmoid of `strength` x the difference, plus `place`."""
    rng = np.random.default_rng(seed)
    examples = []
    for number in range(size):
        asked, sentences = prompt(rng, number)
        made, good = answers(rng, sentences, number)
        pairs = []
        for _ in range(4):
            first, second = (int(at) for at in rng.choice(4, 2, replace=False))
            logit = sign * strength * (good[first] - good[second]) + place
            won = rng.random() < 1 / (1 + np.exp(-logit))
            pairs.append(Pair(first, second, "first" if won else "second", 1.0, f"voter-{rng.integers(8)}"))
        examples.append(Example(f"p{number}", asked, tuple(made), tuple(pairs)))
    return examples


def thumbs_world(
    size: int, *, seed: int = 0, strength: float = 4.0, leniency: dict[str, float] | None = None
) -> list[Example]:
    """Vote on single answers. With a leniency by voter, each voter sees answers of one kind only: harsh ones the good,
    mild ones the bad, so that whoever ignores leniency learns the opposite of the truth.
    """
    rng = np.random.default_rng(seed)
    examples = []
    for number in range(size):
        asked, sentences = prompt(rng, number)
        made, good = answers(rng, sentences, number)
        votes = []
        for at in (0, 1, 2):
            voter, extra = f"voter-{rng.integers(8)}", 0.0
            if leniency:
                voters = sorted(leniency)
                # Nine times in ten the good answer meets the harsh voter.
                harsh = (good[at] > 0.5) == (rng.random() < 0.9)
                voter = voters[0] if harsh else voters[1]
                extra = leniency[voter]
            up = rng.random() < 1 / (1 + np.exp(-(strength * (good[at] - 0.5) + extra)))
            votes.append(Thumb(at, bool(up), 1.0, voter))
        examples.append(Example(f"p{number}", asked, tuple(made), thumbs=tuple(votes)))
    return examples
