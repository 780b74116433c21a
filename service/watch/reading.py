"""From the feedback log to what people said of two versions. Blocking; reads in pieces."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from redis import Redis

from service.chat.trial import Note
from service.feedback import keys as feedback_keys
from service.feedback.codec import decode_answer
from service.feedback.records import Entry, read_entry
from service.scopes import Scope
from training.watch.observations import Duel, Observation, Thumb

PIECE_ENTRIES = 500
_OUTCOMES = {"first": (1, -1), "second": (-1, 1), "tie": (0, 0), "both_bad": (0, 0)}


@dataclass(frozen=True, slots=True)
class Sides:
    """Whose votes are read."""

    candidate: str
    champion: str
    scope: Scope
    salt: str  # of the voters' digests

    def name(self, voter: str) -> str:
        """Give the name under which a voter is kept for as long as the trial lasts."""
        return hmac.new(self.salt.encode(), voter.encode(), hashlib.sha256).hexdigest()[:20]


@dataclass
class Read:
    """What was new in the log."""

    last: str
    said: dict[str, Observation] = field(default_factory=dict)  # by entry
    replaced: list[str] = field(default_factory=list)  # entries that no longer stand


def newest_id(client: Redis) -> str:
    """Give the id of the newest entry of the log; one before every other where it is empty."""
    found: list[Any] = client.xrevrange(feedback_keys.FEEDBACK, count=1)  # type: ignore[assignment]
    return str(found[0][0].decode()) if found else "0-0"


def pieces(client: Redis, after: str) -> Iterator[list[Entry]]:
    """Give the entries after one, oldest first, some at a time."""
    while True:
        found: list[Any] = client.xrange(feedback_keys.FEEDBACK, f"({after}", "+", count=PIECE_ENTRIES)  # type: ignore[assignment]
        if not found:
            return
        entries = [read_entry(*item) for item in found]
        yield entries
        after = entries[-1].entry_id


def read_new(client: Redis, sides: Sides, after: str) -> Read:
    """Read what was said of two versions since an entry.

    Args:
        client: Made with `decode_responses=False`.
        sides: The two, in the scope of the trial.
        after: The last entry that is known.

    Returns:
        Observations by entry, and which entries were replaced since.
    """
    read = Read(after)
    for entries in pieces(client, after):
        read.last = entries[-1].entry_id
        read.replaced += [one.replaces for one in entries if one.replaces]
        about = [one for one in entries if _about(one, sides)]
        notes = _notes(client, {answer for one in about for answer in one.answers})
        for entry in about:
            if (said := _observation(entry, [notes.get(answer) for answer in entry.answers], sides)) is not None:
                read.said[entry.entry_id] = said
    for entry_id in read.replaced:
        read.said.pop(entry_id, None)
    return read


def encode(said: Observation) -> str:
    """Write an observation as it is kept."""
    if isinstance(said, Duel):
        told = [said.voter, said.prompt, said.at, said.segment, said.outcome, said.candidate_first, said.both_bad]
    else:
        told = [said.voter, said.prompt, said.at, said.segment, said.up, said.candidate, said.share]
    return json.dumps(["duel" if isinstance(said, Duel) else "thumb", *told], separators=(",", ":"))


def decode(text: bytes) -> Observation:
    """Read what `encode` wrote."""
    kind, voter, prompt, at, segment, *rest = json.loads(text)
    if kind == "duel":
        outcome, first, both_bad = rest
        return Duel(voter, prompt, at, int(outcome), bool(first), bool(both_bad), segment)
    up, candidate, share = rest
    return Thumb(voter, prompt, at, bool(up), bool(candidate), float(share), segment)


def _about(entry: Entry, sides: Sides) -> bool:
    both = {sides.candidate, sides.champion}
    if entry.kind == "vote":
        return entry.stated in ("up", "down") and entry.versions[0] in both
    return len(entry.versions) == 2 and set(entry.versions) == both and entry.stated in _OUTCOMES


def _notes(client: Redis, answers: set[str]) -> dict[str, Note]:
    """Read how answers came to be shown; those that are gone or were noted otherwise are left out."""
    names = sorted(answers)
    if not names:
        return {}
    raw: list[Any] = client.mget([feedback_keys.answer(name) for name in names])
    made = {}
    for name, value in zip(names, raw, strict=True):
        if value is None:
            continue
        try:
            made[name] = Note.of(decode_answer(value)[1].attributes)
        except ValueError:
            continue
    return made


def _observation(entry: Entry, notes: Sequence[Note | None], sides: Sides) -> Observation | None:
    """Give what an entry says, if its answers were shown by this trial; a pinned version is no blind choice."""
    here = [one for one in notes if one is not None and (one.trial, one.scope) == (sides.candidate, sides.scope)]
    if len(here) < len(notes):
        return None
    voter = sides.name(entry.voter)
    if entry.kind == "preference":
        if any(one.pair != "trial" for one in here):
            return None
        first = entry.versions[0] == sides.candidate
        outcome = _OUTCOMES[entry.stated][0 if first else 1]
        bad = entry.stated == "both_bad"
        return Duel(voter, entry.prompt_id, entry.at, outcome, first, bad, entry.segment)
    (note,) = here
    candidate = note.role == "candidate"
    share = note.propensity if candidate else 1.0 - note.propensity
    if note.pair or note.same or note.role not in ("candidate", "champion") or not 0.0 < share < 1.0:
        return None
    return Thumb(voter, entry.prompt_id, entry.at, entry.stated == "up", candidate, share, entry.segment)
