"""The inbox of missing documents: answers of which somebody says that a document should be there and is not.

The scripts that record judgements put an answer in, by the time of what was said last. Whoever reads looks whether the
judgement still stands; what was taken back since, or erased with its voter, is not shown. An answer that goes takes its
place and its note along.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from redis.asyncio import Redis

from service.feedback import keys
from service.feedback.answers import AnswerRecord, AnswerStore
from service.feedback.judgements import Judgements
from service.feedback.records import Entry
from service.redis.calls import Call, ask_async, script

State = Literal["open", "done"]
REASON = "missing_document"
PIECE = 100
MOST_LOOKED_AT = 1_000  # answers of one page; one that is not full then says that there is more
_BOXES: dict[State, str] = {"open": keys.MISSING_OPEN, "done": keys.MISSING_DONE}


@dataclass(frozen=True, slots=True)
class Note:
    """What an operator noted."""

    text: str
    at: float  # seconds since the epoch, by Redis's clock
    by: str


@dataclass(frozen=True, slots=True)
class Missing:
    """An answer that lacks a document, with what stands of the judgements that say so, the newest first."""

    answer: AnswerRecord
    said: tuple[Entry, ...]
    state: State
    note: Note | None


@dataclass(frozen=True, slots=True)
class MissingSlice:
    """A page of the inbox, and where to go on."""

    rows: tuple[Missing, ...]
    last_id: str | None
    has_more: bool


class MissingDocuments:
    """The inbox. Safe to share between tasks of one event loop."""

    def __init__(self, client: Redis, answers: AnswerStore, judgements: Judgements) -> None:
        """Read from these.

        Args:
            client: Made with `decode_responses=False`.
            answers: The answers.
            judgements: What stands about them.
        """
        self._client = client
        self._answers = answers
        self._judgements = judgements

    async def counts(self) -> dict[State, int]:
        """Give how many are in each part; those count too of which nothing stands any more."""
        async with self._client.pipeline(transaction=False) as pipeline:
            for box in _BOXES.values():
                pipeline.zcard(box)
            return dict(zip(_BOXES, await pipeline.execute(), strict=True))

    async def page(self, state: State, *, limit: int, after: str | None = None) -> MissingSlice | None:
        """Give some of the inbox, what was said last first.

        Args:
            state: Which part.
            limit: Most rows.
            after: The `last_id` of the page before.

        Returns:
            The page; it may end early and still have more after it. None when `after` is not in the inbox.
        """
        start = None if after is None else await self._score(after)
        if after is not None and start is None:
            return None
        rows: list[Missing] = []
        offset, looked_at, last_id = 0, 0, after
        while looked_at < MOST_LOOKED_AT:
            piece: list[Any] = await self._client.zrevrangebyscore(
                _BOXES[state], "+inf" if start is None else start, "-inf", start=offset, num=PIECE, withscores=True
            )
            offset += len(piece)
            # Of those said in the very same ms, Redis gives the greater name first.
            names = [name.decode() for name, score in piece if score != start or after is None or name.decode() < after]
            found = await self._read(names, state)
            for name in names:
                if len(rows) == limit:
                    return MissingSlice(tuple(rows), last_id, has_more=True)
                if name in found:
                    rows.append(found[name])
                last_id = name
            looked_at += len(names)
            if len(piece) < PIECE:
                return MissingSlice(tuple(rows), last_id, has_more=False)
        return MissingSlice(tuple(rows), last_id, has_more=True)

    async def set(self, answer_id: str, state: State, text: str, *, by: str) -> Missing | None:
        """Say whether it is dealt with, and note something; the note before is replaced, an empty one takes it away.

        Args:
            answer_id: Of an answer in the inbox.
            state: Which part it belongs to from now on.
            text: The note.
            by: Identity of the operator.

        Returns:
            The row as it is now; None where the answer is not in the inbox, or nothing stands of what was said.
        """
        if answer_id not in await self._read([answer_id], state):
            return None
        seconds, micros = await self._client.time()
        note = json.dumps(asdict(Note(text, seconds + micros / 1e6, by))) if text else ""
        boxes = [keys.MISSING_OPEN, keys.MISSING_DONE, keys.MISSING_NOTES]
        if not await ask_async(
            self._client, Call(script("service.feedback", "missing"), boxes, [answer_id, state, note], int)
        ):
            return None
        return (await self._read([answer_id], state)).get(answer_id)

    async def _score(self, answer_id: str) -> float | None:
        async with self._client.pipeline(transaction=False) as pipeline:
            for box in _BOXES.values():
                pipeline.zscore(box, answer_id)
            return next((score for score in await pipeline.execute() if score is not None), None)

    async def _read(self, names: Sequence[str], state: State) -> dict[str, Missing]:
        """Give the rows of answers of which the reason still stands."""
        if not names:
            return {}
        answers = await self._answers.with_prompts(names)
        said = await self._judgements.about({name: prompt_id for name, (prompt_id, _) in answers.items()})
        noted: list[Any] = await self._client.hmget(keys.MISSING_NOTES, list(names))
        notes = dict(zip(names, noted, strict=True))
        rows: dict[str, Missing] = {}
        for name, (_, record) in answers.items():
            giving = tuple(
                entry
                for entry in said.get(name, ())
                if entry.answers[0] == name and REASON in entry.details.get("reasons", ())
            )
            if giving:
                note = notes[name]
                rows[name] = Missing(record, giving, state, None if note is None else Note(**json.loads(note)))
        return rows
