"""The query adapter: exact on paper, bounded whatever it was taught, silent far from what it was taught."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.embed.adapter import AdaptedQuestions, QueryAdapter, load_query_adapter
from training.query.check import gain, utility
from training.query.fit import Marked, QueryConfig, fit

Array = npt.NDArray[np.float32]


def unit(*values: float) -> Array:
    row = np.array(values, np.float32)
    return row / np.linalg.norm(row)


def adapter(keys: list[Array], pushes: list[Array], **options: float) -> QueryAdapter:
    return QueryAdapter("m", np.stack(keys), np.stack(pushes), **options)


def test_by_hand() -> None:
    """One key equal to the question: k = 1, move = 0.5 x (0, 0.22) / (0.1 + 1) = (0, 0.1)."""
    moved = adapter([unit(1, 0)], [np.array([0, 0.22], np.float32)]).apply(unit(1, 0)[None])
    np.testing.assert_allclose(moved[0], unit(1, 0.1), rtol=1e-6)


def test_a_question_unlike_all_judged_ones_stays() -> None:
    question = unit(0, 1, 0)
    moved = adapter([unit(1, 0, 0)], [unit(0, 0, 9)]).apply(question[None])
    np.testing.assert_array_equal(moved[0], question)


def test_many_judgements_outweigh_one() -> None:
    up, down = np.array([0, 0.2], np.float32), np.array([0, -0.2], np.float32)
    moved = adapter([unit(1, 0)] * 4, [up, up, up, down]).apply(unit(1, 0)[None])
    assert moved[0, 1] > 0


@given(
    pushes=st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3),
    question=st.lists(st.floats(-1, 1), min_size=3, max_size=3).filter(lambda v: np.linalg.norm(v) > 0.1),
)
def test_no_question_moves_farther_than_the_bound(pushes: list[float], question: list[float]) -> None:
    asked = unit(*question)
    moved = adapter([asked], [np.array(pushes, np.float32)], bound=0.3).apply(asked[None])[0]
    np.testing.assert_allclose(np.linalg.norm(moved), 1.0, rtol=1e-5)
    assert np.arccos(np.clip(moved @ asked, -1, 1)) <= np.arcsin(0.3) + 1e-3  # the farthest a push of 0.3 can turn it


def test_it_survives_the_disk(tmp_path: Path) -> None:
    learned = adapter([unit(1, 2)], [unit(2, 1)], width=0.2)
    for name, content in learned.files().items():
        (tmp_path / name).write_bytes(content)
    read = load_query_adapter(tmp_path)
    asked = unit(1, 1)[None]
    np.testing.assert_array_equal(read.apply(asked), learned.apply(asked))
    (tmp_path / "adapter.json").write_text('{"format": 1, "kind": "extractive-linear"}')
    with pytest.raises(ValueError, match="query-kernel"):
        load_query_adapter(tmp_path)


class Encoder:
    """Gives one vector, or fails."""

    model_name = "m"

    def __init__(self, result: Array | Exception) -> None:
        self.result = result

    def submit(self, text: str) -> Future[Array]:
        future: Future[Array] = Future()
        if isinstance(self.result, Exception):
            future.set_exception(self.result)
        else:
            future.set_result(self.result)
        return future


def test_behind_an_encoder() -> None:
    learned = adapter([unit(1, 0)], [unit(0, 1)])
    asked = AdaptedQuestions(Encoder(unit(1, 0)), learned)
    np.testing.assert_array_equal(asked.submit("?").result(), learned.apply(unit(1, 0)[None])[0])
    with pytest.raises(RuntimeError, match="closed"):
        AdaptedQuestions(Encoder(RuntimeError("closed")), learned).submit("?").result()


def test_it_is_for_one_encoder() -> None:
    encoder = Encoder(unit(1, 0))
    encoder.model_name = "other"
    with pytest.raises(ValueError, match="of m, not of other"):
        AdaptedQuestions(encoder, adapter([unit(1, 0)], [unit(0, 1)]))


def world(seed: int, count: int, flipped: float) -> list[Marked]:
    """Two subjects; in the first the encoder prefers the wrong passage. Voters mark the passage ranked first."""
    rng = np.random.default_rng(seed)
    marks = []
    for number in range(count):
        subject = number % 2
        question = unit(*(np.eye(8)[subject] + rng.normal(0, 0.1, 8)))
        right, wrong = np.eye(8, dtype=np.float32)[[2 + subject, 4 + subject]]
        tilt = 0.1 if subject == 0 else -0.2
        shown = np.stack([unit(*(question + tilt * right + right)), unit(*(question + right * 0 + wrong))])
        place = int(np.argmax(shown @ question))
        relevant = (place == 0) ^ (rng.random() < flipped)
        marks.append(Marked(question, shown, place, bool(relevant), 1.0, f"voter-{number // 2 % 50}"))
    return marks


def test_it_learns_from_noisy_marks_and_is_measured_on_others() -> None:
    learned = fit(world(0, 300, flipped=0.2), "m")
    held_out = world(1, 200, flipped=0.0)
    assert utility(held_out, None).mean() < utility(held_out, learned).mean()
    assert gain(held_out, learned).low > 0


def test_noise_teaches_next_to_nothing() -> None:
    learned = fit(world(0, 300, flipped=0.5), "m")
    assert (
        gain(world(1, 200, flipped=0.0), learned).value
        < gain(world(1, 200, flipped=0.0), fit(world(0, 300, flipped=0.0), "m")).value
    )


def test_a_mark_that_agrees_moves_less_than_one_that_surprises() -> None:
    question = unit(1, 0, 0)
    shown = np.stack([unit(1, 0.2, 0), unit(0.5, 0, 1)])
    agrees, surprises = (
        fit([Marked(question, shown, 0, relevant, 1.0, "v")], "m", QueryConfig()) for relevant in (True, False)
    )
    assert np.linalg.norm(agrees.pushes) < np.linalg.norm(surprises.pushes)


def test_the_newest_marks_are_kept() -> None:
    marks = world(0, 30, flipped=0.0)
    learned = fit(marks, "m", QueryConfig(most_marks=10))
    np.testing.assert_array_equal(learned.keys, np.stack([mark.question for mark in marks[-10:]]))


def test_no_marks_is_told() -> None:
    with pytest.raises(ValueError, match="no marks"):
        fit([], "m")
