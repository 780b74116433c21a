"""Browsing the feedback log: filters and pages, by the ids of its entries.

The log is scanned in pieces and no more than `SCAN_ENTRIES` a page, so that a filter that matches little cannot hold up
Redis or the event loop; a page then ends early and says that there is more.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

from service.feedback.log import FeedbackLog
from service.feedback.records import Entry, Kind, id_key

PIECE_ENTRIES = 200
SCAN_ENTRIES = 5_000
ENTRY_ID = re.compile(r"[0-9]{1,15}-[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class FeedbackFilter:
    """What to show; None is everything."""

    kind: Kind | None = None
    rating: str | None = None
    reason: str | None = None
    version: str | None = None
    segment: str | None = None
    voter: str | None = None
    answer_id: str | None = None
    since: float | None = None  # seconds since the epoch
    until: float | None = None

    def matches(self, entry: Entry) -> bool:
        """Tell whether an entry passes everything but voter and time, which choose where to read."""
        return (
            (self.kind is None or entry.kind == self.kind)
            and (self.rating is None or entry.stated == self.rating)
            and (self.reason is None or self.reason in entry.details.get("reasons", ()))
            and (self.version is None or self.version in entry.versions)
            and (self.segment is None or entry.segment == self.segment)
            and (self.answer_id is None or self.answer_id in entry.answers)
        )

    def bounds(self) -> tuple[str, str]:
        """Give the oldest and the newest entry id that may match."""
        start = "-" if self.since is None else str(int(self.since * 1000))
        stop = "+" if self.until is None else str(int(self.until * 1000))
        return start, stop


@dataclass(frozen=True, slots=True)
class FeedbackSlice:
    """Some entries with whether each stands, and from where to go on."""

    entries: tuple[tuple[Entry, bool], ...]
    last_id: str | None
    has_more: bool


async def browse(
    log: FeedbackLog,
    wanted: FeedbackFilter,
    *,
    limit: int,
    after: str | None = None,
    order: Literal["asc", "desc"] = "desc",
    history: bool = False,
) -> FeedbackSlice:
    """Give one page.

    Args:
        log: The log.
        wanted: The filter.
        limit: Most entries.
        after: The `last_id` of the page before.
        order: `desc` is newest first.
        history: Also what was replaced since.

    Returns:
        The page; it may end early and still have more after it.
    """
    found: list[tuple[Entry, bool]] = []
    scanned, last_id = 0, after
    async for piece in _pieces(log, wanted, after, order):
        standing = await log.standing(piece)
        for entry, stands in zip(piece, standing, strict=True):
            if (stands or history) and wanted.matches(entry):
                if len(found) == limit:
                    return FeedbackSlice(tuple(found), last_id, has_more=True)
                found.append((entry, stands))
            last_id = entry.entry_id
        scanned += len(piece)
        if scanned >= SCAN_ENTRIES:
            return FeedbackSlice(tuple(found), last_id, has_more=True)
    return FeedbackSlice(tuple(found), last_id, has_more=False)


async def _pieces(
    log: FeedbackLog, wanted: FeedbackFilter, after: str | None, order: Literal["asc", "desc"]
) -> AsyncIterator[list[Entry]]:
    """Give the entries of the voter and time wanted, in order, some at a time."""
    newest_first = order == "desc"
    start, stop = wanted.bounds()
    if wanted.voter is not None:
        ids = await log.entry_ids_of(wanted.voter)
        ids = ids[bisect_left(ids, id_key(start), key=id_key) : bisect_right(ids, id_key(stop, last=True), key=id_key)]
        if newest_first:
            ids.reverse()
        if after is not None:
            ids = [
                entry_id for entry_id in ids if (id_key(entry_id) < id_key(after)) == newest_first and entry_id != after
            ]
        for first in range(0, len(ids), PIECE_ENTRIES):
            if piece := await log.read(ids[first : first + PIECE_ENTRIES]):
                yield piece
        return
    while True:
        if after is not None and newest_first and id_key(after) <= id_key(stop, last=True):
            stop = f"({after}"
        elif after is not None and not newest_first and id_key(after) >= id_key(start):
            start = f"({after}"
        piece = await log.range(start, stop, count=PIECE_ENTRIES, newest_first=newest_first)
        if not piece:
            return
        yield piece
        after = piece[-1].entry_id


def entry_cursor(value: str | None) -> str | None:
    """Give a cursor back, or say what one looks like: Redis knows no entry before 0-1 and fails on an open end there.

    Args:
        value: What a client wants to go on after; None for the first page.

    Returns:
        The same.

    Raises:
        ValueError: It cannot be the id of an entry.
    """
    if value is not None and (not ENTRY_ID.fullmatch(value) or id_key(value) == (0, 0)):
        raise ValueError("take `last_id` of the page before as it is, such as 1760000000000-0")
    return value
