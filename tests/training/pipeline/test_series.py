"""The curves of a job: nothing twice, nothing without bound, and readable while they are written."""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.pipeline.series import METRICS, MOST_POINTS, SeriesLog, read_series
from training.updates.metrics import MetricsLog


def test_points_are_read_back_by_curve_in_their_order(tmp_path: Path) -> None:
    log = SeriesLog(tmp_path, "reward")
    judge = SeriesLog(tmp_path, "reward", part="judge-1")
    for step in range(3):
        log.add("loss", step, 1 / (1 + step))
        judge.add("loss", step, 2.0)

    first, second = read_series(tmp_path)

    assert (first.name, first.step, first.unit, first.x) == ("loss", "reward", "nats", "step")
    assert first.points == ((0.0, 1.0), (1.0, 0.5), (2.0, 1 / 3))
    assert (second.name, second.points) == ("judge-1 loss", ((0.0, 2.0), (1.0, 2.0), (2.0, 2.0)))


def test_a_part_that_is_done_again_has_no_point_twice(tmp_path: Path) -> None:
    done = SeriesLog(tmp_path, "reward")
    done.add("loss", 1, 0.5)
    killed = SeriesLog(tmp_path, "reward", part="judge-0")
    killed.add("loss", 1, 0.9)
    with (tmp_path / METRICS).open("ab") as stream:
        stream.write(b'{"step": "reward", "part": "judge-0", "na')

    again = SeriesLog(tmp_path, "reward", part="judge-0")
    again.add("loss", 1, 0.8)

    assert {one.name: one.points for one in read_series(tmp_path)} == {
        "loss": ((1.0, 0.5),),
        "judge-0 loss": ((1.0, 0.8),),
    }


@settings(deadline=None, max_examples=20)
@given(count=st.integers(0, 5000))
def test_a_curve_is_bounded_and_keeps_its_last_point_that_was_written(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        log = SeriesLog(Path(folder), "gate", x="prompt")
        for x in range(count):
            log.add("win_rate", x, 0.5)
        written = (Path(folder) / METRICS).read_bytes().count(b"\n")
        found = read_series(Path(folder))

    assert written <= MOST_POINTS * (1 + math.log2(1 + count / MOST_POINTS))
    assert len(found) == (count > 0)
    if found:
        xs = [x for x, _ in found[0].points]
        assert len(xs) <= MOST_POINTS
        assert xs == sorted(set(xs))
        assert (xs[0], count - 1 - xs[-1] < 1 + count // MOST_POINTS * 2) == (0, True)


def test_a_run_of_the_policy_is_read_from_its_own_record(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path / "update")
    figures = {"accuracy": 0.6, "reward": 0.3}
    log.add({"look": True, "step": 0, "loss": None, "kl": 0.0, "words": 9.0, "figures": figures, "kl_error": 0.1})
    log.add({"step": 1, "loss": 0.7, "loss_votes": 0.4, "grad_norm": 2.0, "seconds": 0.01, "kl": 0.2})
    log.add({"step": 2, "loss": math.nan, "seconds": 0.02})

    found = {one.name: (one.points, one.unit) for one in read_series(tmp_path)}

    assert found == {
        "kl": (((0.0, 0.0),), "nats"),
        "words": (((0.0, 9.0),), "words"),
        "held_out_accuracy": (((0.0, 0.6),), "share"),
        "reward": (((0.0, 0.3),), ""),
        "loss": (((1.0, 0.7),), "nats"),
        "loss_votes": (((1.0, 0.4),), "nats"),
        "grad_norm": (((1.0, 2.0),), ""),
        "seconds": (((1.0, 0.01), (2.0, 0.02)), "s"),
        "drawn_kl": (((1.0, 0.2),), "nats"),
    }
    assert {one.step for one in read_series(tmp_path)} == {"update"}


def test_a_long_run_is_thinned(tmp_path: Path) -> None:
    (tmp_path / "update").mkdir()
    lines = "".join(json.dumps({"step": step, "loss": 1.0}) + "\n" for step in range(1, 12_346))
    (tmp_path / "update" / METRICS).write_text(lines)

    (loss,) = read_series(tmp_path)

    assert len(loss.points) <= MOST_POINTS
    assert (loss.points[0][0], loss.points[-1][0]) == (1, 12_345)


@pytest.mark.parametrize("content", [b"", b"[]\n", b"\xff\n{}\n", b'{"step": 1, "name": "x"}\n', b'{"step": "a"}\n'])
def test_what_is_no_point_is_passed_over(tmp_path: Path, content: bytes) -> None:
    (tmp_path / METRICS).write_bytes(content)
    (tmp_path / "update").mkdir()
    (tmp_path / "update" / METRICS).write_bytes(content)

    assert not [one for one in read_series(tmp_path) if one.points != ()]


def test_a_job_without_curves_has_none(tmp_path: Path) -> None:
    assert read_series(tmp_path) == []
