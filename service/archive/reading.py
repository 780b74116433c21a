"""The archive for the tasks of an event loop; see `service.feedback.older.Older`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from service.archive.archive import Archive
from service.archive.items import AnswerItem, PassageItem
from service.archive.parquet import Unit
from service.archive.tail import JOURNALS
from service.archive.units import bring_back
from service.errors import unavailable
from service.feedback.records import Entry
from service.redis.calls import ask_async

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from service.archive.journal import Journal

REBUILD_S = 5


class ArchivedRecord:
    """The archive beside a Redis."""

    def __init__(self, client: Redis, archive: Archive, journal: Journal | None = None) -> None:
        """Read from `archive`.

        Args:
            client: Redis, into which what is judged comes back; `decode_responses=False`.
            archive: The archive.
            journal: Given when it is followed: an answer that is missing from a Redis that lost its data is not gone.
        """
        self._client = client
        self._archive = archive
        self._journal = journal

    async def answers(self, answer_ids: Sequence[str]) -> dict[str, bytes]:
        """Give the bytes of answers."""
        found = await asyncio.to_thread(self._found, answer_ids)
        return {name: item.payload for name, item in found.items()}

    async def prompts(self, prompt_ids: Sequence[str]) -> dict[str, bytes]:
        """Give the bytes of prompts."""
        found = await asyncio.to_thread(self._archive.prompts, prompt_ids)
        return {name: item.payload for name, item in found.items()}

    async def passages_of(self, prompt_ids: Sequence[str]) -> dict[str, bytes]:
        """Give the bytes of the passages that prompts show."""
        found = await asyncio.to_thread(self._archive.passages_of, prompt_ids)
        return {digest: item.payload for digest, item in found.items()}

    async def answers_of(self, prompt_id: str) -> list[str]:
        """Give the answers to a prompt."""
        return await asyncio.to_thread(lambda: self._archive.index.answers_of_prompt(prompt_id))

    async def entries(self, entry_ids: Sequence[str]) -> dict[str, Entry]:
        """Give judgements by their entries."""
        found = await asyncio.to_thread(self._archive.entries, entry_ids)
        return {name: item.entry for name, item in found.items()}

    async def between(
        self, start: tuple[float, float], stop: tuple[float, float], *, count: int, newest_first: bool
    ) -> list[Entry]:
        """Give judgements in the order of time."""
        found = await asyncio.to_thread(
            self._archive.entries_between, start, stop, count=count, newest_first=newest_first
        )
        return [item.entry for item in found]

    async def entries_of(self, voter: str) -> list[str]:
        """Give the entries of a voter."""
        return await asyncio.to_thread(lambda: self._archive.index.entries_of(voter))

    async def standing(self, wanted: Sequence[tuple[str, str]]) -> list[str | None]:
        """Give what stood."""
        return await asyncio.to_thread(self._standing, wanted)

    async def standing_under(self, names: Sequence[str], most: int) -> dict[str, dict[str, str]]:
        """Give what stood under keys of Redis."""
        return await asyncio.to_thread(lambda: {name: self._archive.index.standing(name, most) for name in names})

    async def bring_back(self, answer_ids: Sequence[str]) -> bool:
        """Put answers back into Redis."""
        await asyncio.to_thread(self._found, answer_ids)  # so that all of them are known
        units = await asyncio.to_thread(self._units, answer_ids)
        if not units:
            await self.check_whole()
            return False
        for unit, passages in units:
            await ask_async(self._client, bring_back(unit, passages))
        return True

    async def check_whole(self) -> None:
        """Refuse to say that something does not exist while Redis is being rebuilt."""
        if self._journal is None:
            return
        name = await asyncio.to_thread(lambda: self._journal and self._journal.name)
        if name and not await self._client.hexists(JOURNALS, name):
            raise unavailable("redis", "the record is being put back into Redis", retry_after_s=REBUILD_S)

    def _found(self, answer_ids: Sequence[str]) -> dict[str, AnswerItem]:
        found = self._archive.answers(answer_ids)
        if len(found) < len(set(answer_ids)):
            self._archive.look_again()
            found = self._archive.answers(answer_ids)
        return found

    def _units(self, answer_ids: Sequence[str]) -> list[tuple[Unit, dict[str, PassageItem]]]:
        prompts = {self._archive.index.prompt_of(answer_id): None for answer_id in answer_ids}
        units = [unit for prompt_id in prompts if prompt_id and (unit := self._archive.unit_of(prompt_id))]
        return [(unit, self._archive.passages_of([unit.prompt.prompt_id])) for unit in units]

    def _standing(self, wanted: Sequence[tuple[str, str]]) -> list[str | None]:
        return [self._archive.index.standing(key).get(field) for key, field in wanted]
