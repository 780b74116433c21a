"""Checks a backup: every byte, every database, every reference between its parts."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from retrieval.durable import read_frames, verify_directory
from retrieval.durable.manifest import MANIFEST, Manifest
from retrieval.errors import IndexCorrupt
from service.archive.items import AnswerItem, EntryItem, Item, PassageItem, PromptItem, StateItem, decoded
from service.backup import HOME, RECORD, STATE


@dataclass(frozen=True, slots=True)
class Verified:
    """What was checked."""

    started_at: float
    answers: int
    judgements: int
    databases: int
    blobs: int
    published: int  # versions, batches, snapshots
    problems: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Give it as data."""
        return {**asdict(self), "problems": list(self.problems)}


class BackupSource:
    """The record of a backup, as `service.archive.rebuild` reads it."""

    def __init__(self, folder: Path) -> None:
        """Name the backup."""
        self._folder = folder

    def read(self) -> Iterator[Item]:
        """Give everything but the state."""
        return decoded(read_frames(self._folder / RECORD))

    def read_state(self) -> Sequence[StateItem]:
        """Give the other keys."""
        return [item for item in decoded(read_frames(self._folder / STATE)) if isinstance(item, StateItem)]


def verify_backup(folder: Path) -> Verified:
    """Check a backup.

    Args:
        folder: A published backup; IndexCorrupt when its manifest or a file is missing or differs.

    Returns:
        What was found; no problems in a sound one.
    """
    manifest = verify_directory(folder, named=False)
    problems: list[str] = []
    answers, judgements = _check_record(folder, manifest, problems)
    databases = sorted((folder / HOME).glob("*.db"))
    for path in databases:
        with contextlib.closing(_read_only(path)) as database:
            (told,) = database.execute("PRAGMA integrity_check").fetchone()
            if told != "ok":
                problems.append(f"{path.name}: {told}")
    blobs = _check_blobs(folder, manifest, problems)
    published = [path.parent for path in (folder / HOME).rglob(MANIFEST)]
    for directory in published:
        try:
            verify_directory(directory, hashes=False)  # the hashes were those of the backup's own manifest
        except IndexCorrupt as error:
            problems.append(str(error))
    return Verified(
        float(manifest.metadata["started_at"]),
        answers,
        judgements,
        len(databases),
        blobs,
        len(published),
        tuple(problems),
    )


def _check_record(folder: Path, manifest: Manifest, problems: list[str]) -> tuple[int, int]:
    prompts: set[str] = set()
    passages: set[str] = set()
    answers: set[str] = set()
    judgements = 0
    for item in BackupSource(folder).read():
        match item:
            case PassageItem():
                passages.add(item.digest)
            case PromptItem():
                prompts.add(item.prompt_id)
                if not passages.issuperset(item.digests):
                    problems.append(f"prompt {item.prompt_id} lacks a passage")
            case AnswerItem():
                answers.add(item.answer_id)
                if item.prompt_id not in prompts:
                    problems.append(f"answer {item.answer_id} lacks its prompt")
            case EntryItem():
                judgements += 1
    told = manifest.metadata
    if (len(answers), judgements) != (told["answers"], told["judgements"]):
        problems.append(f"{RECORD} holds {len(answers)} answers and {judgements} judgements, not what was written")
    return len(answers), judgements


def _check_blobs(folder: Path, manifest: Manifest, problems: list[str]) -> int:
    path = folder / HOME / "catalog.db"
    if not path.exists():
        return 0
    with contextlib.closing(_read_only(path)) as database:
        wanted = [row[0] for row in database.execute("SELECT DISTINCT sha256 FROM files")]
    for sha256 in wanted:
        entry = manifest.files.get(f"{HOME}/blobs/{sha256[:2]}/{sha256}")
        if entry is None or entry.sha256 != sha256:
            problems.append(f"the file {sha256[:12]} that the catalog names is missing or differs")
    return len(wanted)


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
