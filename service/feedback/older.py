"""What the record asks of the archive: everything that Redis does not hold any more.

A port, so that the record knows nothing of Parquet; `service.archive.reading` implements it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from service.feedback.records import Entry


class Older(Protocol):
    """The part of the record that is not in Redis. Safe to share between tasks of one event loop."""

    async def answers(self, answer_ids: Sequence[str]) -> dict[str, bytes]:
        """Give the bytes of answers, those that are not archived left out."""

    async def prompts(self, prompt_ids: Sequence[str]) -> dict[str, bytes]:
        """Give the bytes of prompts."""

    async def passages_of(self, prompt_ids: Sequence[str]) -> dict[str, bytes]:
        """Give the bytes of the passages that these prompts show, by digest."""

    async def answers_of(self, prompt_id: str) -> list[str]:
        """Give the answers to a prompt, oldest first."""

    async def entries(self, entry_ids: Sequence[str]) -> dict[str, Entry]:
        """Give judgements by their entries."""

    async def between(
        self, start: tuple[float, float], stop: tuple[float, float], *, count: int, newest_first: bool
    ) -> list[Entry]:
        """Give up to `count` judgements in the order of time, both ends included."""

    async def entries_of(self, voter: str) -> list[str]:
        """Give the entries of a voter, oldest first."""

    async def standing(self, wanted: Sequence[tuple[str, str]]) -> list[str | None]:
        """Give what stood when it was archived, for each (key of Redis, field)."""

    async def standing_under(self, names: Sequence[str], most: int) -> dict[str, dict[str, str]]:
        """Give what stood under keys of Redis when it was archived, field -> value, up to `most` of each key."""

    async def check_whole(self) -> None:
        """Refuse with a 503 to say that something does not exist while Redis is given back what it lost."""

    async def bring_back(self, answer_ids: Sequence[str]) -> bool:
        """Put answers back into Redis, with all that hangs on them, because somebody judges them.

        Args:
            answer_ids: Which.

        Returns:
            Whether any of them is back; False when there are no such answers.

        Raises:
            ApiError: 503 when Redis lost its data and they may come back.
        """
