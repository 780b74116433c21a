"""One holder at a time, named, and never stale."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from service.pidlock import PidLock

HOLD = """
import sys, time
from pathlib import Path
from service.pidlock import PidLock
assert PidLock(Path(sys.argv[1])).acquire()
print("held", flush=True)
time.sleep(60)
"""


def test_one_holder(tmp_path: Path) -> None:
    first, second = PidLock(tmp_path / "run" / "lock"), PidLock(tmp_path / "run" / "lock")
    assert first.holder() is None
    assert first.acquire()
    assert not second.acquire(wait_s=0)
    assert second.holder() == os.getpid()
    first.release()
    assert second.holder() is None
    assert second.acquire()
    second.release()


def test_sigkill_frees_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert PidLock(path).holder() == process.pid
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert PidLock(path).holder() is None
    lock = PidLock(path)
    assert lock.acquire()
    lock.release()


def test_release_without_holding_is_nothing(tmp_path: Path) -> None:
    PidLock(tmp_path / "lock").release()
