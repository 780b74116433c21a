"""Which prompts people were helped on: more was said for some answer to them than against it."""

from __future__ import annotations

import pytest

from training.datasets.examples import Example, Pair, PairOutcome, Target, Thumb
from training.policy.base import Answer, Prompt, Sampling


def answer(text: str, *, abstained: bool = False) -> Answer:
    return Answer(text, "v", "stop", Sampling(), None, 1, abstained=abstained)


SAID = (answer("Thirty days. [1]"), answer("Never. [1]"), answer("The documents do not say.", abstained=True))


def example(
    *, thumbs: tuple[Thumb, ...] = (), pairs: tuple[Pair, ...] = (), targets: tuple[Target, ...] = ()
) -> Example:
    return Example("p", Prompt("How long?", ()), SAID, pairs=pairs, thumbs=thumbs, targets=targets)


def up(place: int, weight: float = 1.0) -> Thumb:
    return Thumb(place, True, weight, "ann")


def down(place: int, weight: float = 1.0) -> Thumb:
    return Thumb(place, False, weight, "ben")


@pytest.mark.parametrize(
    ("thumbs", "helped"),
    [
        ((), False),
        ((up(0),), True),
        ((down(0),), False),
        ((up(0), down(0, 2.0)), False),
        ((up(0, 2.0), down(0)), True),
        ((down(0), up(1)), True),
        ((up(2),), False),  # silence was right: that nobody could be helped is what it says
    ],
)
def test_thumbs(thumbs: tuple[Thumb, ...], helped: bool) -> None:
    assert example(thumbs=thumbs).helped is helped


@pytest.mark.parametrize(
    ("outcome", "helped"), [("first", True), ("second", True), ("tie", False), ("both_bad", False)]
)
def test_comparisons(outcome: PairOutcome, helped: bool) -> None:
    assert example(pairs=(Pair(0, 1, outcome, 1.0, "ann"),)).helped is helped


def test_silence_that_is_preferred_helped_nobody_and_a_correction_did() -> None:
    assert not example(pairs=(Pair(0, 2, "second", 1.0, "ann"),)).helped
    assert example(targets=(Target(1, 1.0),)).helped
