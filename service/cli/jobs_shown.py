"""Training jobs as the command line shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training.pipeline.state import JobState

LOG = "log.txt"


class Watching:
    """A line for each step and a bar for the one at work, on a terminal; nothing for programs."""

    def __init__(self, json: bool) -> None:
        """Show nothing when a program reads."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description:12}"), BarColumn(), TimeElapsedColumn(), console=self._console, transient=True
        )
        self._quiet = json
        self._task = self._bar.add_task("starting", total=1.0)
        self._told = 0

    def __enter__(self) -> Callable[[JobState | None], None]:
        if self._console.is_terminal and not self._quiet:
            self._bar.start()
        return self._show

    def __exit__(self, *_: object) -> None:
        if self._bar.live.is_started:
            self._bar.stop()

    def _show(self, state: JobState | None) -> None:
        if state is None or self._quiet:
            return
        for line in list(steps_of(state))[self._told :]:
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)
            self._told += 1
        self._bar.update(self._task, description=state.step, completed=state.done)


def steps_of(state: JobState) -> Iterator[str]:
    """Give a line for each step that is over."""
    for step in state.steps:
        if step.finished_at is not None:
            yield f"{step.name:12} {step.finished_at - step.started_at:7.1f} s  {step.note}"


def status_of(state: JobState | None) -> str:
    """Say where a job stands, also one whose process is gone."""
    from training.pipeline.state import alive

    if state is None:
        return "never started"
    return "interrupted" if state.status == "running" and not alive(state) else state.status


def data_of(directory: Path, state: JobState | None) -> dict[str, Any]:
    """Give a job for programs."""
    from dataclasses import asdict

    return {
        "id": directory.name,
        "directory": str(directory),
        **(asdict(state) if state else {}),
        "status": status_of(state),
    }


def told_of(directory: Path, state: JobState | None, *, steps: bool = True) -> str:
    """Show a job to people, with its steps unless they were shown one by one."""
    from training.pipeline.verdicts import read_verdict

    lines = [f"job {directory.name}: {status_of(state)}"]
    if state is not None:
        lines += list(steps_of(state)) if steps else []
        verdict = read_verdict(directory)
        if verdict is not None:
            lines += ["", verdict]
        if state.reason and state.reason not in (verdict or ""):
            lines.append(state.reason)
        if state.version:
            lines += ["", f"version {state.version}: `groundloop versions show {state.version}`"]
    if state is None or state.status in ("running", "failed"):
        lines.append(f"its log: {directory / LOG}")
    if status_of(state) in ("never started", "interrupted", "stopped"):
        lines.append(f"to go on with it: `groundloop train run --resume {directory.name}`")
    return "\n".join(lines)
