"""What a late stage could not work with is refused before the first one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from training.pipeline.job import BadJob, Job
from training.pipeline.options import check_options

JOB = Job(records=Path("records.jsonl"), registry=Path("registry"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"options": {"gate": {"min_promts": 3}}}, r"\[gate\] has no options min_promts"),
        ({"options": {"ppo": {"rollouts": 1}}}, r"\[ppo\] leave-one-out needs two"),
        ({"options": {"update": {"epoch": 3}}}, r"\[update\] has no options epoch"),
        ({"options": {"update": {"methods": ["dpo"]}}}, "--method"),
        ({"options": {"update": {"present": 1.0}}, "method": "kto"}, r"\[update\] has no options present"),
        ({"options": {"update": {"rank": 4}}}, r"\[update\] has no options rank"),
        ({"options": {"update": {"rank": "four"}}, "policy": "causal"}, r"\[update\] rank .*integer"),
    ],
)
def test_what_a_stage_cannot_work_with(change: dict[str, Any], told: str) -> None:
    with pytest.raises(BadJob, match=told):
        check_options(replace(JOB, **change))


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"options": {"update": {"present": 1.0, "flip_rate": 0.1, "epochs": 3}}},
        {"options": {"update": {"rank": 4, "precision": "bf16"}}, "policy": "causal"},
        {"options": {"reward": {"precisions": [3, 10.0]}, "gate": {"min_prompts": 7}}},
    ],
)
def test_what_can_be_done_passes(change: dict[str, Any]) -> None:
    check_options(replace(JOB, **change))


def test_a_golden_set_that_only_a_search_could_answer_is_refused(tmp_path: Path) -> None:
    golden = tmp_path / "golden.jsonl"
    golden.write_text(json.dumps({"question": "When?", "answers": ["1900"]}) + "\n")
    with pytest.raises(BadJob, match="passages of its own"):
        check_options(replace(JOB, golden=golden))
