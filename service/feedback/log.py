"""The feedback log: every vote and preference, in time order, and which of them stands.

Invariants: one current vote for each voter and answer, one current preference for each voter and set of answers; saying
the same again enters nothing; what was said before stays in the log. Each write is one script, so it happens whole or
not at all, and it is on disk when a call returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis

from service.feedback import keys
from service.feedback.codec import digest_of
from service.feedback.merging import bounds_of, merged, older_chain, older_history
from service.feedback.older import Older
from service.feedback.outcome import Recorded, outcome
from service.feedback.records import Entry, Preference, Vote, id_key, read_entry
from service.feedback.scripts import Argument, Batches, Script

HISTORY_ENTRIES = 50
ONCE_MS = 24 * 3600 * 1000
MINUTE_MS = 60_000


class FeedbackLog:
    """Votes and preferences in Redis. Safe to share between tasks of one event loop."""

    def __init__(self, client: Redis, older: Older | None = None, *, min_replicas: int = 0) -> None:
        """Use a client made with `decode_responses=False`.

        Args:
            client: Redis.
            older: What is not in Redis any more.
            min_replicas: Replicas that must hold a judgement before it is acknowledged.
        """
        self._client = client
        self._older = older
        batches = Batches(client, min_replicas)
        self._vote = Script(batches, "vote")
        self._preference = Script(batches, "preference")
        self._withdraw = Script(batches, "withdraw")
        self._history = Script(Batches(client), "history")

    async def vote(
        self, answer_id: str, vote: Vote, *, voter: str, allowed: bool = False, votes_per_minute: int = 0
    ) -> Recorded:
        """Take a vote; it replaces this voter's earlier one on the answer. An empty one withdraws.

        Args:
            answer_id: What is judged.
            vote: The judgement.
            voter: Identity of the voter (`Principal.identity`).
            allowed: The voter may judge it even if somebody else asked.
            votes_per_minute: Limit of this voter, 0 is none; saying the same again does not count.

        Returns:
            The entry that stands now.

        Raises:
            NotTheAsker: If somebody else asked and `allowed` is not set.
            AnswerNotFound: If there is no such answer.
            BadEvidence: If a marked passage was not shown with the answer.
            TooManyVotes: If the voter is over the limit.
        """
        stated, payload = vote.stated, vote.payload
        reply = await self._judge(
            self._vote,
            [answer_id],
            [keys.answer(answer_id), keys.votes(answer_id), keys.FEEDBACK, keys.rate(voter), keys.voter(voter)],
            [
                voter,
                int(allowed),
                *_pace(votes_per_minute),
                digest_of(stated.encode(), payload.encode()),
                stated,
                answer_id,
                payload,
                *(chunk_id for chunk_id, _ in vote.evidence),
            ],
        )
        return outcome(reply, [answer_id])

    async def prefer(
        self,
        preference: Preference,
        *,
        voter: str,
        allowed: bool = False,
        vouched: int = 0,
        votes_per_minute: int = 0,
        idempotency_key: str | None = None,
    ) -> Recorded:
        """Take a comparison; it replaces this voter's earlier one of the same answers.

        Args:
            preference: The comparison.
            voter: Identity of the voter (`Principal.identity`).
            allowed: The voter may judge all of the answers even if somebody else asked.
            vouched: Or so many of them, from the first on.
            votes_per_minute: Limit of this voter, shared with votes; 0 is none.
            idempotency_key: Makes a late retry harmless: within a day it does what it did the first time, even where
                the voter has changed their mind since.

        Returns:
            The entry that stands now, or with a key that of its first use.

        Raises:
            NotTheAsker: If somebody else asked and `allowed` is not set.
            AnswerNotFound: If one of the answers does not exist.
            DifferentPrompts: If they do not share one prompt.
            KeyReused: If the key came with another preference.
            TooManyVotes: If the voter is over the limit.
        """
        listed, payload = ",".join(preference.answers), preference.payload
        reply = await self._judge(
            self._preference,
            preference.answers,
            [
                keys.FEEDBACK,
                keys.rate(voter),
                keys.voter(voter),
                keys.once(voter, idempotency_key) if idempotency_key else "",
                *(keys.answer(answer_id) for answer_id in preference.answers),
            ],
            [
                voter,
                len(preference.answers) if allowed else vouched,
                *_pace(votes_per_minute),
                digest_of(listed.encode(), preference.outcome.encode(), payload.encode()),
                preference.outcome,
                listed,
                payload,
                preference.answer_set,
                ONCE_MS,
            ],
        )
        return outcome(reply, preference.answers)

    async def withdraw(self, entry: Entry, *, votes_per_minute: int = 0) -> Recorded:
        """Take a comparison back.

        Args:
            entry: The one that stands.
            votes_per_minute: Limit of its voter; 0 is none.

        Returns:
            The withdrawal.

        Raises:
            PreferenceChanged: If another one stands by now.
            TooManyVotes: If the voter is over the limit.
        """
        reply = await self._judge(
            self._withdraw,
            entry.answers,
            [keys.preferences(entry.prompt_id), keys.FEEDBACK, keys.rate(entry.voter), keys.voter(entry.voter)],
            [entry.voter, entry.current_field, entry.entry_id, digest_of(b"withdrawn"), *_pace(votes_per_minute)],
        )
        return outcome(reply, entry.answers)

    async def history(self, answer_id: str, *, voter: str, allowed: bool = False) -> list[Entry]:
        """Give what a voter said about an answer.

        Args:
            answer_id: What was judged.
            voter: Identity of the voter (`Principal.identity`).
            allowed: The voter may know of it even if somebody else asked.

        Returns:
            Entries, newest first, at most 50; the first one stands.

        Raises:
            NotTheAsker: If somebody else asked and `allowed` is not set.
            AnswerNotFound: If there is no such answer.
        """
        reply = await self._history(
            [keys.answer(answer_id), keys.votes(answer_id), keys.FEEDBACK], [voter, int(allowed), HISTORY_ENTRIES]
        )
        if reply[0] == b"missing" and self._older is not None:
            return await older_history(self._older, answer_id, voter, allowed, HISTORY_ENTRIES)
        if reply[0] != b"ok":
            outcome(reply, [answer_id])
        found = [read_entry(entry_id, dict(zip(flat[::2], flat[1::2], strict=True))) for entry_id, flat in reply[2:]]
        if reply[1] and self._older is not None:
            found += await older_chain(self._older, reply[1].decode(), HISTORY_ENTRIES - len(found))
        return found

    async def standing(self, entries: Sequence[Entry]) -> list[bool]:
        """Tell for each entry whether it is the current one of its voter; a withdrawal stands like any other."""
        current = await self.current(entries)
        return [entry_id == entry.entry_id for entry_id, entry in zip(current, entries, strict=True)]

    async def current(self, entries: Sequence[Entry]) -> list[str | None]:
        """Give for each entry the one that stands of its voter about the same; None where nobody knows any more."""
        where = [
            (keys.votes(one.answers[0]) if one.kind == "vote" else keys.preferences(one.prompt_id), one.current_field)
            for one in entries
        ]
        async with self._client.pipeline(transaction=False) as pipeline:
            for key, field in where:
                pipeline.hget(key, field)
            return await self._noted(where, await pipeline.execute() if where else [])

    async def votes_on(self, answer_ids: Sequence[str], voter: str) -> list[Entry]:
        """Give the current votes of one voter on these answers, in their order; answers without one are left out."""
        async with self._client.pipeline(transaction=False) as pipeline:
            for answer_id in answer_ids:
                pipeline.hget(keys.votes(answer_id), voter)
            current = await pipeline.execute()
        noted = await self._noted([(keys.votes(answer_id), voter) for answer_id in answer_ids], current)
        return await self.read([entry_id for entry_id in noted if entry_id is not None])

    async def read(self, entry_ids: Sequence[str]) -> list[Entry]:
        """Give entries by their ids, in that order; erased ones are left out."""
        if not entry_ids:
            return []
        async with self._client.pipeline(transaction=False) as pipeline:
            for entry_id in entry_ids:
                pipeline.xrange(keys.FEEDBACK, entry_id, entry_id)
            found = await pipeline.execute()
        live = [read_entry(*item) for items in found for item in items]
        if self._older is None or len(live) == len(entry_ids):
            return live
        known = {entry.entry_id: entry for entry in live}
        known |= await self._older.entries([entry_id for entry_id in entry_ids if entry_id not in known])
        return [known[entry_id] for entry_id in entry_ids if entry_id in known]

    async def range(self, start: str, stop: str, *, count: int, newest_first: bool = False) -> list[Entry]:
        """Give up to `count` entries between two ids; `-`, `+` and `(`id as in Redis.

        Args:
            start: The older end.
            stop: The newer end.
            count: Most entries.
            newest_first: Begin at the newer end.

        Returns:
            The entries in the order read.
        """
        found: list[Any]
        if newest_first:
            found = await self._client.xrevrange(keys.FEEDBACK, stop, start, count=count) or []
        else:
            found = await self._client.xrange(keys.FEEDBACK, start, stop, count=count) or []
        live = [read_entry(*item) for item in found]
        if self._older is None:
            return live
        bounds = bounds_of(start, stop)
        older = await self._older.between(*bounds, count=count, newest_first=newest_first)
        return merged(live, older, newest_first=newest_first)[:count]

    async def entry_ids_of(self, voter: str) -> list[str]:
        """Give the ids of everything a voter ever said, oldest first."""
        found: list[Any] = await self._client.lrange(keys.voter(voter), 0, -1)
        ids = [entry_id.decode() for entry_id in found]
        older = [] if self._older is None else await self._older.entries_of(voter)
        return sorted({*ids, *older}, key=id_key) if older else ids

    async def _judge(
        self, script: Script, answer_ids: Sequence[str], names: Sequence[str], arguments: Sequence[Argument]
    ) -> list[Any]:
        """Run a script that judges answers; those that are archived come back first."""
        reply: list[Any] = await script(names, arguments)
        if reply[0] == b"missing" and self._older is not None and await self._older.bring_back(answer_ids):
            reply = await script(names, arguments)
        return reply

    async def _noted(self, where: Sequence[tuple[str, str]], current: Sequence[bytes | None]) -> list[str | None]:
        """Give which entry is noted as the current one: in Redis, else when it was archived."""
        noted = [None if value is None else value.partition(b" ")[0].decode() for value in current]
        unknown = [place for place, entry_id in enumerate(noted) if entry_id is None]
        if self._older is not None and unknown:
            values = await self._older.standing([where[place] for place in unknown])
            for place, value in zip(unknown, values, strict=True):
                noted[place] = None if value is None else value.partition(" ")[0]
        return noted


def _pace(votes_per_minute: int) -> tuple[int, int]:
    """Give (ms between votes, votes at once) of a limit per minute; (0, 0) is no limit."""
    return (MINUTE_MS // votes_per_minute, votes_per_minute) if votes_per_minute else (0, 0)
