"""A cycle for a segment or a collection, from a file to a version, and what segments may forbid in a shared one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from retrieval.embed import HashingEmbedder
from tests.training.pipeline.world import NOW, judge, questions
from training.pipeline.cycle import run_cycle
from training.pipeline.job import Job, write_job
from training.pipeline.state import RESULT, JobState
from training.policy.extractive import ExtractivePolicy, Prior
from training.records.types import Record
from training.records.write import record_lines
from training.registry.registry import Registry

QUICK = {"reward": {"precision": 100.0, "semantic": 0.0, "heads": 4}, "update": {"epochs": 40}}
Ended = tuple[Path, Job, JobState]


pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # whole cycles, on machines that do other things too


@pytest.fixture(scope="module")
def judged() -> Sequence[Record]:
    """Let readers of two segments judge the untrained policy."""
    asked = questions(240)
    untrained = ExtractivePolicy(HashingEmbedder(), prior=Prior.similarity())
    return judge([asked[number % 240] for number in range(320)], untrained)


def run(home: Path, name: str, records: Sequence[Record], **changes: object) -> Ended:
    """Run a job to its end."""
    (home / f"{name}.jsonl").write_bytes(b"".join(record_lines(records)))
    job = Job(home / f"{name}.jsonl", home / "extractive", encoder="hashing", now=NOW, options=QUICK)
    job = replace(job, **changes)  # type: ignore[arg-type]
    write_job(home / name, job)
    return home / name, job, run_cycle(home / name, job)


@pytest.fixture(scope="module")
def shared(judged: Sequence[Record], tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """Run a shared cycle and let its version serve."""
    home = tmp_path_factory.mktemp("scopes")
    directory, job, state = run(home, "shared", judged)
    Registry(job.registry).promote(state.version or "", why="a test", force=True)
    return directory, job, state


def verdict(directory: Path) -> dict[str, dict[str, object]]:
    stored = json.loads((directory / "verdict.json").read_text())
    return {check["name"]: check for check in stored["checks"]} | {"": stored}


def test_a_segment_learns_from_everybody_and_is_tried_on_itself(shared: Ended, judged: Sequence[Record]) -> None:
    source, before, served = shared
    directory, job, state = run(
        before.registry.parent,
        "north",
        judged,
        registry=before.registry.with_name("extractive+segment.north"),
        shared=before.registry,
        scope="segment:north",
        min_judgements=100,
    )
    assert state.status in ("candidate", "refused"), state.reason
    version = Registry(job.registry).open(state.version or "")
    assert version.name != served.version
    assert version.card.config["scope"] == "segment:north"
    assert version.card.judged is not None
    assert version.card.judged.champion == served.version == version.card.parents[0]
    data = json.loads((directory / "data.json").read_text())
    plain = json.loads((source / "data.json").read_text())
    assert data["used"] == plain["used"] > 300
    assert data["segments"]["north"] > 0.7 > 0.6 > plain["segments"]["north"]
    asked = {name for name in verdict(directory) if name.startswith("segment ")}
    assert asked == {"segment north"}
    assert Registry(before.registry).alias("champion") == served.version


def test_a_segment_with_little_of_its_own_waits_and_says_so(shared: Ended, judged: Sequence[Record]) -> None:
    _, before, _ = shared
    few = [record for number, record in enumerate(judged) if record.segment == "south" or number < 40]
    few += [replace(record, voter=f"{record.voter}-b", record_id=f"{record.record_id}1") for record in few]
    _, job, state = run(
        before.registry.parent,
        "thin",
        few,
        registry=before.registry.with_name("extractive+segment.north"),
        shared=before.registry,
        scope="segment:north",
    )
    assert state.status == "waiting"
    assert "of 200 judgements of segment:north" in state.reason


def test_one_segment_alone_can_stop_a_shared_version(shared: Ended, tmp_path: Path) -> None:
    source, job, state = shared
    shutil.copytree(job.registry.parent, tmp_path / "copy")
    directory = tmp_path / "copy" / source.name
    for name in (RESULT, "state.json", "version.json", "verdict.json", "job.json"):
        (directory / name).unlink()
    registry = Registry(tmp_path / "copy" / "extractive")
    registry.rollback()
    registry.prune(keep=0)
    gate = {"segment_prompts": 5, "segment_margin": -0.49}  # wins 99 % in each: nobody does
    write_job(directory, replace(job, registry=registry.root, options={**QUICK, "gate": gate}))
    ended = run_cycle(directory, replace(job, registry=registry.root, options={**QUICK, "gate": gate}))
    checks = verdict(directory)
    assert checks["segment north"]["kind"] == checks["segment south"]["kind"] == "veto"
    assert checks["segment north"]["outcome"] == checks["segment south"]["outcome"] == "failed"
    assert ended.status == "refused"
    assert registry.alias("candidate") is None
    refused = [name for name, check in checks.items() if name and check["outcome"] == "failed"]
    assert set(refused) >= {"segment north", "segment south"}
    assert not registry.open(ended.version or "").card.judged.passed  # type: ignore[union-attr]
