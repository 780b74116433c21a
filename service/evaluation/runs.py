"""Evaluation runs as they lie in the home folder, durable from the moment they are asked for.

HOME/evaluation/runs/<id>/
  golden.jsonl   what is asked, as it was when the run was asked for
  run.json       where it stands, and its figures once it is over; replaced whole
  rows-<n>       what was answered, question by question, written by the n-th process at it (frames)
  failing.json   the questions that failed, once it is over
  cancel         somebody wants its end
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from retrieval.durable import FrameWriter, discard_directory, make_directory, read_frames, write_file_atomic
from retrieval.errors import StorageFull
from service.evaluation.golden import FOLDER

if TYPE_CHECKING:
    from service.settings import Settings

RunState = Literal["waiting", "running", "completed", "failed", "cancelled"]
UNFINISHED = ("waiting", "running")
KEPT = 50  # runs; older ones that are over go when another is asked for
_RUN, _GOLDEN, _FAILING, _CANCEL, _ROWS = "run.json", "golden.jsonl", "failing.json", "cancel", "rows-"
_ID = re.compile(r"eval_[0-9a-f]{20}")


@dataclass(frozen=True, slots=True)
class Run:
    """A run. Times in seconds since the epoch."""

    id: str
    created_at: float
    golden_sha256: str
    questions: int
    asked_for: str = ""  # a version; empty: what serves when it begins
    version: str = ""  # that answers; empty before it begins
    state: RunState = "waiting"
    reason: str = ""  # why it waits, failed or was cancelled
    started_at: float | None = None
    finished_at: float | None = None
    done: int = 0  # questions
    attempts: int = 0  # processes that began and did not get to say why they ended
    unanswered: int = 0
    figures: tuple[Mapping[str, Any], ...] = ()  # name, value, low, high, questions
    latency_ms: Mapping[str, float] | None = None

    @property
    def finished(self) -> bool:
        """Tell whether it is over."""
        return self.state not in UNFINISHED


class RunStore:
    """The runs of a home. Blocking; any number of processes may read, one at a time does a run."""

    def __init__(self, folder: Path) -> None:
        """Use a folder; it is made when something is written."""
        self._folder = folder

    @classmethod
    def of(cls, settings: Settings) -> RunStore:
        """Give the runs of a home."""
        return cls(settings.home / FOLDER / "runs")

    def create(self, golden: bytes, questions: int, sha256: str, asked_for: str = "") -> Run:
        """Ask for a run.

        Args:
            golden: What is to be asked.
            questions: How many.
            sha256: Of the golden set.
            asked_for: A version; empty for what serves then.

        Returns:
            The run; it is on disk.

        Raises:
            StorageFull: The disk is full; there is no such run.
        """
        now = time.time()
        run = Run(f"eval_{int(now * 1e6):014x}{secrets.token_hex(3)}", now, sha256, questions, asked_for)
        make_directory(self._folder / run.id)
        write_file_atomic(self._folder / run.id / _GOLDEN, golden, mode=0o600)
        self.write(run)
        self._prune()
        return run

    def write(self, run: Run) -> None:
        """Note where a run stands."""
        write_file_atomic(self._folder / run.id / _RUN, json.dumps(asdict(run)).encode(), mode=0o600)

    def get(self, run_id: str) -> Run | None:
        """Read a run; None where there is none."""
        if not _ID.fullmatch(run_id):
            return None
        try:
            content = json.loads((self._folder / run_id / _RUN).read_bytes())
        except FileNotFoundError:
            return None
        known = {one.name for one in fields(Run)}
        given = {name: value for name, value in content.items() if name in known}
        return Run(**{**given, "figures": tuple(given.get("figures", ()))})

    def newest(self) -> list[Run]:
        """Give all runs, the newest first."""
        found = (self.get(name) for name in self._names())
        return [run for run in found if run is not None]

    def golden(self, run: Run) -> bytes:
        """Give what a run asks."""
        return (self._folder / run.id / _GOLDEN).read_bytes()

    def rows(self, run: Run) -> Iterator[dict[str, Any]]:
        """Give what was answered so far: `row`, `passages` and `citations` of each question, each question once."""
        seen = set()
        for path in self._row_files(run):
            for payload in read_frames(path):
                line = json.loads(payload)
                if line["row"]["id"] not in seen:
                    seen.add(line["row"]["id"])
                    yield line

    def writer(self, run: Run) -> FrameWriter:
        """Begin to write rows, behind those that are there."""
        return FrameWriter(self._folder / run.id / f"{_ROWS}{len(self._row_files(run)):04d}")

    def write_failing(self, run: Run, failing: Sequence[Mapping[str, Any]]) -> None:
        """Keep the questions that failed."""
        content = json.dumps(list(failing), ensure_ascii=False).encode()
        write_file_atomic(self._folder / run.id / _FAILING, content, mode=0o600)

    def failing(self, run: Run) -> list[dict[str, Any]]:
        """Give the questions that failed; none before the run is over."""
        try:
            found: list[dict[str, Any]] = json.loads((self._folder / run.id / _FAILING).read_bytes())
        except FileNotFoundError:
            return []
        return found

    def cancel(self, run: Run) -> None:
        """Ask for a run's end."""
        write_file_atomic(self._folder / run.id / _CANCEL, b"", mode=0o600)

    def cancelled(self, run: Run) -> bool:
        """Tell whether somebody asked for its end."""
        return (self._folder / run.id / _CANCEL).exists()

    def found_passages(self, sha256: str) -> dict[str, list[dict[str, Any]]]:
        """Give the passages that the last whole run over a golden set found, by the id of a question.

        Args:
            sha256: Of the golden set.

        Returns:
            Passages as a golden file holds them; nothing where no run over it is complete.
        """
        whole = (run for run in self.newest() if run.state == "completed" and run.golden_sha256 == sha256)
        last = next(whole, None)
        return {} if last is None else {line["row"]["id"]: line["passages"] for line in self.rows(last)}

    def _names(self) -> list[str]:
        if not self._folder.is_dir():
            return []
        return sorted((path.name for path in self._folder.iterdir() if _ID.fullmatch(path.name)), reverse=True)

    def _row_files(self, run: Run) -> list[Path]:
        return sorted((self._folder / run.id).glob(f"{_ROWS}*"))

    def _prune(self) -> None:
        for name in self._names()[KEPT:]:
            run = self.get(name)
            if run is None or run.finished:
                with suppress(StorageFull):
                    discard_directory(self._folder, name)
