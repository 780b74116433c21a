"""Changed answers as a file of the job."""

from __future__ import annotations

import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from training.datasets.examples import Example
from training.gate.inputs import Given, Row
from training.pipeline.changes import CHANGES, read_changes, write_changes
from training.policy.base import Answer, Prompt, Sampling, ShownPassage, Turn


def answered(margins: Sequence[tuple[float, ...]], same: int = 0) -> tuple[list[Row], list[Example]]:
    """Give rows with these margins of the judge's heads, and as many more whose answers are the same."""
    rows, asked = [], []
    passage = ShownPassage(1, "c1", "d1", "Handbook", "Thirty days.", 0.5, filename="hr.pdf")
    for number, heads in enumerate([*margins, *[(0.0,)] * same]):
        before = f"before {number}"
        after = before if number >= len(margins) else f"after {number}"
        ours = Given(after, False, 2, heads)
        rows.append(Row(f"prompt-{number}", "v", ours, Given(before, False, 2, (0.0,) * len(heads)), "de"))
        prompt = Prompt(f"Question {number}?", (passage,), (Turn("user", "Before that?"),))
        asked.append(Example(f"prompt-{number}", prompt, (Answer(before, "v1", "stop", Sampling(), 0.0, 1),)))
    return rows, asked


def test_only_changed_answers_are_kept_with_what_was_shown(tmp_path: Path) -> None:
    assert write_changes(tmp_path, *answered([(1.0, 3.0)], same=3)) == 1

    (change,) = read_changes(tmp_path)

    assert (change["prompt_id"], change["question"], change["segment"]) == ("prompt-0", "Question 0?", "de")
    assert change["history"] == [{"role": "user", "content": "Before that?"}]
    assert change["passages"][0]["text"] == "Thirty days."
    assert change["champion"] == {"text": "before 0", "abstained": False}
    assert 0.73 < change["preferred"] < 0.96  # the mean over the heads
    assert stat.S_IMODE((tmp_path / CHANGES).stat().st_mode) == 0o600


@settings(deadline=None, max_examples=30)
@given(margins=st.lists(st.floats(-50, 50), max_size=20))
def test_the_surest_come_first_and_none_is_lost(margins: list[float]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert write_changes(Path(folder), *answered([(margin,) for margin in margins])) == len(margins)
        found = [abs(change["preferred"] - 0.5) for change in read_changes(Path(folder))]

    assert found == sorted(found, reverse=True)
    assert len(found) == len(margins)


def test_a_job_before_its_gate_has_none(tmp_path: Path) -> None:
    assert list(read_changes(tmp_path)) == []
