"""Heavy processes: spawned, never forked, in a session of their own, behind questions, and killed as a group."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

NICENESS = 10  # ingestion: questions go first, and it gets a tenth of a core that both want
# Training can wait longer: at 10 questions without a pause often waited for a slice of it to end.
# `python -m bench.chat_while_training`
LEAST = 19


def spawn(
    command: Sequence[str], environment: Mapping[str, str], *, log: Path | None = None, keep: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Start a process as the leader of a session and a group of its own.

    Args:
        command: Program and arguments.
        environment: What is added to ours.
        log: File that its output is appended to; else it goes where ours goes.
        keep: Descriptors that it inherits.

    Returns:
        The process.

    Raises:
        OSError: It could not be started.
    """
    with log.open("ab") if log is not None else contextlib.nullcontext() as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=keep,
            env={**os.environ, **environment},
        )


def kill_group(leader: int) -> None:
    """Kill a process group, whatever of it still lives."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def give_way(niceness: int = NICENESS) -> None:
    """Put this process behind those that answer questions."""
    if (already := os.nice(0)) < niceness:
        os.nice(niceness - already)
    # Where Linux groups tasks by session, niceness counts only within ours, and the API is in another one; the group
    # has a niceness of its own. Only as its leader: else it may be somebody's terminal.
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(niceness))
