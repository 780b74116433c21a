"""Which comparisons of people are about just these two answers."""

from __future__ import annotations

import pytest

from tests.training.gate.rows import given
from training.datasets.examples import Example, Pair, PairOrigin, PairOutcome, Thumb
from training.gate import Direct, Row
from training.gate.evidence import direct_evidence
from training.policy.base import Answer, Prompt, Sampling

ROW = Row("p", "v", given("new"), given("old"))


def example(*pairs: Pair, prompt_id: str = "p") -> Example:
    answers = tuple(Answer(text, "v", "stop", Sampling(), None, 1) for text in ("old", "new", "other"))
    return Example(prompt_id, Prompt("q", ()), answers, pairs, (Thumb(1, True, 1.0, "amy"),))


def pair(first: int, second: int, outcome: PairOutcome, origin: PairOrigin = "preference") -> Pair:
    return Pair(first, second, outcome, 0.5, "amy", origin)


@pytest.mark.parametrize(
    ("compared", "outcome"),
    [
        (pair(1, 0, "first"), 1.0),
        (pair(1, 0, "second"), 0.0),
        (pair(0, 1, "first"), 0.0),
        (pair(0, 1, "second"), 1.0),
        (pair(0, 1, "tie"), 0.5),
        (pair(1, 0, "both_bad"), 0.5),
    ],
)
def test_a_comparison_of_the_two_counts_for_who_won(compared: Pair, outcome: float) -> None:
    assert direct_evidence([ROW], [example(compared)]) == (Direct("amy", outcome, 0.5),)


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([ROW], example(pair(1, 2, "first"))),
        ([ROW], example(pair(1, 0, "first", "ai"))),
        ([ROW], example()),
        ([ROW], example(pair(1, 0, "first"), prompt_id="elsewhere")),
        ([Row("p", "v", given("old"), given("old"))], example(pair(1, 0, "first"))),
    ],
    ids=["another answer", "a model", "thumbs", "another prompt", "nothing changed"],
)
def test_everything_else_does_not(rows: list[Row], found: Example) -> None:
    assert direct_evidence(rows, [found]) == ()
