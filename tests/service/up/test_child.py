"""One supervised process: it dies and waits for its turn, it stops politely, or it is killed with its group."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from service.client.errors import Clash
from service.up.child import LONGEST_PAUSE_S, Child
from service.up.docs import own_documents
from service.up.preflight import take_home


def child(tmp_path: Path, code: str) -> Child:
    return Child("test", [sys.executable, "-c", code], tmp_path / "test.log", dict(os.environ))


def wait_dead(one: Child) -> int:
    while (status := one.look()) is None:
        time.sleep(0.02)
    return status


def test_a_crash_is_told_once_and_the_pause_grows(tmp_path: Path) -> None:
    one = child(tmp_path, "print('why'); raise SystemExit(7)")
    pauses = []
    for _ in range(3):
        one.start()
        assert wait_dead(one) == 7
        assert one.look() is None
        assert not one.due()
        pauses.append(one.pause_s)
    assert pauses == sorted(pauses)
    assert pauses[0] < pauses[-1]
    assert "why" in one.log_tail()
    one.crashes = 1000
    assert one.pause_s == LONGEST_PAUSE_S


def test_a_polite_child_leaves_by_itself(tmp_path: Path) -> None:
    one = child(tmp_path, "import time; time.sleep(60)")
    one.start()
    one.ask_to_stop()
    assert one.wait_stopped(20)
    assert one.pid is None


def test_a_deaf_child_is_killed(tmp_path: Path) -> None:
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    one = child(tmp_path, code)
    one.start()
    while "deaf" not in one.log_tail():
        time.sleep(0.02)
    one.ask_to_stop()
    assert not one.wait_stopped(0.2)


def test_a_home_is_taken_once_and_the_message_names_the_holder(tmp_path: Path) -> None:
    lock = take_home(tmp_path / "home")
    with pytest.raises(Clash, match=str(os.getpid())):
        take_home(tmp_path / "home")
    lock.release()
    take_home(tmp_path / "home").release()


def test_without_a_source_tree_there_is_no_documentation_to_ingest(tmp_path: Path) -> None:
    assert own_documents(tmp_path) == []
