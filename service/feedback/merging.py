"""One story out of what Redis holds and what the archive holds."""

from __future__ import annotations

import json
from collections.abc import Sequence

from service.feedback import keys
from service.feedback.errors import AnswerNotFound, NotTheAsker
from service.feedback.older import Older
from service.feedback.records import Entry, id_key

Bound = tuple[float, float]


def bounds_of(start: str, stop: str) -> tuple[Bound, Bound]:
    """Give both ends of a range as `Older.between` takes them.

    Args:
        start: As in Redis: `-`, an id, a bare time, or `(`id for after it.
        stop: The same for the newer end, where `(`id is before it.

    Returns:
        The first and the last (ms, sequence) that belong to the range.
    """
    first, last = id_key(start), id_key(stop, last=True)
    if start.startswith("("):
        first = (first[0], first[1] + 1)
    if stop.startswith("("):
        last = (last[0], last[1] - 1)
    return first, last


def merged(live: Sequence[Entry], older: Sequence[Entry], *, newest_first: bool) -> list[Entry]:
    """Put both in the order of time; what is in both is taken once, as Redis has it."""
    if not older:
        return list(live)
    known = {entry.entry_id: entry for entry in (*older, *live)}
    return [known[entry_id] for entry_id in sorted(known, key=id_key, reverse=newest_first)]


async def older_history(older: Older, answer_id: str, voter: str, allowed: bool, most: int) -> list[Entry]:
    """Give what a voter said about an archived answer, newest first.

    Args:
        older: The archive.
        answer_id: What was judged.
        voter: Identity of the voter.
        allowed: The voter may know of it even if somebody else asked.
        most: Entries.

    Returns:
        The entries.

    Raises:
        NotTheAsker: If somebody else asked and `allowed` is not set.
        AnswerNotFound: If it is not archived either.
    """
    payload = (await older.answers([answer_id])).get(answer_id)
    if payload is None:
        await older.check_whole()
        raise AnswerNotFound(answer_id)
    header = json.loads(payload.partition(b"\n")[0])
    if not allowed and header["user"] != voter:
        raise NotTheAsker(answer_id, header["collections"])
    (current,) = await older.standing([(keys.votes(answer_id), voter)])
    return [] if current is None else await older_chain(older, current.partition(" ")[0], most)


async def older_chain(older: Older, entry_id: str, most: int) -> list[Entry]:
    """Follow an archived judgement back to those that it replaced."""
    found: list[Entry] = []
    at: str | None = entry_id
    while at is not None and len(found) < most:
        entry = (await older.entries([at])).get(at)
        if entry is None:
            break
        found.append(entry)
        at = entry.replaces
    return found
