"""Cycles of learning whose messages, processes and clocks misbehave: one published result, or an honest reason.

After each fault: no judgement is lost, every version is whole, and the next cycle of the scope can be entered.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
import redis
from safetensors.numpy import load_file

from retrieval.catalog import Catalog
from service.cycles import keys, store
from service.cycles.cycle import Cycle
from service.cycles.job import directory_of
from service.cycles.process import train
from service.feedback.keys import FEEDBACK
from service.jobs import names
from service.jobs.celery_app import create_celery
from service.jobs.sweep import last_sweep_age_s, late_sweep
from service.jobs.tasks import wake
from service.redis.calls import ask
from service.redis.server import RedisServer
from service.settings import Settings, load_settings
from tests.faults.cycle_world import JUDGEMENTS, SETTINGS, fill, judgements, look, options, published
from tests.service.jobs import processes
from tests.service.jobs.documents import COLLECTION, OPERATOR, upload
from training.pipeline.cycle import run_cycle
from training.pipeline.job import read_job, write_job
from training.pipeline.state import read_state
from training.records.types import Record

pytestmark = [pytest.mark.fault, pytest.mark.timeout(1800)]
SLOWLY = 1500  # steps of an update that can be caught at work
CHILD = "service.cycles.child"
PATIENCE_S = 600.0  # training stands behind everything else that a machine has to do
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture(scope="module")
def judged() -> Sequence[Record]:
    return judgements()


@pytest.fixture
def client(redis_url: str, judged: Sequence[Record]) -> Iterator[redis.Redis]:
    """Give a Redis with judged answers."""
    fill(redis_url, judged)
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def start(tmp_path: Path, redis_url: str, client: redis.Redis) -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def start(*command: str, epochs: int = 40, **settings: str) -> subprocess.Popen[bytes]:
        given = {**SETTINGS, "redis_url": redis_url, "train_options": options(tmp_path, epochs=epochs), **settings}
        started.append(processes.start(tmp_path, *command, **given))
        return started[-1]

    yield start
    for process in started:
        with_all = [process.pid, *(child.pid for child in descendants(process))]
        for pid in with_all:
            signalled(pid, signal.SIGCONT)
        processes.kill(process)


def wait_until(true: Callable[[], object]) -> None:
    processes.wait_until(true, PATIENCE_S)


def settings_of(home: Path, url: str, epochs: int = 40, **changes: object) -> Settings:
    given: dict[str, object] = {**SETTINGS, "train_options": options(home, epochs=epochs), **changes}
    return load_settings(home=home, redis_url=url, **given)


def new_cycle(client: redis.Redis) -> str:
    made = ask(client, store.create("shared", "schedule"))
    assert made.new
    return made.id


def at_step(client: redis.Redis, cycle_id: str, *steps: str) -> Cycle:
    """Wait until it is at one of these steps; its folder says so sooner than its row."""

    def there() -> bool:
        cycle = look(client, cycle_id)
        state = read_state(Path(cycle.directory)) if cycle.directory else None
        return cycle.finished or (state is not None and state.step in steps)

    wait_until(there)
    cycle = look(client, cycle_id)
    assert not cycle.finished, cycle.reason
    return cycle


def answers(client: redis.Redis) -> bool:
    """Tell whether Redis is there and has read its file."""
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


def finished(client: redis.Redis, cycle_id: str) -> Cycle:
    wait_until(lambda: look(client, cycle_id).finished)
    return look(client, cycle_id)


def trainer(worker: subprocess.Popen[bytes]) -> psutil.Process:
    wait_until(lambda: processes.children(worker.pid, CHILD))
    return processes.children(worker.pid, CHILD)[0]


def descendants(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def signalled(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def hurry(client: redis.Redis, cycle_id: str) -> None:
    client.hdel(keys.cycle(cycle_id), "not_before")


def is_sound(client: redis.Redis, home: Path, cycle: Cycle) -> None:
    """One result, told once; no judgement lost; every version whole; the scope is free for the next cycle."""
    assert cycle.state in ("refused", "candidate"), cycle.reason
    assert published(home) == [cycle.version]
    assert client.xlen(FEEDBACK) == JUDGEMENTS
    assert ask(client, store.finish(cycle.id, cycle.token - 1, "failed", "late")) is False
    assert look(client, cycle.id) == cycle
    assert ask(client, store.claim(new_cycle(client), "the next one", 1.0)) == 1


def test_eighteen_deliveries_and_a_lease_that_ends_mid_run_publish_once(
    client: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path, redis_url, SLOWLY)
    cycle_id = new_cycle(client)
    said: list[str] = []
    first = threading.Thread(target=lambda: said.append(train(settings)))
    first.start()
    at_step(client, cycle_id, "update")
    client.hset(keys.cycle(cycle_id), "lease_until", "1")
    assert ask(client, store.requeue_expired()) == (cycle_id,)
    with ThreadPoolExecutor(18) as pool:
        again = list(pool.map(lambda _: train(settings), range(18)))
    first.join(PATIENCE_S)
    assert said == ["lost"]
    cycle = finished(client, cycle_id)
    assert [word for word in again if word not in ("busy", "nothing")] == [cycle.state]
    assert (cycle.attempts, cycle.token) == (2, 2)
    is_sound(client, tmp_path, cycle)


def test_a_killed_trainer_is_followed_by_one_that_ends_as_if_nothing_had_happened(
    client: redis.Redis, start: Start, redis_url: str, tmp_path: Path
) -> None:
    worker = start("worker", epochs=SLOWLY)
    cycle_id = new_cycle(client)
    at_step(client, cycle_id, "update")
    killed = trainer(worker)
    killed.kill()
    wait_until(lambda: look(client, cycle_id).retrying or look(client, cycle_id).token > 1)
    assert "killed by signal 9" in look(client, cycle_id).reason
    cycle = finished(client, cycle_id)
    assert cycle.attempts == 2
    is_sound(client, tmp_path, cycle)
    whole = tmp_path / "whole"
    job = replace(read_job(directory_of(settings_of(tmp_path, redis_url), cycle_id)), registry=tmp_path / "other")
    write_job(whole, job)
    assert run_cycle(whole, job).reason.partition("\n")[0] == cycle.reason.partition("\n")[0]
    for name in ("adapter/residual.safetensors", "judge-0/heads.safetensors"):
        ours, theirs = (load_file(folder / name) for folder in (Path(cycle.directory), whole))
        for tensor, values in ours.items():
            np.testing.assert_allclose(values, theirs[tensor], atol=1e-5, err_msg=f"{name}: {tensor}")


def test_a_killed_worker_takes_its_trainer_along_and_the_next_one_goes_on(
    client: redis.Redis, start: Start, tmp_path: Path
) -> None:
    worker = start("worker")
    cycle_id = new_cycle(client)
    at_step(client, cycle_id, "reward")
    family = descendants(worker)
    worker.kill()
    wait_until(lambda: all(processes.gone(process) for process in family))
    start("worker")  # and no schedule: the worker looks by itself
    wait_until(lambda: look(client, cycle_id).token == 2)
    cycle = finished(client, cycle_id)
    assert cycle.attempts == 2
    is_sound(client, tmp_path, cycle)


def test_a_worker_that_is_stopped_leaves_a_checkpoint_and_gives_the_cycle_back(
    client: redis.Redis, start: Start, tmp_path: Path
) -> None:
    worker = start("worker", epochs=SLOWLY)
    cycle_id = new_cycle(client)
    at_step(client, cycle_id, "update")
    heavy = trainer(worker)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(PATIENCE_S) == 0
    assert processes.gone(heavy)
    cycle = look(client, cycle_id)
    assert (cycle.retrying, cycle.attempts, cycle.lease) == (True, 0, None)
    assert cycle.reason.startswith("its worker stops")
    assert published(tmp_path) == []
    start("worker")
    cycle = finished(client, cycle_id)
    assert (cycle.attempts, cycle.token) == (1, 2)
    is_sound(client, tmp_path, cycle)


def test_what_a_paused_worker_brings_too_late_is_refused(client: redis.Redis, start: Start, tmp_path: Path) -> None:
    paused = start("worker", epochs=SLOWLY)
    cycle_id = new_cycle(client)
    at_step(client, cycle_id, "update")
    heavy = trainer(paused)
    family = [psutil.Process(paused.pid), *descendants(paused)]
    for process in family:
        if process.pid != heavy.pid:
            process.suspend()  # its trainer goes on, with nobody to tell
    start("worker")
    wait_until(lambda: look(client, cycle_id).token == 2)
    wait_until(lambda: processes.gone(heavy))
    for process in family:
        if not processes.gone(process):
            process.resume()
    cycle = finished(client, cycle_id)
    assert cycle.attempts == 2
    is_sound(client, tmp_path, cycle)
    paused.send_signal(signal.SIGTERM)
    assert paused.wait(PATIENCE_S) == 0


def test_a_trainer_that_hangs_is_killed_and_followed_by_another(
    client: redis.Redis, start: Start, tmp_path: Path
) -> None:
    worker = start("worker", train_silence_s="45")
    cycle_id = new_cycle(client)
    at_step(client, cycle_id, "reward")
    heavy = trainer(worker)
    heavy.suspend()
    wait_until(lambda: look(client, cycle_id).token == 2)
    assert processes.gone(heavy)
    cycle = finished(client, cycle_id)
    is_sound(client, tmp_path, cycle)


def test_a_trainer_past_its_time_is_killed_for_good(client: redis.Redis, start: Start, tmp_path: Path) -> None:
    worker = start("worker", epochs=1_000_000, train_wall_s="60")
    cycle_id = new_cycle(client)
    heavy = trainer(worker)
    cycle = finished(client, cycle_id)
    assert (cycle.state, cycle.reason) == ("failed", "stopped for good: it ran longer than 60 s")
    assert processes.gone(heavy)
    assert published(tmp_path) == []
    assert client.xlen(FEEDBACK) == JUDGEMENTS
    assert ask(client, store.claim(new_cycle(client), "the next one", 1.0)) == 1


def test_without_a_schedule_it_shows_and_cycles_are_found_all_the_same(
    client: redis.Redis, start: Start, tmp_path: Path
) -> None:
    start("worker")
    beat = start("beat")
    wait_until(lambda: last_sweep_age_s(tmp_path) is not None)
    beat.kill()
    beat.wait()
    wait_until(lambda: (last_sweep_age_s(tmp_path) or 0.0) > 6.0)
    assert "the last sweep was" in (late_sweep(tmp_path, 1.0) or "")
    cycle = finished(client, new_cycle(client))
    is_sound(client, tmp_path, cycle)


def test_a_clock_that_jumps_an_hour_either_way_changes_nothing(
    client: redis.Redis, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shim = tmp_path / "shim"
    shim.mkdir()
    (shim / "sitecustomize.py").write_text(
        "import time\nreal, began = time.time, time.monotonic()\n"
        "def jumping():\n"
        "    at = time.monotonic() - began\n"
        "    return real() + (0 if at < 4 else 3600 if at < 12 else -3600)\n"
        "time.time = jumping\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(shim))
    start("worker")
    cycle_id = new_cycle(client)
    cycle = finished(client, cycle_id)
    assert (cycle.attempts, cycle.token) == (1, 1)
    is_sound(client, tmp_path, cycle)


def test_a_redis_that_is_away_for_longer_than_the_lease_costs_at_most_an_attempt(
    judged: Sequence[Record], tmp_path: Path
) -> None:
    server = RedisServer(tmp_path)
    server.start()
    try:
        fill(server.url, judged)
        with redis.Redis.from_url(server.url) as client:
            cycle_id = new_cycle(client)
            given = {**SETTINGS, "train_options": options(tmp_path, epochs=SLOWLY)}
            worker = processes.start(tmp_path, "worker", **given)
            try:
                at_step(client, cycle_id, "update")
                os.kill(server.pid or 0, signal.SIGKILL)
                time.sleep(8.0)
                server.start()
                wait_until(lambda: answers(client))
                cycle = finished(client, cycle_id)
                assert cycle.attempts <= 2
                is_sound(client, tmp_path, cycle)
            finally:
                processes.kill(worker)
    finally:
        server.stop()


def test_uploads_and_sweeps_do_not_wait_for_a_training(
    client: redis.Redis, start: Start, redis_url: str, tmp_path: Path
) -> None:
    worker = start("worker", epochs=1_000_000, ingest_linger_s="0")
    start("beat")
    cycle_id = new_cycle(client)
    at_step(client, cycle_id, "update")
    heavy = trainer(worker)
    catalog = Catalog.open(tmp_path)
    try:
        documents = [upload(catalog, f"{number}.txt", b"A text about lighthouses.").document_id for number in range(2)]
        app = create_celery(load_settings(home=tmp_path, redis_url=redis_url))
        for _ in range(30):  # wake-ups for a cycle that runs already
            wake(app, names.CYCLE)
        wait_until(lambda: all(catalog.document(OPERATOR, COLLECTION, one).status == "completed" for one in documents))
        (tmp_path / "run" / "sweep.stamp").unlink()
        wait_until(lambda: last_sweep_age_s(tmp_path) is not None)
    finally:
        catalog.close()
    assert not processes.gone(heavy)
    ask(client, store.request_cancel(cycle_id, "enough"))
    cycle = finished(client, cycle_id)
    assert (cycle.state, cycle.reason) == ("cancelled", "enough")
    assert processes.gone(heavy)
    assert client.xlen(FEEDBACK) == JUDGEMENTS
