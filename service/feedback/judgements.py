"""What stands about answers, whoever said it. Reads; in Redis and in the archive."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis

from service.feedback import keys
from service.feedback.log import FeedbackLog
from service.feedback.older import Older
from service.feedback.records import WITHDRAWN, Entry, id_key

MOST_EACH = 200  # judgements of one answer, or comparisons of one prompt's, that are looked at


class Judgements:
    """Votes on answers and preferences among them. Safe to share between tasks of one event loop."""

    def __init__(self, client: Redis, log: FeedbackLog, older: Older | None = None) -> None:
        """Read from these.

        Args:
            client: Made with `decode_responses=False`.
            log: The log whose entries they are.
            older: What is not in Redis any more.
        """
        self._client = client
        self._log = log
        self._older = older

    async def about(self, prompts: Mapping[str, str]) -> dict[str, list[Entry]]:
        """Give what stands about answers and was not withdrawn.

        Args:
            prompts: The prompt's id of each answer, by the answer's.

        Returns:
            Entries by answer, the newest first; answers about which nothing stands are left out.

        Raises:
            redis.exceptions.RedisError: Redis does not answer.
        """
        names = [keys.votes(answer_id) for answer_id in prompts]
        names += [keys.preferences(prompt_id) for prompt_id in dict.fromkeys(prompts.values())]
        noted = await self._noted(names)
        wanted = sorted({value.partition(" ")[0] for fields in noted.values() for value in fields.values()}, key=id_key)
        found: dict[str, list[Entry]] = defaultdict(list)
        for entry in reversed(await self._log.read(wanted)):
            for answer_id in entry.answers:
                if answer_id in prompts and entry.stated != WITHDRAWN:
                    found[answer_id].append(entry)
        return dict(found)

    async def _noted(self, names: list[str]) -> dict[str, dict[str, str]]:
        """Give what is noted under these keys; what Redis says is newer than what the archive says."""
        async with self._client.pipeline(transaction=False) as pipeline:
            for name in names:
                pipeline.hscan(name, 0, count=MOST_EACH)  # a small hash comes whole, of a large one about as many
            scanned: list[Any] = await pipeline.execute() if names else []
        noted = {} if self._older is None else await self._older.standing_under(names, MOST_EACH)
        for name, (_, fields) in zip(names, scanned, strict=True):
            live = {field.decode(): value.decode() for field, value in fields.items()}
            noted[name] = {**noted.get(name, {}), **live}
        return noted
