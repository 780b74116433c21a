"""What is done again and again: often enough, whatever clocks do, and what is rare once however many ask."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from celery.beat import Scheduler
from typer.testing import CliRunner

from service.cli import app
from service.jobs import names
from service.jobs.celery_app import create_celery
from service.jobs.due import due
from service.jobs.schedule import beat_schedule, intervals, life_s, monotonic_now
from service.jobs.slots import places
from service.jobs.stopping import Stopping
from service.jobs.worker import concurrency
from service.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> Settings:
    return load_settings(home=tmp_path, redis_url=redis_url)


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def test_every_scheduled_task_exists_and_every_message_has_time_to_be_taken(settings: Settings) -> None:
    quick = settings.model_copy(update={"sweep_interval_s": 1.0})
    celery = create_celery(quick)
    entries = celery.conf.beat_schedule
    assert {entry["task"] for entry in entries.values()} <= set(celery.tasks)
    assert set(intervals(quick)) == {entry["task"] for entry in entries.values()}
    # A worker that needs ten seconds for each message must not find all of them too old.
    assert entries[names.SWEEP]["options"]["expires"] == 30.0
    assert all(entry["options"]["expires"] >= max(30.0, entry["schedule"].seconds) for entry in entries.values())
    assert life_s(600.0) == 600.0


def test_the_schedule_is_kept_in_memory(settings: Settings, tmp_path: Path) -> None:
    celery = create_celery(settings)
    assert celery.conf.beat_scheduler == "celery.beat:Scheduler"
    scheduler = Scheduler(app=celery)
    assert set(scheduler.schedule) >= set(intervals(settings))
    assert not list(tmp_path.rglob("schedule*"))


def test_a_wall_clock_that_jumps_does_not_move_the_schedule(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (entry,) = [one for one in beat_schedule(settings).values() if one["task"] == names.SWEEP]
    plan = entry["schedule"]
    plan.celery = create_celery(settings)
    last = monotonic_now()
    moved = time.monotonic()
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert not plan.is_due(last).is_due
    assert plan.is_due(last - timedelta(seconds=settings.sweep_interval_s)).is_due
    assert abs((monotonic_now() - last).total_seconds() - (time.monotonic() - moved)) < 1


def test_of_many_who_ask_one_is_to_do_it(client: redis.Redis, redis_url: str) -> None:
    def ask(_: int) -> bool:
        with redis.Redis.from_url(redis_url) as own, due(own, "archive", 3600.0) as mine:
            return mine

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(16))) == 1
    assert client.ttl("gl:due:archive") > 3500
    client.delete("gl:due:archive")
    assert ask(0)


def test_what_failed_is_due_again_sooner(client: redis.Redis) -> None:
    def fail() -> None:
        with due(client, "archive", 86_400.0, retry_s=60.0) as mine:
            assert mine
            raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        fail()
    assert 0 < client.ttl("gl:due:archive") <= 60


def test_maintenance_asks_for_an_ingest_process_once_a_day(settings: Settings) -> None:
    celery = create_celery(settings)
    for _ in range(3):
        celery.tasks[names.MAINTENANCE]()
    assert [message.headers["task"] for message in messages(celery, names.INGEST_QUEUE)] == [names.DRAIN]


def test_a_wake_up_for_a_cycle_is_off_the_queue_before_it_begins(settings: Settings) -> None:
    """It may run for longer than any visibility timeout: then it would be delivered again and again."""
    celery = create_celery(settings)
    assert not celery.tasks[names.CYCLE].acks_late
    assert celery.tasks[names.DRAIN].acks_late
    celery.send_task(names.CYCLE)
    assert [message.headers["task"] for message in messages(celery, names.TRAIN_QUEUE)] == [names.CYCLE]
    assert celery.tasks[names.CYCLE]() == "nothing"  # delivered where nothing waits, or again


def test_what_is_long_leaves_a_process_for_what_is_short(settings: Settings) -> None:
    everything = concurrency(settings, names.QUEUES)
    assert everything > settings.ingest_processes + places(settings) + 1
    two = settings.model_copy(update={"train_devices": ("0", "1")})
    assert concurrency(two, ["train"]) == 3
    assert concurrency(settings, ["ingest"]) == settings.ingest_processes + 1


@pytest.mark.parametrize("queues", ["nothing", "ingest,", ""])
def test_a_queue_that_is_not_there_is_refused(queues: str) -> None:
    result = CliRunner().invoke(app, ["worker", "--queues", queues])
    assert result.exit_code == 2
    assert "ingest, train, default" in result.output


def test_a_sweep_looks_for_cycles_too(settings: Settings, client: redis.Redis) -> None:
    from service.cycles import store
    from service.redis.calls import ask

    ask(client, store.create("shared", "schedule"))
    celery = create_celery(settings)
    celery.tasks[names.SWEEP]()
    assert [message.headers["task"] for message in messages(celery, names.TRAIN_QUEUE)] == [names.CYCLE]
    cycle_id = ask(client, store.unfinished()).cycles[0].id
    token = ask(client, store.claim(cycle_id, "w", 60)) or 0
    ask(client, store.release(cycle_id, token, "it died", pause_s=300))
    celery.tasks[names.SWEEP]()
    assert messages(celery, names.TRAIN_QUEUE) == []  # it pauses; nobody needs to be woken


def test_the_word_to_leave_reaches_processes_that_were_forked_before() -> None:
    import multiprocessing

    stopping = Stopping()
    context = multiprocessing.get_context("fork")
    heard = context.Queue()

    def wait() -> None:
        while not stopping():
            time.sleep(0.01)
        heard.put("heard")

    child = context.Process(target=wait)
    child.start()
    stopping.set()
    assert heard.get(timeout=60) == "heard"
    child.join()


def messages(app: Any, queue: str) -> list[Any]:
    """Take every message that waits in a queue."""
    found = []
    with app.connection_for_read() as connection:
        while (message := connection.default_channel.basic_get(queue, no_ack=True)) is not None:
            found.append(message)
    return found
