"""How `groundloop ingest` shows its progress: bars on a terminal, a line a file elsewhere, JSON lines for programs."""

from __future__ import annotations

from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from service.cli.output import emit_line
from service.client import ingest
from service.client.folder import LocalFile
from service.client.ingest import FileResult

SHOWN_AT_ONCE = 6


class Bars:
    """One bar for all files and one for each that is being worked on."""

    def __init__(self, total: int) -> None:
        """Expect this many files."""
        self._console = Console(stderr=True)
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._all = self._bars.add_task("files", total=total)
        self._each: dict[str, TaskID] = {}
        self.progress = ingest.Progress(self._uploading, self._stage, self._finished)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def _uploading(self, file: LocalFile) -> None:
        self._bars.update(self._all, description=f"uploading {_short(file.source)}")

    def _stage(self, source: str, stage: str, percent: int) -> None:
        if source not in self._each:
            if len(self._each) >= SHOWN_AT_ONCE or stage == "queued":
                return
            self._each[source] = self._bars.add_task(_short(source), total=100)
        self._bars.update(self._each[source], completed=percent, description=f"  {stage} {_short(source)}")

    def _finished(self, result: FileResult) -> None:
        if result.source in self._each:
            self._bars.remove_task(self._each.pop(result.source))
        self._bars.update(self._all, advance=1, description="files")
        if result.outcome in ("completed", "deleted", "failed"):
            self._console.print(f"{result.outcome:9} {result.source}", markup=False, highlight=False, soft_wrap=True)


class JsonLines:
    """One line for each file, as it is done."""

    def __init__(self) -> None:
        """Show results alone."""
        self.progress = ingest.Progress(
            uploading=lambda file: None,
            stage=lambda source, stage, percent: None,
            finished=lambda result: emit_line(result.as_json()),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...


def _short(source: str, width: int = 48) -> str:
    return source if len(source) <= width else "…" + source[1 - width :]
