"""The real ingest process on a real home: it drains, publishes, keeps to its slot, and leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from retrieval.catalog import Catalog
from retrieval.durable import open_current
from service.jobs.slots import slot_lock
from service.jobs.spawned import NICENESS
from tests.service.jobs.documents import COLLECTION, OPERATOR, upload

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog.open(tmp_path)
    yield catalog
    catalog.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    processes: list[subprocess.Popen[bytes]] = []

    def start(linger_s: float = 0.0) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "GROUNDLOOP_HOME": str(tmp_path),
            "GROUNDLOOP_INGEST_LINGER_S": str(linger_s),
            "OMP_NUM_THREADS": "1",
        }
        command = [sys.executable, "-m", "service.jobs.ingest_process", "--parent-pid", str(os.getpid())]
        processes.append(subprocess.Popen(command, env=environment, start_new_session=True, stderr=subprocess.PIPE))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def wait_until(true: Callable[[], bool], timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_gives_way_to_whoever_answers(catalog: Catalog, start: Start, tmp_path: Path) -> None:
    process = start(linger_s=30.0)
    wait_until(lambda: (tmp_path / "run" / "ingest-0.beat").exists())
    assert os.getpriority(os.PRIO_PROCESS, process.pid) == NICENESS
    group = Path(f"/proc/{process.pid}/autogroup")  # a session of its own has a niceness of its own
    if Path("/proc/sys/kernel/sched_autogroup_enabled").exists() and group.exists():
        assert group.read_text().split()[-1] == str(NICENESS)


def test_drains_publishes_and_leaves(catalog: Catalog, start: Start, tmp_path: Path) -> None:
    good = upload(catalog, "whales.md", b"# Whales\n\nA whale is a mammal that lives in the sea.")
    bad = upload(catalog, "broken.pdf", b"this is no PDF")
    process = start()
    _, errors = process.communicate(timeout=100)
    assert process.returncode == 0, errors.decode()
    done = catalog.document(OPERATOR, COLLECTION, good.document_id)
    assert done.status == "completed"
    failed = catalog.document(OPERATOR, COLLECTION, bad.document_id)
    assert failed.status == "failed"
    assert failed.last_error is not None
    assert failed.last_error.message
    assert open_current(tmp_path / "indexes" / COLLECTION) is not None
    assert slot_lock(tmp_path, 0).holder() is None


def test_while_it_lingers_a_second_one_leaves_and_an_upload_starts_at_once(
    catalog: Catalog, start: Start, tmp_path: Path
) -> None:
    first = start(linger_s=600)
    wait_until(lambda: slot_lock(tmp_path, 0).holder() == first.pid)
    second = start(linger_s=600)
    assert second.wait(timeout=60) == 0
    document = upload(catalog, "late.txt", b"A late text about harbours.")
    wait_until(lambda: catalog.document(OPERATOR, COLLECTION, document.document_id).status == "completed")
    first.send_signal(signal.SIGTERM)
    assert first.wait(timeout=60) == 0


def test_sigkill_frees_the_slot_and_the_next_one_goes_on(catalog: Catalog, start: Start, tmp_path: Path) -> None:
    first = start(linger_s=600)
    wait_until(lambda: slot_lock(tmp_path, 0).holder() == first.pid)
    first.kill()
    first.wait()
    document = upload(catalog, "after.txt", b"A text that came after the crash.")
    second = start()
    assert second.wait(timeout=100) == 0
    assert catalog.document(OPERATOR, COLLECTION, document.document_id).status == "completed"
