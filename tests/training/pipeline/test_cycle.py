"""A cycle from a file to a version: what it leaves, what it refuses, and that it goes on where it stopped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from retrieval.embed import HashingEmbedder
from retrieval.errors import StorageFull
from tests.training.pipeline.world import NOW, judge, questions
from training.pipeline import judging
from training.pipeline.changes import read_changes
from training.pipeline.cycle import run_cycle
from training.pipeline.job import Job, job_id, write_job
from training.pipeline.making import DATA
from training.pipeline.series import read_series
from training.pipeline.state import RESULT, JobState, read_state
from training.policy.extractive import ExtractivePolicy, Prior
from training.records.types import Record
from training.records.write import record_lines
from training.registry.fences import Fence
from training.registry.registry import Registry

Start = Callable[..., tuple[Path, Job]]
Judged = Sequence[Record]
Ended = tuple[Path, Job, JobState]
QUICK = {
    "reward": {"precision": 100.0, "semantic": 0.0, "heads": 4},
    "update": {"epochs": 40},
    "gate": {"refit": False},
}


@pytest.fixture(scope="module")
def judged() -> Sequence[Record]:
    """Let readers judge the untrained policy."""
    asked = questions(240)
    untrained = ExtractivePolicy(HashingEmbedder(), prior=Prior.similarity())
    return judge([asked[number % 240] for number in range(320)], untrained)


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Write a job for some records."""

    def write(records: Iterable[Record] | bytes, name: str = "job", **changes: object) -> tuple[Path, Job]:
        content = records if isinstance(records, bytes) else b"".join(record_lines(records))
        (tmp_path / f"{name}.jsonl").write_bytes(content)
        job = Job(
            records=tmp_path / f"{name}.jsonl",
            registry=tmp_path / "registry",
            encoder="hashing",
            now=NOW,
            options=QUICK,
        )
        job = replace(job, **changes)  # type: ignore[arg-type]
        write_job(tmp_path / name, job)
        return tmp_path / name, job

    return write


@pytest.fixture(scope="module")
def ended(judged: Judged, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """Run one job to its end, for all that only look at it."""
    home = tmp_path_factory.mktemp("ended")
    (home / "records.jsonl").write_bytes(b"".join(record_lines(judged)))
    job = Job(home / "records.jsonl", home / "registry", encoder="hashing", now=NOW, options=QUICK)
    write_job(home / "job", job)
    return home / "job", job, run_cycle(home / "job", job)


def versions(job: Job) -> list[str]:
    return [line.name for line in Registry(job.registry).list() if line.version and line.version.path]


def test_records_become_a_version_with_its_verdict_and_card(ended: Ended, judged: Judged) -> None:
    directory, job, state = ended
    assert state.status in ("candidate", "refused"), state.reason
    assert versions(job) == [state.version]
    version = Registry(job.registry).open(state.version or "")
    assert version.card.judged is not None
    assert version.card.judged.summary == state.reason
    assert version.card.data_hashes["records"]
    assert {"adapter/adapter.json", "adapter/residual.safetensors", "reward/reward.json"} <= set(version.files)
    fate = json.loads((directory / DATA).read_text())["fate"]
    assert len(fate) == len(judged)
    assert not any("reader-" in path.read_text() for path in version.path.glob("card.*"))  # type: ignore[union-attr]


def test_a_job_that_is_over_stays_as_it_is(ended: Ended) -> None:
    directory, job, first = ended
    assert run_cycle(directory, job) == first
    assert len(versions(job)) == 1


def test_it_leaves_curves_of_every_stage_that_learns_or_judges(ended: Ended, tmp_path: Path) -> None:
    found = {(one.step, one.name): one for one in read_series(ended[0])}
    assert {
        *(
            ("reward", name)
            for name in (
                "loss",
                "held_out_accuracy",
                "judge-0 loss",
                "held out reward accuracy",
                "held out judge accuracy",
            )
        ),
        *(("update", name) for name in ("loss", "kl", "seconds", "held_out_accuracy", "held_out_margin")),
        *(("gate", name) for name in ("changed", "win_rate", "candidate_ms")),
    } <= found.keys()
    losses = [y for _, y in found["reward", "loss"].points]
    assert losses[-1] < losses[0]
    right = found["reward", "held_out_accuracy"].points
    assert len(right) == len(losses)
    assert right[-1][1] == pytest.approx(
        found["reward", "held out reward accuracy"].points[0][1], abs=0.1
    )  # it is calibrated afterwards
    assert len(found["update", "loss"].points) == QUICK["update"]["epochs"]
    assert all(0 <= y <= 1 for one in found.values() if one.unit == "share" for _, y in one.points)

    directory, job, _ = copied(ended, tmp_path)
    (directory / "verdict.json").unlink()
    run_cycle(directory, job)  # it asks again
    again = {(one.step, one.name): one for one in read_series(directory)}
    assert again["gate", "win_rate"] == found["gate", "win_rate"]
    assert again["reward", "loss"] == found["reward", "loss"]


def test_changed_answers_lie_with_the_job_and_never_in_the_version(ended: Ended) -> None:
    directory, job, state = ended
    changes = list(read_changes(directory))
    checks = json.loads((directory / "verdict.json").read_text())["checks"]
    (winning,) = [check for check in checks if check["name"] == "win rate"]
    assert len(changes) == winning["detail"]["changed"] > 0
    mean = sum(change["preferred"] for change in changes) / len(changes)
    assert mean == pytest.approx(winning["estimate"]["value"])
    assert all(change["champion"]["text"] != change["candidate"]["text"] for change in changes)
    version = Registry(job.registry).open(state.version or "")
    assert version.path is not None
    kept = b"".join(path.read_bytes() for path in version.path.rglob("*") if path.is_file())
    assert not any(change["question"].encode() in kept for change in changes)


@pytest.mark.slow
@pytest.mark.parametrize("asked", [3, 5, 40])
def test_a_stopped_job_goes_on_to_the_same_end(start: Start, judged: Judged, ended: Ended, asked: int) -> None:
    whole, _, expected = ended
    directory, job = start(judged, "stopped")
    left = iter(range(asked))
    assert run_cycle(directory, job, stopped=lambda: next(left, None) is None).status == "stopped"
    assert not (directory / RESULT).exists()
    state = run_cycle(directory, job)
    assert (state.status, state.reason) == (expected.status, expected.reason)
    for name in ("adapter/residual.safetensors", "judge-0/heads.safetensors"):
        assert (directory / name).read_bytes() == (whole / name).read_bytes()


def copied(ended: Ended, tmp_path: Path) -> tuple[Path, Job, str | None]:
    """Give the job as it was when it had published and not yet said so."""
    _, job, state = ended
    shutil.copytree(job.registry.parent, tmp_path / "copy")
    for name in (RESULT, "state.json", "version.json"):
        (tmp_path / "copy" / "job" / name).unlink()
    return tmp_path / "copy" / "job", replace(job, registry=tmp_path / "copy" / "registry"), state.version


def test_a_job_killed_after_publishing_does_not_publish_again(ended: Ended, tmp_path: Path) -> None:
    directory, job, version = copied(ended, tmp_path)
    assert run_cycle(directory, job).version == version
    assert len(versions(job)) == 1


def test_an_attempt_that_was_given_up_publishes_nothing_and_leaves_the_end_to_the_next(
    ended: Ended, tmp_path: Path
) -> None:
    directory, job, version = copied(ended, tmp_path)
    shutil.rmtree(job.registry)
    registry = Registry(job.registry)
    registry.fence(Fence(job_id(directory), 2))
    state = run_cycle(directory, job, token=1)
    assert (state.status, versions(job)) == ("stopped", [])
    assert not (directory / RESULT).exists()
    assert run_cycle(directory, job, token=2).version == version
    assert versions(job) == [version]


def test_an_attempt_stops_when_a_newer_one_begins(ended: Ended, tmp_path: Path) -> None:
    directory, job, _ = copied(ended, tmp_path)
    shutil.rmtree(job.registry)
    asked = 0

    def newer_begins() -> bool:
        nonlocal asked
        asked += 1
        if asked == 2:
            Registry(job.registry).fence(Fence(job_id(directory), 8))
        return False

    state = run_cycle(directory, job, token=7, stopped=newer_begins)
    assert (state.status, versions(job)) == ("stopped", [])
    assert "attempt 8 goes on" in state.reason or "asked to stop" in state.reason


def test_a_version_whose_trial_is_over_does_not_become_the_candidate_again(ended: Ended, tmp_path: Path) -> None:
    directory, job, version = copied(ended, tmp_path)
    registry = Registry(job.registry)
    registry.assign("candidate", version, why="a test")
    registry.assign("candidate", None, why="sent back")
    assert run_cycle(directory, job).version == version
    assert registry.alias("candidate") is None


def test_it_can_be_stopped_between_two_prompts_of_the_gate(ended: Ended, tmp_path: Path) -> None:
    directory, job, version = copied(ended, tmp_path)
    (directory / "verdict.json").unlink()
    left = iter(range(12))  # six stages, and some prompts
    state = run_cycle(directory, job, stopped=lambda: next(left, None) is None)
    assert (state.status, state.step) == ("stopped", "gate")
    assert run_cycle(directory, job).version == version


def test_another_job_of_the_same_name_gets_a_version_of_its_own(ended: Ended, tmp_path: Path) -> None:
    directory, job, version = copied(ended, tmp_path)
    (directory / "job.json").unlink()
    write_job(directory, replace(job, min_judgements=100))
    assert run_cycle(directory, job).version != version
    assert len(versions(job)) == 2


def _one_voter(records: Sequence[Record]) -> list[Record]:
    return [replace(record, voter="key:only") for record in records]


def _all_up(records: Sequence[Record]) -> list[Record]:
    return [replace(record, rating="up") for record in records if record.kind == "vote"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda records: records[:38], "of 200 judgements"),
        (_one_voter, "1 of 5 voters"),
        (_all_up, "one-sided"),
        (lambda records: [replace(record, consent=False) for record in records], "0 of 200 judgements"),
        (lambda records: [replace(record, judged_at=1.0) for record in records], "too old to count"),
    ],
    ids=["few", "one voter", "one-sided", "no consent", "long ago"],
)
def test_thin_data_waits_with_the_reason(
    start: Start,
    judged: Judged,
    change: Callable[[Sequence[Record]], list[Record]],
    told: str,
) -> None:
    directory, job = start(change(judged))
    state = run_cycle(directory, job)
    assert state.status == "waiting"
    assert told in state.reason
    assert versions(job) == []


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"not json\n", b"\x00\xff\xfe" * 99, b'{"record_id": "1-0"}\n', b"[" * 100_000]
)
def test_a_file_of_nonsense_fails_with_the_reason(start: Start, content: bytes) -> None:
    directory, job = start(content)
    state = run_cycle(directory, job)
    assert state.status == "failed"
    assert "Traceback" not in state.reason
    assert "JSON" in state.reason or "export" in state.reason
    assert versions(job) == []


def test_a_missing_file_and_foreign_data_are_told(start: Start, judged: Judged) -> None:
    directory, job = start(judged, "gone")
    job.records.unlink()
    assert "cannot be read" in run_cycle(directory, job).reason
    directory, job = start(b'{"prompt": "a", "chosen": "b", "rejected": "c"}\n', "trl")
    assert "only the causal policy" in run_cycle(directory, job).reason


def test_a_full_disk_stops_the_job_and_it_goes_on(
    ended: Ended, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> str:
        raise StorageFull("no space is left")

    directory, job, version = copied(ended, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(judging, "publish", full)
        state = run_cycle(directory, job)
    assert (state.status, state.step) == ("stopped", "publish")
    assert "no space is left" in state.reason
    assert run_cycle(directory, job).version == version


def test_an_option_that_does_not_exist_is_told(start: Start, judged: Judged) -> None:
    directory, job = start(judged, options={"reward": {"head": 4}})
    assert "[reward] has no options head" in run_cycle(directory, job).reason


@pytest.mark.slow
def test_methods_may_be_asked_for(start: Start, judged: Judged) -> None:
    directory, job = start(judged, method="kto,dpo")
    state: JobState | None = run_cycle(directory, job)
    assert state is not None
    assert state.status in ("candidate", "refused"), state.reason
    assert "kto+dpo" in next(step.note for step in state.steps if step.name == "update")
    assert read_state(directory) == state


@pytest.mark.slow
def test_what_may_only_be_tried_learns_from_the_whole_window_first(
    start: Start, judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every margin wide, more prompts asked for than there are, and a judge that leaves it open: nothing forbids a
    trial, and nothing is proven.
    """
    monkeypatch.setattr("training.gate.checks._not_against", lambda *_: True)
    margins = ("groundedness", "unanswerable", "silence", "pushback", "segment")
    gate = {f"{name}_margin": 1.0 for name in margins} | {"silence_anywhere": 1.0, "latency_ratio": 1e6}
    gate |= {"min_prompts": 10_000, "trial_changed": 0}
    directory, job = start(judged, options={**QUICK, "gate": gate})
    state = run_cycle(directory, job)
    assert state.status == "candidate", state.reason
    notes = {step.name: step.note for step in state.steps}
    assert notes["whole window"].endswith("voters"), notes
    registry = Registry(job.registry)
    version = registry.get(registry.alias("candidate") or "")
    assert version.card.judged is not None
    assert version.card.judged.tier == "trial"
    assert "the judges' among them" in version.card.summary
    assert version.adapter is not None
    (weights,) = version.adapter.glob("*.safetensors")
    assert weights.read_bytes() == (directory / "adapter-whole" / weights.name).read_bytes()
    assert weights.read_bytes() != (directory / "adapter" / weights.name).read_bytes()
