"""A child dies with its parent, even when the parent gets no chance to say so."""

from __future__ import annotations

import signal
import subprocess
import sys

import psutil

CHILD = "import os, sys, time; from service.lifeline import die_with_parent; die_with_parent(int(sys.argv[1]));"
PARENT = f"""
import os, subprocess, sys, time
code = {CHILD!r} + "print(os.getpid(), flush=True); time.sleep(60)"
subprocess.Popen([sys.executable, "-c", code, str(os.getpid())], start_new_session=True)
time.sleep(60)
"""


def test_sigkill_of_the_parent_takes_the_child_along() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    child.wait(timeout=10)


def test_a_parent_that_is_gone_already_ends_it() -> None:
    started = subprocess.run([sys.executable, "-c", CHILD + "print('alive')", "1"], capture_output=True, text=True)
    assert started.stdout == ""
    assert started.returncode == 0


def test_nothing_happens_while_the_parent_lives() -> None:
    code = CHILD + "time.sleep(0.2); print('alive')"
    pid = str(psutil.Process().pid)
    started = subprocess.run([sys.executable, "-c", code, pid], capture_output=True, text=True)
    assert started.stdout == "alive\n"
