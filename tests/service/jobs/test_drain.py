"""Staying with a process: it ends, it dies, it goes silent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from service.jobs.drain import drain, watch
from service.jobs.slots import beat_file, free_slot, slot_lock, stop_ingest
from service.jobs.spawned import kill_group
from service.settings import load_settings
from tests.service.jobs.processes import gone


def spawn(code: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code, *arguments], start_new_session=True, stdout=subprocess.PIPE)


def test_a_process_that_ends_is_done(tmp_path: Path) -> None:
    with spawn("pass") as process:
        assert watch(process, tmp_path / "beat", silence_s=60) == "done"


def test_a_process_that_dies_has_failed(tmp_path: Path) -> None:
    with spawn("import os; os.kill(os.getpid(), 9)") as process:
        assert watch(process, tmp_path / "beat", silence_s=60) == "failed"


@pytest.mark.slow
def test_silence_kills_the_whole_group(tmp_path: Path) -> None:
    code = "import subprocess, sys; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); p.wait()"
    with spawn(code) as process:
        assert process.stdout is not None
        grandchild = psutil.Process(int(process.stdout.readline()))
        assert watch(process, tmp_path / "beat", silence_s=0.5) == "killed"
    psutil.wait_procs([grandchild], timeout=10)
    assert gone(grandchild)


def test_beats_keep_it_alive_past_the_limit(tmp_path: Path) -> None:
    beat = tmp_path / "beat"
    code = "import pathlib, sys, time\nfor _ in range(15):\n  pathlib.Path(sys.argv[1]).touch(); time.sleep(0.1)"
    with spawn(code, str(beat)) as process:
        assert watch(process, beat, silence_s=1.0) == "done"


def test_killing_a_group_that_is_gone_is_nothing() -> None:
    with spawn("pass") as process:
        process.wait()
    kill_group(process.pid)


def test_a_taken_slot_makes_the_drain_return_at_once(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    lock = slot_lock(tmp_path, 0)
    assert lock.acquire()
    assert drain(settings) == "busy"
    assert free_slot(tmp_path, 2) == 1
    lock.release()
    assert free_slot(tmp_path, 2) == 0


def test_stopping_where_nothing_runs_is_nothing(tmp_path: Path) -> None:
    stop_ingest(tmp_path, 3)


def test_each_slot_beats_for_itself(tmp_path: Path) -> None:
    assert beat_file(tmp_path, 0) != beat_file(tmp_path, 1)
