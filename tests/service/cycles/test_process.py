"""An attempt at a cycle, with small stand-ins for the process that trains: however it ends, the row says so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import redis

from service.cycles import keys, store
from service.cycles.cycle import Cycle
from service.cycles.job import directory_of
from service.cycles.process import train
from service.jobs.slots import slot_lock
from service.jobs.spawned import spawn
from service.redis.calls import ask
from service.settings import Settings
from tests.service.cycles.filling import Log, fill_log
from tests.service.jobs.processes import gone, wait_until
from tests.training.registry.making import published
from training.pipeline.job import job_id
from training.registry import Fence, Registry, StaleWriter

HEAD = """
import json, os, signal, subprocess, sys, time, pathlib
job, token = pathlib.Path(sys.argv[1]), int(sys.argv[2])
def say(status, reason="", version=None, result=True):
    steps = [{"name": "update", "started_at": 1.0, "finished_at": None, "note": ""}]
    told = {"status": status, "pid": os.getpid(), "beat_at": time.time(), "steps": steps, "done": 0.5,
            "reason": reason, "version": version}
    (job / "state.json").write_text(json.dumps(told))
    if result and status not in ("running", "stopped"): (job / "result.json").write_text(json.dumps(told))
"""
HANGS = """say("running"); p = subprocess.Popen(["sleep", "300"])
(job / "grandchild").write_text(str(p.pid)); time.sleep(300)"""
REFUSED = "say('refused', 'no better'); sys.exit(0)"


def runs(code: str) -> Callable[[Path, int], Sequence[str]]:
    return lambda directory, token: [sys.executable, "-c", HEAD + code, str(directory), str(token)]


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> Settings:
    return Settings(home=tmp_path, redis_url=redis_url, train_lease_s=3.0, embedding_model="hashing")


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def cycle_id(client: redis.Redis, settings: Settings) -> str:
    """Enter a cycle that has something to learn from."""

    async def judge(log: Log) -> None:
        await log.vote(await log.answer("text"))

    fill_log(settings, judge)
    return ask(client, store.create("shared", "schedule")).id


def look(client: redis.Redis, cycle_id: str) -> Cycle:
    cycle = ask(client, store.get(cycle_id))
    assert cycle is not None
    return cycle


def hurry(client: redis.Redis, cycle_id: str) -> None:
    """End the pause before the next attempt."""
    client.hdel(keys.cycle(cycle_id), "not_before")


def wait_for_grandchild(settings: Settings, cycle_id: str) -> psutil.Process:
    path = directory_of(settings, cycle_id) / "grandchild"
    wait_until(lambda: path.exists() and path.read_text())
    return psutil.Process(int(path.read_text()))


def test_a_job_that_ends_ends_its_cycle_with_what_it_found(
    settings: Settings, client: redis.Redis, cycle_id: str
) -> None:
    code = (
        """(job / "data.json").write_text(json.dumps({"used": 7, "fate": {"1-0": "used"}}))
(job / "verdict.json").write_text(json.dumps({"tier": "refused"}))\n"""
        + REFUSED
    )
    assert train(settings, command=runs(code)) == "refused"
    cycle = look(client, cycle_id)
    assert (cycle.state, cycle.reason, cycle.attempts) == ("refused", "no better", 1)
    assert (cycle.counts, cycle.verdict, cycle.step) == ({"used": 7}, {"tier": "refused"}, "update")
    assert cycle.directory == str(directory_of(settings, cycle_id))
    assert cycle.finished_at is not None
    assert cycle.lease is None
    assert ask(client, store.create("shared", "schedule")).new
    assert slot_lock(settings.home, 0, "train").holder() is None


def test_too_many_wake_ups_are_harmless(settings: Settings, client: redis.Redis, cycle_id: str, tmp_path: Path) -> None:
    code = "open(job.parent / 'runs', 'a').write('x'); time.sleep(0.5); " + REFUSED
    with ThreadPoolExecutor(18) as pool:
        said = list(pool.map(lambda _: train(settings, command=runs(code)), range(18)))
    assert said.count("refused") == 1
    assert set(said) <= {"refused", "busy", "nothing"}
    assert (tmp_path / "training" / "runs").read_text() == "x"
    assert look(client, cycle_id).attempts == 1
    assert train(settings, command=runs(code)) == "nothing"


def test_a_killed_child_is_tried_again_and_given_up_after_some_attempts(
    settings: Settings, client: redis.Redis, cycle_id: str
) -> None:
    for attempt in (1, 2):
        assert train(settings, command=runs("os.kill(os.getpid(), signal.SIGKILL)")) == "retrying"
        cycle = look(client, cycle_id)
        assert (cycle.state, cycle.retrying, cycle.attempts) == ("running", True, attempt)
        assert cycle.reason == "its process was killed by signal 9"
        assert train(settings, command=runs(REFUSED)) == "nothing"  # a pause comes first
        hurry(client, cycle_id)
    assert train(settings, command=runs("sys.exit(5)")) == "failed"
    assert look(client, cycle_id).reason == "given up after 3 attempts; the last: its process left with exit status 5"


def test_the_next_attempt_may_succeed(settings: Settings, client: redis.Redis, cycle_id: str) -> None:
    train(settings, command=runs("sys.exit(1)"))
    hurry(client, cycle_id)
    assert train(settings, command=runs(REFUSED)) == "refused"
    assert look(client, cycle_id).attempts == 2


def test_a_job_that_makes_no_sense_is_not_tried_again(settings: Settings, client: redis.Redis, cycle_id: str) -> None:
    code = "print('2026-01-01 00:00:00 ERROR training.run: there is no method x', flush=True); sys.exit(2)"
    assert train(settings, command=runs(code)) == "failed"
    assert look(client, cycle_id).reason == "there is no method x"


def test_options_that_cannot_be_read_fail_the_cycle_with_the_reason(
    settings: Settings, client: redis.Redis, cycle_id: str, tmp_path: Path
) -> None:
    broken = settings.model_copy(update={"train_options": tmp_path / "none.toml"})
    assert train(broken, command=runs(REFUSED)) == "failed"
    assert "none.toml cannot be read" in look(client, cycle_id).reason


def test_a_full_disk_is_waited_for_and_is_not_one_of_its_tries(
    settings: Settings, client: redis.Redis, cycle_id: str
) -> None:
    for _ in range(settings.train_attempts + 1):
        said = train(settings, command=runs("say('stopped', 'the disk is full; make room'); sys.exit(75)"))
        assert said == "retrying"
        cycle = look(client, cycle_id)
        assert (cycle.attempts, cycle.reason) == (0, "the disk is full; make room")
        assert (cycle.not_before or 0.0) > ask(client, store.unfinished()).now + 30
        hurry(client, cycle_id)
    assert train(settings, command=runs(REFUSED)) == "refused"


def test_data_that_does_not_carry_is_a_refusal(settings: Settings, client: redis.Redis, cycle_id: str) -> None:
    assert train(settings, command=runs("say('waiting', '38 of 200 votes')")) == "refused"
    assert look(client, cycle_id).reason == "38 of 200 votes"


@pytest.mark.parametrize(
    ("limit", "says", "becomes"),
    [
        ({"train_silence_s": 1.5}, "killed: it showed no progress for 2 s", "retrying"),
        ({"train_wall_s": 1.5}, "stopped for good: it ran longer than 2 s", "failed"),
        ({"train_memory_bytes": 1}, "stopped for good: it took", "failed"),
    ],
)
def test_one_that_hangs_or_takes_too_much_is_killed_with_its_grandchildren(
    settings: Settings, client: redis.Redis, cycle_id: str, limit: dict[str, float], says: str, becomes: str
) -> None:
    assert train(settings.model_copy(update=limit), command=runs(HANGS)) == becomes
    assert look(client, cycle_id).reason.startswith(says)
    grandchild = directory_of(settings, cycle_id) / "grandchild"
    if grandchild.exists():
        assert not psutil.pid_exists(int(grandchild.read_text())) or gone(psutil.Process(int(grandchild.read_text())))
    assert slot_lock(settings.home, 0, "train").holder() is None


def in_background(
    settings: Settings, code: str, stop: threading.Event | None = None
) -> tuple[threading.Thread, list[str]]:
    said: list[str] = []
    stopping = stop.is_set if stop is not None else lambda: False
    thread = threading.Thread(target=lambda: said.append(train(settings, command=runs(code), stopping=stopping)))
    thread.start()
    return thread, said


def test_a_cancelled_cycle_is_killed_and_says_who_wanted_it(
    settings: Settings, client: redis.Redis, cycle_id: str
) -> None:
    thread, said = in_background(settings, HANGS)
    grandchild = wait_for_grandchild(settings, cycle_id)
    assert ask(client, store.request_cancel(cycle_id, "too long")) == "asked"
    thread.join(60)
    assert said == ["cancelled"]
    assert (look(client, cycle_id).state, look(client, cycle_id).reason) == ("cancelled", "too long")
    assert gone(grandchild)


def test_a_candidate_of_a_cancelled_cycle_is_taken_back(settings: Settings, client: redis.Redis, cycle_id: str) -> None:
    registry = Registry(settings.home / "registry" / "extractive")
    name = published(registry).name
    registry.assign("candidate", name)
    code = f"(job / 'version.json').write_text(json.dumps({{'version': {name!r}}}))\n{HANGS}"
    thread, said = in_background(settings, code)
    wait_for_grandchild(settings, cycle_id)
    ask(client, store.request_cancel(cycle_id))
    thread.join(60)
    assert said == ["cancelled"]
    assert registry.alias("candidate") is None


def test_a_worker_that_leaves_lets_it_reach_its_checkpoint_and_gives_it_back(
    settings: Settings, client: redis.Redis, cycle_id: str
) -> None:
    stop = threading.Event()
    code = (
        """def leave(*_): say("stopped", "asked to stop"); sys.exit(75)
signal.signal(signal.SIGTERM, leave)\n"""
        + HANGS
    )
    thread, said = in_background(settings, code, stop)
    wait_for_grandchild(settings, cycle_id)
    stop.set()
    thread.join(60)
    assert said == ["retrying"]
    cycle = look(client, cycle_id)
    assert (cycle.attempts, cycle.retrying) == (0, True)
    assert cycle.reason == "its worker stops; it goes on from its checkpoint"
    assert train(settings, command=runs(REFUSED)) == "refused"  # at once, and as a first try


def test_losing_the_lease_kills_the_child_and_says_nothing_more(
    settings: Settings, client: redis.Redis, cycle_id: str
) -> None:
    thread, said = in_background(settings, HANGS)
    grandchild = wait_for_grandchild(settings, cycle_id)
    client.hset(keys.cycle(cycle_id), "lease_until", "1")
    assert ask(client, store.requeue_expired()) == (cycle_id,)
    token = ask(client, store.claim(cycle_id, "another", 60))
    thread.join(60)
    assert said == ["lost"]
    assert gone(grandchild)
    assert look(client, cycle_id).token == token
    assert look(client, cycle_id).lease is not None


@pytest.mark.slow
def test_the_lease_is_kept_while_it_works(settings: Settings, client: redis.Redis, cycle_id: str) -> None:
    thread, said = in_background(settings, "say('running'); time.sleep(5); " + REFUSED)
    while thread.is_alive():
        assert ask(client, store.requeue_expired()) == ()
        time.sleep(0.1)
    assert said == ["refused"]


def test_a_place_held_for_a_cycle_that_was_taken_away_is_freed(
    settings: Settings, client: redis.Redis, cycle_id: str
) -> None:
    """As a paused worker holds it: its trainer goes on in the same folder, and would for hours."""
    token = ask(client, store.claim(cycle_id, "paused worker", 60)) or 0
    lock = slot_lock(settings.home, 0, "train")
    assert lock.acquire()
    with spawn(["sleep", "300"], {}, keep=(lock.descriptor or 0,)) as old:
        lock.hand_over(old.pid)
        note = {"cycle": cycle_id, "token": token, "host": os.uname().nodename, "pid": old.pid}
        (settings.home / "run" / "train-0.json").write_text(json.dumps(note))
        assert train(settings, command=runs(REFUSED)) == "busy"
        client.hset(keys.cycle(cycle_id), "lease_until", "1")
        ask(client, store.requeue_expired())
        path = settings.home / "run" / "train-0.json"
        path.write_text(json.dumps({**note, "pid": 1}))  # somebody else had the place then
        assert train(settings, command=runs(REFUSED)) == "busy"
        path.write_text(json.dumps(note))
        assert train(settings, command=runs(REFUSED)) == "refused"
        assert old.wait(10) == -9


def test_older_attempts_are_shut_out_before_anything_is_said_of_them(
    settings: Settings, client: redis.Redis, cycle_id: str
) -> None:
    train(settings, command=runs("sys.exit(1)"))
    ask(client, store.request_cancel(cycle_id, "enough"))
    assert train(settings, command=runs(REFUSED)) == "cancelled"
    registry = Registry(settings.home / "registry" / "extractive")
    with pytest.raises(StaleWriter):
        registry.fence(Fence(job_id(directory_of(settings, cycle_id)), 1))


def test_an_end_that_redis_did_not_hear_is_told_by_the_next_attempt_whatever_its_number(
    settings: Settings, client: redis.Redis, cycle_id: str
) -> None:
    client.hset(keys.cycle(cycle_id), "attempts", settings.train_attempts)
    directory = directory_of(settings, cycle_id)
    directory.mkdir(parents=True)
    told = {"status": "refused", "pid": 1, "beat_at": 1.0, "steps": [], "reason": "no better", "version": "v7"}
    (directory / "result.json").write_text(json.dumps(told))
    assert train(settings, command=runs("sys.exit(1)")) == "refused"
    assert (look(client, cycle_id).reason, look(client, cycle_id).version) == ("no better", "v7")


@pytest.mark.slow
def test_two_devices_two_cycles(settings: Settings, client: redis.Redis, cycle_id: str) -> None:
    ask(client, store.create("segment:north", "schedule"))
    both = settings.model_copy(update={"train_devices": ("0", "GPU-b")})
    code = "say('refused', os.environ['CUDA_VISIBLE_DEVICES'] + ' ' + os.environ['OMP_NUM_THREADS']); time.sleep(3)"
    with ThreadPoolExecutor(3) as pool:
        said = list(pool.map(lambda _: train(both, command=runs(code)), range(3)))
    assert sorted(said) in (["busy", "refused", "refused"], ["nothing", "refused", "refused"])
    rows = ask(client, store.newest()) or ()
    assert {row.reason for row in rows} == {"0 1", "GPU-b 1"}


@pytest.mark.slow
def test_the_real_child_gives_the_exit_status_of_training(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-m", "service.cycles.child", str(tmp_path), "--token", "1"]) as process:
        assert process.wait(120) == 2  # there is no job
