"""Answers as they were served: the prompt, the passages as shown, what the policy produced.

What cannot be recovered later is written here, once: passages are kept by content (a popular passage costs its bytes
once, not once an answer), prompts once for all their answers. On disk when a call returns. It knows nothing of votes.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from redis.asyncio import Redis

from service.feedback import keys
from service.feedback.codec import (
    decode_answer,
    decode_passage,
    decode_prompt,
    encode_answer,
    encode_passages,
    encode_prompt,
    prompt_identity,
)
from service.feedback.errors import AnswerNotFound
from service.feedback.older import Older
from service.feedback.scripts import Argument, Batches, Script
from service.privacy import keys as privacy
from training.policy.base import Answer, Prompt


def new_answer_id() -> str:
    """Make an id nobody can guess: 128 random bits."""
    return "ans_" + secrets.token_urlsafe(16)


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """One served answer with everything a later judgement of it needs.

    `user` is the asker's identity (`Principal.identity`). The prompt's `collections` are those that were searched:
    besides the asker, whoever may read all of them may judge the answer.
    """

    answer_id: str
    prompt: Prompt
    answer: Answer
    user: str
    created_at: float  # seconds since the epoch
    citations: tuple[Mapping[str, Any], ...] = ()  # as returned to the caller
    model: str = "groundloop"  # as the caller asked: the alias, or a pinned version
    request_id: str = ""  # the chat completion's id; answers shown together share it
    position: int = 0  # place on the screen among the answers of one request, from 0
    consent: bool = True  # may be used for training
    attributes: Mapping[str, str] = field(default_factory=dict)  # anything else worth keeping, small

    @property
    def prompt_id(self) -> str:
        """Identity of the prompt: the same asker, question, history and passages give the same id."""
        return prompt_identity(self.user, self.prompt)


class AskerErased(Exception):
    """What was asked before the asker's data were erased is not kept."""


class AnswerStore:
    """Keeps answers in Redis. Safe to share between tasks of one event loop."""

    def __init__(self, client: Redis, older: Older | None = None, *, min_replicas: int = 0) -> None:
        """Use a client made with `decode_responses=False`.

        Args:
            client: Redis.
            older: What is not in Redis any more.
            min_replicas: Replicas that must hold an answer before it counts as kept.
        """
        self._client = client
        self._older = older
        self._record = Script(Batches(client, min_replicas), "record")

    async def record(self, record: AnswerRecord) -> None:
        """Keep one answer; on disk when this returns. The same id twice is kept once."""
        await self.record_all([record])

    async def record_all(self, records: Sequence[AnswerRecord], *, asked_at: float | None = None) -> None:
        """Keep the answers of one request in one round trip, all or none; they share one prompt and one asker.

        Args:
            records: One to four answers to the same prompt.
            asked_at: When the question came, in seconds since the epoch; by default when the first answer was made.

        Raises:
            ValueError: If the prompts or the askers differ.
            AskerErased: If the asker's data were erased after the question; nothing was kept.
        """
        first = records[0]
        prompt_id = first.prompt_id
        if any(record.user != first.user or record.prompt != first.prompt for record in records[1:]):
            raise ValueError("answers recorded together share one prompt and one asker")
        passages = encode_passages(first.prompt.passages)
        prompt = encode_prompt(first.prompt, [digest for digest, _ in passages])
        asked_ms = int((first.created_at if asked_at is None else asked_at) * 1000)
        arguments: list[Argument] = [prompt, len(passages), asked_ms]
        for digest, payload in passages:
            arguments += [keys.passage(digest), payload]
        for record in records:
            arguments += [record.answer_id, encode_answer(record, prompt_id)]
        kept = await self._record(
            [
                keys.ANSWERS,
                keys.user_answers(first.user),
                keys.prompt(prompt_id),
                keys.prompt_answers(prompt_id),
                privacy.erased(first.user),
                privacy.DOOMED,
                privacy.LOOKED_AT,
            ],
            arguments,
        )
        if kept < 0:
            raise AskerErased("the asker's data were erased while the answer was made")

    async def get(self, answer_id: str) -> AnswerRecord | None:
        """Read one answer back with its prompt and passages; None when there is no such answer."""
        found = await self.get_many([answer_id])
        return found.get(answer_id)

    async def get_many(self, answer_ids: Sequence[str]) -> dict[str, AnswerRecord]:
        """Read several answers in three round trips; those that do not exist are left out."""
        return {answer_id: record for answer_id, (_, record) in (await self.with_prompts(answer_ids)).items()}

    async def with_prompts(self, answer_ids: Sequence[str]) -> dict[str, tuple[str, AnswerRecord]]:
        """Do as `get_many`; gives with each answer its prompt's id, as it was when the answer was recorded."""
        if not answer_ids:
            return {}
        live = await self._read([keys.answer(answer_id) for answer_id in answer_ids])
        raw = {name: live[keys.answer(name)] for name in answer_ids if keys.answer(name) in live}
        if self._older is not None and len(raw) < len(answer_ids):
            raw |= await self._older.answers([name for name in answer_ids if name not in raw])
        decoded = {answer_id: decode_answer(raw[answer_id]) for answer_id in answer_ids if answer_id in raw}
        prompts = await self._prompts(sorted({prompt_id for prompt_id, _ in decoded.values()}))
        return {
            answer_id: (prompt_id, replace(record, answer_id=answer_id, prompt=prompts[prompt_id]))
            for answer_id, (prompt_id, record) in decoded.items()
            if prompt_id in prompts
        }

    async def find(self, answer_id: str) -> tuple[str, AnswerRecord]:
        """Read one answer that must be there; gives the id of its prompt with it.

        Args:
            answer_id: Which.

        Returns:
            The prompt's id and the answer.

        Raises:
            AnswerNotFound: There is no such answer.
            ApiError: 503 when Redis lost its data and it may come back.
        """
        found = await self.with_prompts([answer_id])
        if answer_id not in found:
            if self._older is not None:
                await self._older.check_whole()
            raise AnswerNotFound(answer_id)
        return found[answer_id]

    async def of_prompt(self, prompt_id: str) -> list[str]:
        """Give the ids of all answers to one prompt, oldest first."""
        found: list[Any] = await self._client.lrange(keys.prompt_answers(prompt_id), 0, -1)
        live = [answer_id.decode() for answer_id in found]
        older = [] if self._older is None else await self._older.answers_of(prompt_id)
        return [*(answer_id for answer_id in older if answer_id not in live), *live]

    async def _prompts(self, prompt_ids: Sequence[str]) -> dict[str, Prompt]:
        live = await self._read([keys.prompt(prompt_id) for prompt_id in prompt_ids])
        raw = {name: live[keys.prompt(name)] for name in prompt_ids if keys.prompt(name) in live}
        texts: dict[str, bytes] = {}
        if self._older is not None and (gone := [name for name in prompt_ids if name not in raw]):
            raw |= await self._older.prompts(gone)
            texts = await self._older.passages_of(gone)
        drafts = {prompt_id: decode_prompt(raw[prompt_id]) for prompt_id in prompt_ids if prompt_id in raw}
        digests = {shown.digest for _, passages in drafts.values() for shown in passages}
        wanted = sorted(digests.difference(texts))
        shown_live = await self._read([keys.passage(digest) for digest in wanted])
        texts |= {digest: shown_live[keys.passage(digest)] for digest in wanted if keys.passage(digest) in shown_live}
        what = {digest: decode_passage(payload) for digest, payload in texts.items()}
        return {
            prompt_id: replace(
                prompt, passages=tuple(shown.fill(what[shown.digest]) for shown in passages if shown.digest in what)
            )
            for prompt_id, (prompt, passages) in drafts.items()
        }

    async def _read(self, names: Sequence[str]) -> dict[str, bytes]:
        """Read strings; those that do not exist are left out."""
        if not names:
            return {}
        values: list[Any] = await self._client.mget(names)
        return {name: value for name, value in zip(names, values, strict=True) if value is not None}
