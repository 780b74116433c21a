"""The archive as readers see it: answers, prompts, passages and judgements by id, by person and by time.

Thread-safe; blocking, so an event loop calls it in a thread. Memory: the last row groups that were read (about 1 MB
each) and the positions of passages of the last batches.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.archive.folder import ArchiveFolder, BatchName
from service.archive.index import ArchiveIndex, Place
from service.archive.items import AnswerItem, EntryItem, PassageItem, PromptItem
from service.archive.parquet import ROWS_PER_GROUP, Row, Standing, Unit, answer_item, entry_item, write_batch

if TYPE_CHECKING:
    import pyarrow as pa

GROUPS_KEPT = 32
FILES_KEPT = 8
LOOK_AGAIN_S = 1.0
LOOK_S = 60.0  # between two looks whether another process or host has archived something


class Archive:
    """The batches of one folder, found through an index on this disk."""

    def __init__(self, folder: ArchiveFolder, index: Path, *, look_s: float = LOOK_S) -> None:
        """Open the index; the batches are looked at when something is first asked for.

        Args:
            folder: Where the batches lie.
            index: The index's file.
            look_s: Time between two looks for new batches.
        """
        self.folder = folder
        self._path = index
        self._look_s = look_s
        self._looked = float("-inf")
        self._lock = threading.RLock()
        self._index: ArchiveIndex | None = None
        self._group = lru_cache(GROUPS_KEPT)(self._read_group)
        self._digests = lru_cache(FILES_KEPT)(self._read_digests)

    @property
    def index(self) -> ArchiveIndex:
        """The index, up to date."""
        with self._lock:
            if self._index is None:
                self._index = ArchiveIndex(self._path)
            if time.monotonic() - self._looked > self._look_s:
                self.refresh()
            return self._index

    def close(self) -> None:
        """Close the index."""
        with self._lock:
            if self._index is not None:
                self._index.close()
                self._index = None

    def refresh(self) -> None:
        """Bring the index up to what is in the folder."""
        with self._lock:
            index = self._index = self._index or ArchiveIndex(self._path)
            there, known = self.folder.batches(), set(index.batches())
            for batch in there:
                if batch not in known:
                    self._note(index, batch)
            for batch in known.difference(there):
                index.drop(batch)
            self._looked = time.monotonic()

    def look_again(self) -> None:
        """Look for new batches now, but not twice a second: what is missing may be archived by another host."""
        with self._lock:
            if time.monotonic() - self._looked > min(LOOK_AGAIN_S, self._look_s):
                self.refresh()

    def is_empty(self) -> bool:
        """Tell whether nothing is archived."""
        return self.index.is_empty()

    def add(self, batch: BatchName, units: Sequence[Unit], passages: dict[str, PassageItem]) -> None:
        """Publish a batch and note it; when this returns it was written, read back, and is found."""
        self.publish(batch, lambda folder: write_batch(folder, units, passages))

    def publish(self, batch: BatchName, fill: Callable[[Path], None]) -> None:
        """Publish a batch by its files and note it."""
        self.folder.publish(batch, fill)
        with self._lock:
            self._note(self.index, batch)

    def remove(self, batch: BatchName) -> None:
        """Delete a batch and what is known of it."""
        self.folder.remove(batch)
        self.index.drop(batch)
        self._group.cache_clear()
        self._digests.cache_clear()

    def holds_answers(self, answer_ids: Sequence[str]) -> set[str]:
        """Give those of these answers that are archived."""
        return set(self.index.answers(answer_ids))

    def holds_entries(self, entry_ids: Sequence[str]) -> set[str]:
        """Give those of these entries that are archived."""
        return set(self.index.entries(entry_ids))

    def answers(self, answer_ids: Sequence[str]) -> dict[str, AnswerItem]:
        """Give answers by id; those that are not archived are left out."""
        return {name: answer_item(row) for name, row in self._rows("answers", self.index.answers(answer_ids)).items()}

    def prompts(self, prompt_ids: Sequence[str]) -> dict[str, PromptItem]:
        """Give prompts by id."""
        rows = self._rows("prompts", self.index.prompts(prompt_ids))
        return {name: PromptItem(name, row["payload"]) for name, row in rows.items()}

    def passages_of(self, prompt_ids: Sequence[str]) -> dict[str, PassageItem]:
        """Give the passages that prompts show, by digest; they lie beside the prompts."""
        places = self.index.prompts(prompt_ids)
        found: dict[str, PassageItem] = {}
        for name, prompt in self.prompts(prompt_ids).items():
            batch = places[name][0]
            known = self._digests(batch)
            wanted = {digest: (batch, known[digest]) for digest in prompt.digests if digest in known}
            rows = self._rows("passages", {digest: place for digest, place in wanted.items() if digest not in found})
            found |= {digest: PassageItem(digest, row["payload"]) for digest, row in rows.items()}
        return found

    def entries(self, entry_ids: Sequence[str]) -> dict[str, EntryItem]:
        """Give entries of the feedback log by id."""
        return {name: entry_item(row) for name, row in self._rows("feedback", self.index.entries(entry_ids)).items()}

    def entries_between(
        self, start: tuple[float, float], stop: tuple[float, float], *, count: int, newest_first: bool = False
    ) -> list[EntryItem]:
        """Give up to `count` entries in the order of time, both ends included; see `browse.id_key`."""
        ids = self.index.between(start, stop, count=count, newest_first=newest_first)
        found = self.entries(ids)
        return [found[entry_id] for entry_id in ids if entry_id in found]

    def unit_of(self, prompt_id: str) -> Unit | None:
        """Give a prompt with everything archived that hangs on it; None when it is not archived."""
        index = self.index
        prompt = self.prompts([prompt_id]).get(prompt_id)
        answers = tuple(self.answers(index.answers_of_prompt(prompt_id)).values())
        if prompt is None or not answers:
            return None
        entries = tuple(self.entries(index.entries_of_prompt(prompt_id)).values())
        standing = tuple(Standing(*row, prompt_id) for row in index.standing_of_prompt(prompt_id))
        return Unit(prompt, answers, entries, standing)

    def table(self, batch: BatchName, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Read a whole file of a batch."""
        import pyarrow.parquet as pq

        with self.folder.open(batch, f"{name}.parquet") as stream:
            return pq.read_table(stream, columns=columns)

    def _rows(self, table: str, places: dict[str, Place]) -> dict[str, Row]:
        """Read rows by where they are; a batch that went meanwhile leaves its rows out."""
        groups: dict[tuple[str, int], list[tuple[str, int]]] = defaultdict(list)
        for name, (batch, row) in places.items():
            groups[batch, row // ROWS_PER_GROUP].append((name, row % ROWS_PER_GROUP))
        found: dict[str, Row] = {}
        for (batch, number), wanted in groups.items():
            try:
                group = self._group(batch, table, number)
            except FileNotFoundError:
                self._looked = float("-inf")
                continue
            rows = group.take([row for _, row in wanted]).to_pylist()
            found |= {name: row for (name, _), row in zip(wanted, rows, strict=True)}
        return {name: found[name] for name in places if name in found}

    def _read_group(self, batch: str, table: str, number: int) -> pa.Table:
        import pyarrow.parquet as pq

        with self.folder.open(self._named(batch), f"{table}.parquet") as stream:
            return pq.ParquetFile(stream).read_row_group(number)

    def _read_digests(self, batch: str) -> dict[str, int]:
        digests = self.table(self._named(batch), "passages", ["digest"])["digest"].to_pylist()
        return {digest: place for place, digest in enumerate(digests)}

    def _named(self, name: str) -> BatchName:
        for batch in self.index.batches():
            if batch.name == name:
                return batch
        raise FileNotFoundError(name)

    def _note(self, index: ArchiveIndex, batch: BatchName) -> None:
        try:
            answers = self.table(batch, "answers", ["answer_id", "prompt_id", "user", "time"])
            times = answers["time"].cast("int64").to_pylist()
            index.add(
                batch,
                answers=zip(*_columns(answers, "answer_id", "prompt_id", "user"), times, strict=True),
                prompts=zip(*_columns(self.table(batch, "prompts", ["prompt_id"]), "prompt_id"), strict=True),
                entries=zip(
                    *_columns(
                        self.table(batch, "feedback", ["entry_id", "prompt_id", "user"]),
                        "entry_id",
                        "prompt_id",
                        "user",
                    ),
                    strict=True,
                ),
                standing=zip(
                    *_columns(self.table(batch, "standing"), "key", "field", "value", "prompt_id"), strict=True
                ),
            )
        except FileNotFoundError:
            return  # it was removed between the list and the look


def _columns(table: pa.Table, *names: str) -> list[list[Any]]:
    return [table[name].to_pylist() for name in names]
