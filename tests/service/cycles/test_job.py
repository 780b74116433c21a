"""The job of a cycle for each scope: what it reads, where its version goes, whom it is compared with."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from retrieval.catalog import Catalog
from service.cycles.cycle import Cycle
from service.cycles.job import prepare
from service.evaluation.golden import drop_set, put_set
from service.evaluation.runs import RunStore
from service.scopes import NAMED, registry_folder
from service.settings import Settings
from tests.service.cycles.filling import Log, fill_log
from tests.service.evaluation.world import many
from training.evaluation.golden import read_golden
from training.pipeline.job import Job, read_job


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> Settings:
    return Settings(home=tmp_path / "home", redis_url=redis_url)


def job_of(settings: Settings, scope: str) -> tuple[Path, Job]:
    directory = prepare(settings, Cycle("cyc_" + scope.replace(":", "_"), scope, "running", "operator", 1.0))
    return directory, read_job(directory)


def texts(job: Job) -> set[str]:
    return {json.loads(line)["answers"][0]["text"] for line in job.records.read_bytes().splitlines()}


def test_each_scope_gets_its_own_job(settings: Settings) -> None:
    with closing(Catalog.open(settings.home)) as catalog:
        vault = catalog.create_collection("vault", embedding_model="hashing", readers=frozenset({"group:hr"}))

    async def fill(log: Log) -> None:
        await log.vote(await log.answer("for all"))
        held = await log.answer("held", collections=(vault.collection_id,), attributes={NAMED: vault.collection_id})
        await log.vote(held)

    fill_log(settings, fill)
    shared_folder = settings.home / "registry" / "extractive"

    _, shared = job_of(settings, "shared")
    assert (shared.registry, shared.shared, shared.focus) == (shared_folder, None, None)
    assert texts(shared) == {"for all"}

    _, segment = job_of(settings, "segment:de/AT")
    assert segment.registry.name == "extractive+segment.de%2FAT"
    assert segment.shared == shared_folder
    assert str(segment.focus) == "segment:de/AT"
    assert texts(segment) == {"for all"}

    directory, own = job_of(settings, f"collection:{vault.collection_id}")
    assert own.registry != registry_folder(settings)
    assert own.shared == shared_folder
    assert texts(own) == {"for all", "held"}
    assert own.served is not None
    assert len(own.served.read_bytes().splitlines()) == 2


def test_the_golden_set_goes_along_as_it_is_with_the_passages_that_its_last_run_found(settings: Settings) -> None:
    async def fill(log: Log) -> None:
        await log.vote(await log.answer("text"))

    fill_log(settings, fill)
    assert job_of(settings, "shared")[1].golden is None

    golden = put_set(settings, many(2))
    runs = RunStore.of(settings)
    run = runs.create(golden.content, 2, golden.sha256 or "")
    with runs.writer(run) as writer:
        found = {"row": {"id": "q1"}, "passages": [{"text": "There are 30 days."}], "citations": []}
        writer.append([json.dumps(found).encode()])
    runs.write(replace(run, state="completed"))
    directory, job = job_of(settings, "segment:a")
    drop_set(settings)

    assert job.golden == directory / "golden.jsonl"
    first, second = read_golden(job.golden)
    assert first.passages is None
    assert second.passages is not None
    assert second.passages[0].text == "There are 30 days."

    mine = settings.home / "mine.jsonl"
    named = settings.model_copy(update={"golden_set": mine})
    assert job_of(named, "segment:b")[1].golden == mine  # the cycle says what is wrong with it
    mine.write_bytes(many(1))
    directory, job = job_of(named, "segment:c")
    assert (job.golden, (directory / "golden.jsonl").read_bytes()) == (directory / "golden.jsonl", many(1))


def test_another_attempt_finds_the_same_job(settings: Settings) -> None:
    async def first(log: Log) -> None:
        await log.vote(await log.answer("first"))

    async def later(log: Log) -> None:
        await log.vote(await log.answer("later"))

    fill_log(settings, first)
    directory, job = job_of(settings, "shared")
    fill_log(settings, later)
    assert job_of(settings, "shared") == (directory, job)
    assert texts(job) == {"first"}
