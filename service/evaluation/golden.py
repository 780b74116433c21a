"""The operator's golden set: uploaded into the home folder, or a file that a setting names.

HOME/evaluation/golden.jsonl is replaced whole, and holds only what `training/evaluation/golden.py` can read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from retrieval.durable import make_directory, sync_directory, write_file_atomic
from training.evaluation.golden import GoldenError, GoldenQuestion, parse_golden

if TYPE_CHECKING:
    from service.settings import Settings

FOLDER, GOLDEN = "evaluation", "golden.jsonl"
Source = Literal["uploaded", "setting", "none"]


class BySetting(Exception):
    """A setting names the file, so none can be uploaded."""


@dataclass(frozen=True, slots=True)
class GoldenSet:
    """A golden set as it is now."""

    source: Source
    content: bytes = b""
    questions: tuple[GoldenQuestion, ...] = ()
    changed_at: float | None = None  # seconds since the epoch
    problem: str = ""  # why the file cannot be used

    @property
    def sha256(self) -> str | None:
        """Name what is in it; None where there is nothing."""
        return hashlib.sha256(self.content).hexdigest() if self.questions else None


def read_set(settings: Settings) -> GoldenSet:
    """Read the golden set. Blocking.

    Args:
        settings: Name the file, or the home where it was uploaded to.

    Returns:
        The set; its source is `none` where there is none.
    """
    path = golden_path(settings)
    source: Source = "uploaded" if settings.golden_set is None else "setting"
    try:
        content, changed_at = path.read_bytes(), path.stat().st_mtime
    except FileNotFoundError:
        return GoldenSet("none") if source == "uploaded" else GoldenSet(source, problem=f"{path} is not there")
    except OSError as error:
        return GoldenSet(source, problem=f"{path} cannot be read: {error.strerror}")
    try:
        return GoldenSet(source, content, tuple(parse_golden(content, path)), changed_at)
    except GoldenError as error:
        return GoldenSet(source, changed_at=changed_at, problem=str(error))


def put_set(settings: Settings, content: bytes) -> GoldenSet:
    """Keep another golden set in place of the one before. Blocking.

    Args:
        settings: Name the home.
        content: One question a line.

    Returns:
        The set; it is on disk.

    Raises:
        BySetting: A setting names the file.
        GoldenError: Lines of it are wrong; the set before stands.
        StorageFull: The disk is full; the set before stands.
    """
    if settings.golden_set is not None:
        raise BySetting
    parse_golden(content, Path(GOLDEN))
    make_directory(golden_path(settings).parent)
    write_file_atomic(golden_path(settings), content, mode=0o600)
    return read_set(settings)


def drop_set(settings: Settings) -> None:
    """Delete the uploaded golden set; nothing happens where there is none. Blocking.

    Args:
        settings: Name the home.

    Raises:
        BySetting: A setting names the file, which is not ours to delete.
    """
    if settings.golden_set is not None:
        raise BySetting
    with suppress(FileNotFoundError):
        golden_path(settings).unlink()
        sync_directory(golden_path(settings).parent)


def with_passages(content: bytes, found: Mapping[str, list[dict[str, Any]]]) -> bytes:
    """Give questions that have no passages those that a search found: the gate compares policies without a search.

    Args:
        content: A golden set that can be read.
        found: Passages by the id of a question, as a golden file holds them.

    Returns:
        The set with them.
    """
    lines = [json.loads(line) for line in content.splitlines() if line.strip()]
    for line, question in zip(lines, parse_golden(content, Path(GOLDEN)), strict=True):
        if question.passages is None and found.get(question.id):
            line["passages"] = found[question.id]
    filled = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()
    try:
        parse_golden(filled, Path(GOLDEN))
    except GoldenError:  # a passage that no golden file could hold must not cost a cycle
        return content
    return filled


def golden_path(settings: Settings) -> Path:
    """Give where the golden set lies, if there is one."""
    return settings.golden_set or settings.home / FOLDER / GOLDEN
