"""The journal: a copy of the record on disk, beside Redis, that follows it by moments.

A folder of segments. Each holds every prompt and passage that its answers need, so that any of them can be dropped or
rewritten by itself; what a segment holds twice, or two of them hold, is the same thing by its id. One process writes
(`service.archive.tail`), anybody reads. Segments are rewritten under the folder's lock, when somebody's data are erased
or when the archive has taken what is old.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from retrieval.durable import FrameWriter, file_lock, make_directory, read_frames, write_file_atomic, write_frames
from service.archive.items import (
    AnswerItem,
    EntryItem,
    Item,
    Mark,
    PassageItem,
    PromptItem,
    StateItem,
    decoded,
    encode,
    key_of,
)

SEGMENT_BYTES = 64 << 20
STATE = "state.log"
LOCK = "lock"
NAME = "journal.json"


class Journal:
    """The journal of one home. Thread-safe between processes; one writer."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; nothing is made yet."""
        self.folder = folder
        self._writer: FrameWriter | None = None

    @property
    def name(self) -> str:
        """The journal's own id, made when it is first asked for: a Redis that has seen it before knows it."""
        path = self.folder / NAME
        with contextlib.suppress(FileNotFoundError, ValueError, KeyError):
            return str(json.loads(path.read_text())["id"])
        make_directory(self.folder)
        write_file_atomic(path, json.dumps({"id": secrets.token_hex(8)}).encode())
        return self.name

    def segments(self) -> list[Path]:
        """Give the segments, oldest first."""
        return sorted(self.folder.glob("segment-*.log"))

    def is_empty(self) -> bool:
        """Tell whether nothing was ever written."""
        return next(self.read(), None) is None

    def read(self) -> Iterator[Item]:
        """Give everything, oldest first, without the state; what a rewrite takes away meanwhile may be missing."""
        for path in self.segments():
            with contextlib.suppress(FileNotFoundError, ValueError):
                yield from decoded(read_frames(path))

    def read_state(self) -> list[StateItem]:
        """Give the other keys of Redis as they were last seen."""
        try:
            return [item for item in decoded(read_frames(self.folder / STATE)) if isinstance(item, StateItem)]
        except (FileNotFoundError, ValueError):
            return []

    def write_state(self, items: Sequence[StateItem]) -> None:
        """Replace what is known of the other keys."""
        make_directory(self.folder)
        write_frames(self.folder / STATE, (encode(item) for item in items))

    def position(self) -> Mark:
        """Give how far the streams were read: the last mark that is whole."""
        for path in reversed(self.segments()):
            last = None
            with contextlib.suppress(FileNotFoundError, ValueError):
                for item in decoded(read_frames(path)):
                    last = item if isinstance(item, Mark) else last
            if last is not None:
                return last
        return Mark("0-0", "0-0")

    def summary(self, path: Path) -> tuple[int, set[str], set[str]]:
        """Give the time of a segment's newest item in ms, its answers and its entries; of a missing one nothing."""
        newest = 0
        answers: set[str] = set()
        entries: set[str] = set()
        with contextlib.suppress(FileNotFoundError, ValueError):
            for item in decoded(read_frames(path)):
                if isinstance(item, AnswerItem):
                    answers.add(item.answer_id)
                elif isinstance(item, EntryItem):
                    entries.add(item.entry_id)
                else:
                    continue
                newest = max(newest, key_of(item.entry_id)[0])
        return newest, answers, entries

    def append(self, compose: Callable[[bool], Sequence[Item]]) -> int:
        """Write items; on disk when this returns.

        Args:
            compose: Gives the items; told whether they begin a segment, where prompts and passages must be given again.

        Returns:
            How many were written.

        Raises:
            StorageFull: When the disk is full; the items count as not written.
        """
        make_directory(self.folder)
        with file_lock(self.folder / LOCK):
            if self._writer is not None and not self._writer.is_current():
                self.close()  # it was rewritten
            items = compose(self._writer is None)
            if not items:
                return 0
            try:
                writer = self._writer or self._begin()
                writer.append(encode(item) for item in items)
            except BaseException:
                self.close()  # a torn frame hides what follows it: go on in another segment
                raise
            if writer.size_bytes > SEGMENT_BYTES:
                self.close()
            return len(items)

    def close(self) -> None:
        """End the segment that is being written."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def rewrite(self, keep: Callable[[Item], bool], only: Sequence[Path] | None = None) -> int:
        """Take items out of the segments, and prompts and passages that nothing kept needs any more.

        Args:
            keep: Tells of an answer or an entry whether it stays.
            only: These segments; all of them by default, the one being written too.

        Returns:
            How many items went, prompts and passages included.

        Raises:
            StorageFull: When the disk is full; the segment at hand is as it was.
        """
        gone = 0
        for path in self.segments() if only is None else only:
            with file_lock(self.folder / LOCK), contextlib.suppress(FileNotFoundError, ValueError):
                gone += _rewrite(path, keep)
        return gone

    def _begin(self) -> FrameWriter:
        numbers = [int(path.stem.removeprefix("segment-")) for path in self.segments()]
        self._writer = FrameWriter(self.folder / f"segment-{max(numbers, default=0) + 1:08d}.log")
        return self._writer


def _rewrite(path: Path, keep: Callable[[Item], bool]) -> int:
    """Rewrite one segment, holding no more than names; one that keeps everything is left alone."""
    prompts = {item.prompt_id for item in decoded(read_frames(path)) if isinstance(item, AnswerItem) and keep(item)}
    digests = {
        digest
        for item in decoded(read_frames(path))
        if isinstance(item, PromptItem) and item.prompt_id in prompts
        for digest in item.digests
    }

    def stays(item: Item) -> bool:
        match item:
            case Mark():
                return True
            case PromptItem():
                return item.prompt_id in prompts
            case PassageItem():
                return item.digest in digests
            case _:
                return keep(item)

    gone = sum(not stays(item) for item in decoded(read_frames(path)))
    if gone:
        # The writer, if this is its segment, finds that the file is another one and begins a new one.
        write_frames(path, (encode(item) for item in decoded(read_frames(path)) if stays(item)))
    return gone
