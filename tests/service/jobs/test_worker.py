"""A real worker and a real schedule on a real Redis: no message is needed, and none too many hurts."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import redis

from retrieval.catalog import Catalog
from service.jobs import names
from service.jobs.celery_app import create_celery
from service.jobs.enqueue import Ringer
from service.jobs.sweep import last_sweep_age_s
from service.jobs.tasks import wake
from service.jobs.workers import WORKERS
from service.settings import load_settings
from tests.service.jobs import processes
from tests.service.jobs.documents import COLLECTION, OPERATOR, upload

Start = Callable[..., subprocess.Popen[bytes]]
pytestmark = pytest.mark.timeout(900)  # against hanging, on a machine that may be slow


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog.open(tmp_path)
    yield catalog
    catalog.close()


@pytest.fixture
def start(tmp_path: Path, redis_url: str) -> Iterator[Start]:
    started: list[subprocess.Popen[bytes]] = []

    def start(command: str, **settings: str) -> subprocess.Popen[bytes]:
        options = {"redis_url": redis_url, "ingest_linger_s": "0", "sweep_interval_s": "1", **settings}
        started.append(processes.start(tmp_path, command, **options))
        return started[-1]

    yield start
    for process in started:
        processes.kill(process)


def completed(catalog: Catalog, document_id: str) -> bool:
    return catalog.document(OPERATOR, COLLECTION, document_id).status == "completed"


def ingest_process(worker: subprocess.Popen[bytes]) -> psutil.Process:
    """Give the one ingest process; a second one, rung for too often, leaves as soon as it finds the slot taken."""
    processes.wait_until(lambda: len(processes.children(worker.pid, "service.jobs.ingest_process")) == 1)
    return processes.children(worker.pid, "service.jobs.ingest_process")[0]


def test_a_ring_gets_an_upload_done_and_sigterm_ends_the_worker(
    catalog: Catalog, start: Start, tmp_path: Path, redis_url: str
) -> None:
    document = upload(catalog, "a.txt", b"A text about lighthouses.")
    ring = Ringer(load_settings(home=tmp_path, redis_url=redis_url)).documents
    for _ in range(5):  # too many messages are harmless
        ring()
    worker = start("worker")
    processes.wait_until(lambda: completed(catalog, document.document_id))
    assert catalog.document(OPERATOR, COLLECTION, document.document_id).attempts == 1
    with redis.Redis.from_url(redis_url) as client:
        processes.wait_until(lambda: client.zcard(WORKERS) == 1)  # it says that it is there, until it leaves
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=60) == 0
        assert not client.exists(WORKERS)


@pytest.mark.slow
def test_the_schedule_finds_an_upload_that_nobody_rang_for_even_when_doubled(
    catalog: Catalog, start: Start, tmp_path: Path
) -> None:
    start("worker")
    start("beat")
    start("beat")
    document = upload(catalog, "a.txt", b"A text about lighthouses.")
    processes.wait_until(lambda: completed(catalog, document.document_id))
    assert catalog.document(OPERATOR, COLLECTION, document.document_id).attempts == 1
    assert last_sweep_age_s(tmp_path) is not None


@pytest.mark.slow
def test_sigterm_stops_a_lingering_ingest_process_too(catalog: Catalog, start: Start, tmp_path: Path) -> None:
    worker = start("worker", ingest_linger_s="600")
    document = upload(catalog, "a.txt", b"A text about lighthouses.")
    start("beat")
    processes.wait_until(lambda: completed(catalog, document.document_id))
    heavy = ingest_process(worker)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=60) == 0
    assert processes.gone(heavy)


@pytest.mark.fault
def test_a_sigkilled_worker_takes_its_ingest_process_along_and_the_next_one_goes_on(
    catalog: Catalog, start: Start, tmp_path: Path
) -> None:
    worker = start("worker", ingest_linger_s="600")
    start("beat")
    first = upload(catalog, "a.txt", b"A text about lighthouses.")
    processes.wait_until(lambda: completed(catalog, first.document_id))
    family = processes.children(worker.pid)
    worker.kill()
    processes.wait_until(lambda: all(processes.gone(process) for process in family))
    second = upload(catalog, "b.txt", b"A text about harbours.")
    start("worker")
    processes.wait_until(lambda: completed(catalog, second.document_id))


@pytest.mark.fault
def test_an_ingest_process_that_hangs_is_killed_and_replaced(catalog: Catalog, start: Start) -> None:
    worker = start("worker", ingest_linger_s="600", ingest_silence_s="8", ingest_lease_s="3")
    start("beat")
    first = upload(catalog, "a.txt", b"A text about lighthouses.")
    processes.wait_until(lambda: completed(catalog, first.document_id))
    heavy = ingest_process(worker)
    heavy.suspend()
    second = upload(catalog, "b.txt", b"A text about harbours.")
    processes.wait_until(lambda: completed(catalog, second.document_id))
    assert processes.gone(heavy)


def test_messages_expire_and_go_to_their_queue(tmp_path: Path, redis_url: str) -> None:
    app = create_celery(load_settings(home=tmp_path, redis_url=redis_url))
    with app.connection_for_read() as connection:
        wake(app, names.DRAIN)
        message = connection.default_channel.basic_get("ingest", no_ack=True)
    assert message.headers["task"] == "ingest.drain"
    assert message.headers["expires"] is not None
    assert message.content_type == "application/json"
    assert all(entry["options"]["expires"] for entry in app.conf.beat_schedule.values())


def test_without_a_redis_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(LookupError, match="groundloop up"):
        create_celery(load_settings(home=tmp_path))
