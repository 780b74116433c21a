"""What became of each judgement, kept in Redis: the newest cycle that said something of it, and the first one that
counted it. One value below 64 bytes a judgement, however many cycles there were; the rest lies in the cycles' folders.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
from redis.asyncio import Redis

from service.cycles import keys
from service.cycles.reading import GONE, TAKEN_BACK
from service.cycles.snapshot import FEEDBACK, LEFT_OUT
from service.redis.calls import Call, ask, script
from service.scopes import RESTRICTED
from service.voters import keys as voters_keys
from training.datasets.drafts import NOTHING_SAID, SAME_ANSWER, SAME_CORRECTION, SOURCES_ALONE
from training.datasets.standing import (
    AI_OFF,
    DISTRUSTED,
    EXCLUDED,
    FUTURE,
    NO_CONSENT,
    QUARANTINED,
    REPLACED,
    TOO_OLD,
    USED,
    VOTER_EXCLUDED,
)
from training.pipeline.job import PEOPLE

CHUNK = 500
JUDGES = "judges"  # it checks new versions instead of teaching them
BUCKET_MS = 60_000  # few entries of one minute share a hash, which Redis packs tightly while its values are short
_PREFIX = "cycle_"
# Never change what a code means.
_CODES = {
    USED: "u",
    NO_CONSENT: "c",
    EXCLUDED: "e",
    VOTER_EXCLUDED: "v",
    AI_OFF: "i",
    FUTURE: "f",
    TOO_OLD: "o",
    REPLACED: "r",
    DISTRUSTED: "d",
    QUARANTINED: "q",
    TAKEN_BACK: "w",
    GONE: "g",
    RESTRICTED: "s",
    SAME_ANSWER: "a",
    SAME_CORRECTION: "k",
    SOURCES_ALONE: "m",
    NOTHING_SAID: "n",
}
_REASONS = {code: reason for reason, code in _CODES.items()}


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one judgement."""

    cycle: str  # the newest that said something of it
    reason: str  # `used`, or why it was left out
    first: str = ""  # the first cycle that counted it and was not refused, else the newest that did; empty: none did
    notes: Mapping[str, float] = field(default_factory=dict)  # `burst`, `cap`: what share they left; `judges`

    @property
    def counted(self) -> bool:
        """Tell whether the newest cycle counted it."""
        return self.reason == USED


def record_fates(client: redis.Redis, cycle_id: str, directory: Path) -> int:
    """Note what a cycle did with each judgement that its snapshot looked at. Harmless when doubled.

    Args:
        client: Of Redis; `decode_responses=False`.
        cycle_id: Of the cycle.
        directory: Of its job.

    Returns:
        How many judgements it said something of.

    Raises:
        redis.exceptions.RedisError: Redis does not answer; some are noted.
    """
    noted = 0
    for chunk in _chunks(_fates(directory)):
        ask(client, _note(cycle_id, chunk))
        noted += len(chunk)
    _replace_voters(client, _people(directory).get("voters", {}), cycle_id)
    return noted


async def fates_of(client: Redis, entry_ids: Sequence[str]) -> dict[str, Fate]:
    """Give what became of judgements; those that no cycle looked at are missing.

    Args:
        client: Of Redis; `decode_responses=False`.
        entry_ids: Of the log.

    Returns:
        By entry.
    """
    async with client.pipeline(transaction=False) as pipeline:
        for entry_id in entry_ids:
            pipeline.hget(keys.FATES + _bucket(entry_id), entry_id)
        found: list[Any] = await pipeline.execute() if entry_ids else []
    return {
        entry_id: read_fate(value.decode())
        for entry_id, value in zip(entry_ids, found, strict=True)
        if value is not None
    }


def read_fate(text: str) -> Fate:
    """Read a value as the script writes it."""
    cycle, first, notes, reason = text.split("|", 3)
    pairs = (note.partition("=") for note in notes.split(";") if note)
    told = _REASONS.get(reason, reason)
    return Fate(_PREFIX + cycle, told, first and _PREFIX + first, {name: float(size) for name, _, size in pairs})


def _fates(directory: Path) -> Iterator[tuple[str, str, str]]:
    """Give (entry, reason, notes) of everything a snapshot looked at."""
    left_out = directory / FEEDBACK / LEFT_OUT
    if left_out.is_file():
        with left_out.open("rb") as lines:
            for line in lines:
                row = json.loads(line)
                yield row["entry"], row["reason"], ""
    people = _people(directory)
    judging, reduced = frozenset(people.get("judging", ())), people.get("reduced", {})
    for entry, reason in people.get("fate", {}).items():
        notes = {name: f"{size:.2g}" for name, size in reduced.get(entry, {}).items()}
        notes |= {JUDGES: "1"} if entry in judging else {}
        yield entry, reason, ";".join(f"{name}={size}" for name, size in sorted(notes.items()))


def _people(directory: Path) -> dict[str, Any]:
    try:
        found = json.loads((directory / PEOPLE).read_bytes())
    except FileNotFoundError:
        return {}
    return found if isinstance(found, dict) else {}


def _note(cycle_id: str, chunk: Sequence[tuple[str, str, str]]) -> Call[bool]:
    given = [
        part for entry, reason, notes in chunk for part in (_bucket(entry), entry, _CODES.get(reason, reason), notes)
    ]
    fixed = [keys.FATES, keys.cycle(_PREFIX), cycle_id.removeprefix(_PREFIX), _CODES[USED], _CODES[RESTRICTED]]
    return Call(script("service.cycles", "fate"), [], [*fixed, *given], bool)


def _replace_voters(client: redis.Redis, voters: Mapping[str, Mapping[str, Any]], cycle_id: str) -> None:
    """Put what this cycle found of voters in the place of what the one before found, at once."""
    if not voters:
        return
    draft = f"{voters_keys.JUDGED}:{cycle_id}"
    client.delete(draft)
    for chunk in _chunks(voters.items()):
        client.hset(draft, mapping={voter: json.dumps({**facts, "cycle": cycle_id}) for voter, facts in chunk})
    client.rename(draft, voters_keys.JUDGED)


def _chunks(items: Iterable[Any]) -> Iterator[list[Any]]:
    chunk: list[Any] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _bucket(entry_id: str) -> str:
    return str(int(entry_id.partition("-")[0]) // BUCKET_MS)
