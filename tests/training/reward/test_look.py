"""How right a model is while it is fitted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from training.datasets.examples import Example, Pair, Thumb
from training.policy.base import Answer, Prompt, Sampling
from training.reward.look import looking


def examples(
    pairs: Sequence[bool], thumbs: Sequence[bool]
) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.float64]], list[Example]]:
    """Give answers of which the first has a 1 and the second a 0, compared and judged."""
    made = []
    for number, outcome in enumerate((*pairs, *thumbs)):
        answers = tuple(Answer(text, "v", "stop", Sampling(), 0.0, 1) for text in ("good", "bad"))
        compared = number < len(pairs)
        made.append(
            Example(
                f"p{number}",
                Prompt("?", ()),
                answers,
                pairs=(Pair(0, 1, "first" if outcome else "second", 1.0, "v"),) if compared else (),
                thumbs=() if compared else (Thumb(0, outcome, 1.0, "v"),),
            )
        )
    return np.array([[1.0], [0.0]] * len(made)), made


@pytest.mark.parametrize(
    ("pairs", "thumbs", "weight", "expected"),
    [
        ((True, True, False), (), 1.0, 2 / 3),
        ((True, True, False), (), -1.0, 1 / 3),
        ((True, False), (), 0.0, 0.5),
        ((True,), (True, True, False, True), 1.0, 0.75),  # of what there is more
        ((True, False), (True, True), 1.0, 0.5),
    ],
)
def test_it_looks_at_what_there_is_more_of(
    pairs: Sequence[bool], thumbs: Sequence[bool], weight: float, expected: float
) -> None:
    told: list[tuple[str, float, float]] = []
    table, held_out = examples(pairs, thumbs)

    look = looking(table, held_out, lambda name, x, y: told.append((name, x, y)))

    assert look is not None
    look(3, np.full((4, 1), weight), 0.0)
    assert told == [("held_out_accuracy", 3, pytest.approx(expected))]


def test_without_judgements_there_is_nothing_to_look_at() -> None:
    assert looking(np.zeros((0, 1)), [], lambda name, x, y: None) is None
