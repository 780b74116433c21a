"""The record as it is in Redis, item by item, in the memory of one batch. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from service.archive.items import AnswerItem, EntryItem, Item, PassageItem, PromptItem
from service.feedback import keys

if TYPE_CHECKING:
    from redis import Redis

BATCH = 256


class LiveReader:
    """Reads answers with their prompts and passages; each prompt and passage is given once.

    Not thread-safe. Keeps the names of what it gave: about 100 bytes for each prompt and passage.
    """

    def __init__(self, client: Redis) -> None:
        """Use a client made with `decode_responses=False`."""
        self._client = client
        self._given: set[str] = set()

    def forget(self) -> None:
        """Give every prompt and passage again from now on."""
        self._given.clear()

    def answers(self, entries: Sequence[tuple[str, str]]) -> list[Item]:
        """Give answers and, before them, what they need and was not given yet.

        Args:
            entries: (entry id, answer id) pairs; answers that do not exist any more are left out.

        Returns:
            Passages, prompts, answers.
        """
        payloads = self._read([keys.answer(answer_id) for _, answer_id in entries])
        found = [
            AnswerItem(entry_id, answer_id, payloads[keys.answer(answer_id)])
            for entry_id, answer_id in entries
            if keys.answer(answer_id) in payloads
        ]
        return [*self._prompts([item.prompt_id for item in found]), *found]

    def _prompts(self, prompt_ids: Sequence[str]) -> list[Item]:
        wanted = [one for one in dict.fromkeys(prompt_ids) if one not in self._given]
        payloads = self._read([keys.prompt(one) for one in wanted])
        prompts = [PromptItem(one, payloads[keys.prompt(one)]) for one in wanted if keys.prompt(one) in payloads]
        digests = [d for d in dict.fromkeys(d for item in prompts for d in item.digests) if d not in self._given]
        texts = self._read([keys.passage(digest) for digest in digests])
        passages = [PassageItem(d, texts[keys.passage(d)]) for d in digests if keys.passage(d) in texts]
        self._given.update(item.prompt_id for item in prompts)
        self._given.update(item.digest for item in passages)
        return [*passages, *prompts]

    def _read(self, names: Sequence[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for first in range(0, len(names), BATCH):
            part = names[first : first + BATCH]
            values: Any = self._client.mget(part)
            found |= {name: value for name, value in zip(part, values, strict=True) if value is not None}
        return found


def entry_item(entry_id: bytes, fields: dict[bytes, bytes]) -> EntryItem:
    """Give a stream entry as an item."""
    return EntryItem(entry_id.decode(), {name.decode(): value.decode() for name, value in fields.items()})


def stream(client: Redis, name: str, start: str = "-", stop: str = "+") -> Iterator[list[tuple[bytes, Any]]]:
    """Give the entries of a stream in pieces, oldest first.

    Args:
        client: Redis.
        name: The stream.
        start: The first id; `(`id begins after it.
        stop: The last id.

    Yields:
        list[tuple[bytes, Any]]: Entries as the client gives them.
    """
    while True:
        piece: Any = client.xrange(name, start, stop, count=BATCH)
        if not piece:
            return
        yield piece
        start = f"({piece[-1][0].decode()}"


def live_items(client: Redis) -> Iterator[list[Item]]:
    """Give everything in Redis that belongs to the record: answers first, so that what was said finds its object.

    Whatever was acknowledged before the first piece is in, unless the archive takes it meanwhile: copy the archive
    after this, not before.

    Args:
        client: Redis.

    Yields:
        list[Item]: Some of it.
    """
    reader = LiveReader(client)
    for piece in stream(client, keys.ANSWERS):
        yield reader.answers([(entry_id.decode(), fields[b"a"].decode()) for entry_id, fields in piece])
    for piece in stream(client, keys.FEEDBACK):
        yield [entry_item(*one) for one in piece]
