"""Where a training job stands, in `state.json`: replaced whole at every change, so that any process may look.

States: `running`; `candidate` (a version that passed the gate, or may be tried), `refused` (a version that did not),
`waiting` (the data does not carry training yet), `failed`, `stopped` (asked to stop; it may be resumed).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

from retrieval.durable import write_file_atomic

STATE, RESULT = "state.json", "result.json"
Status = Literal["running", "candidate", "refused", "waiting", "failed", "stopped"]
Clock = Callable[[], float]
_EVERY_S = 0.5  # progress inside a stage is not worth an fsync more often


@dataclass(frozen=True, slots=True)
class Step:
    """One stage that is over, or the one at work."""

    name: str
    started_at: float  # seconds since the epoch
    finished_at: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class JobState:
    """A job as it stands."""

    status: Status
    pid: int
    beat_at: float  # last sign of life, seconds since the epoch
    steps: tuple[Step, ...] = ()
    done: float = 0.0  # share of the step at work, 0 to 1
    reason: str = ""  # why it waits, was refused, failed or stopped
    version: str | None = None

    @property
    def step(self) -> str:
        """Name of the step at work, or of the last one."""
        return self.steps[-1].name if self.steps else ""


@dataclass
class Reporter:
    """Writes the state of one job. One thread."""

    directory: Path
    clock: Clock = time.time
    state: JobState = field(init=False)

    def __post_init__(self) -> None:
        """Start as running."""
        self.state = JobState("running", os.getpid(), self.clock())

    def begin(self, step: str) -> None:
        """Enter a stage."""
        now = self.clock()
        self._put(replace(self.state, beat_at=now, done=0.0, steps=(*self.state.steps, Step(step, now))))

    def progress(self, done: float) -> None:
        """Tell the share of the stage that is done; cheap, call it at every step."""
        now = self.clock()
        if now - self.state.beat_at >= _EVERY_S:
            self._put(replace(self.state, beat_at=now, done=min(max(done, 0.0), 1.0)))

    def end(self, note: str = "") -> None:
        """Leave the stage with a line on what it gave."""
        now = self.clock()
        *before, last = self.state.steps
        closed = replace(last, finished_at=now, note=note)
        self._put(replace(self.state, beat_at=now, done=1.0, steps=(*before, closed)))

    def close(self, status: Status, reason: str, version: str | None = None) -> None:
        """End the job; `result.json` is written unless it may be resumed."""
        self._put(replace(self.state, status=status, beat_at=self.clock(), reason=reason, version=version))
        if status != "stopped":
            write_file_atomic(self.directory / RESULT, _encoded(self.state))

    def _put(self, state: JobState) -> None:
        self.state = state
        write_file_atomic(self.directory / STATE, _encoded(state))


def read_state(directory: Path) -> JobState | None:
    """Read where a job stands.

    Args:
        directory: The job's directory.

    Returns:
        Its result when it is over, else its latest state; None when it never started.
    """
    for name in (RESULT, STATE):
        try:
            content = json.loads((directory / name).read_text())
        except FileNotFoundError:
            continue
        return JobState(**{**content, "steps": tuple(Step(**step) for step in content["steps"])})
    return None


def alive(state: JobState) -> bool:
    """Tell whether the process of a running job is still there."""
    if state.status != "running":
        return False
    try:
        os.kill(state.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _encoded(state: JobState) -> bytes:
    return json.dumps(asdict(state), indent=2).encode()
