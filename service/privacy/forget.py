"""Takes answers and judgements out of Redis, each by one script, so that a process that dies leaves nothing half done.

An answer goes with every judgement of it, whoever gave it; its judges are told that it is gone. Everything may be done
again: what is gone stays gone. Blocking, for threads and processes without an event loop.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, TypeVar

import redis
from redis.exceptions import ResponseError

from service.feedback import keys as feedback
from service.feedback.codec import decode_prompt
from service.feedback.records import read_entry
from service.privacy import keys
from service.redis.calls import Argument, Call, script, unwrapped

Why = Literal["erased", "retired"]
NOTE_MS = 90 * 24 * 3600 * 1000  # how long the judges of an answer are told that it is gone
BATCH = 50  # scripts that travel together; their effects share a flush
PIECE = 1000  # stream entries looked at in one go
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Gone:
    """What was taken away."""

    answers: int = 0
    judgements: int = 0
    prompts: int = 0

    def __add__(self, other: Gone) -> Gone:
        """Count both."""
        return Gone(self.answers + other.answers, self.judgements + other.judgements, self.prompts + other.prompts)


def forget_answers(client: redis.Redis, entries: Sequence[tuple[str, str]], why: Why) -> Gone:
    """Take answers away, with their prompts and with what was said about them.

    Args:
        client: Made with `decode_responses=False`.
        entries: (answer id, its entry in the stream of answers, or "" where it has none).
        why: Told to whoever judged one of them.

    Returns:
        What there was.

    Raises:
        redis.RedisError: Redis is away; some of the answers are gone, each of them whole.
    """
    total = Gone()
    for piece in _pieces(entries, BATCH):
        shown = _passages_of(client, [answer_id for answer_id, _ in piece])
        calls = [
            Call(
                script("service.privacy", "forget"),
                [feedback.answer(name), feedback.ANSWERS, feedback.FEEDBACK, keys.gone(name), keys.DOOMED],
                [name, entry, why, NOTE_MS, *shown.get(name, ())],
                lambda reply: Gone(*map(int, reply)),
            )
            for name, entry in piece
        ]
        total = sum(run_together(client, calls), total)
    return total


def forget_judgements(client: redis.Redis, voter: str) -> int:
    """Take away everything that a voter said about answers that stay; gives how many entries there were."""
    listed = feedback.voter(voter)
    gone = 0
    while names := [name.decode() for name in _list(client.lrange(listed, 0, BATCH - 1))]:
        with client.pipeline(transaction=False) as pipeline:
            for name in names:
                pipeline.xrange(feedback.FEEDBACK, name, name)
            found = pipeline.execute()
        calls: list[Call[int]] = []
        for name, items in zip(names, found, strict=True):
            where, field = feedback.votes(""), ""
            for item in items:
                entry = read_entry(*item)
                vote = entry.kind == "vote"
                where = feedback.votes(entry.answers[0]) if vote else feedback.preferences(entry.prompt_id)
                field = entry.current_field
            calls.append(
                Call(script("service.privacy", "unsay"), [feedback.FEEDBACK, where, listed], [name, field], int)
            )
        gone += sum(run_together(client, calls))
    return gone


def note_gone(client: redis.Redis, answer_ids: Iterable[str], why: Why) -> None:
    """Note of answers that are not in Redis that they are gone, for whoever judged one of them; no inbox has them."""
    at = now_ms(client)
    for piece in _pieces(answer_ids, PIECE):
        with client.pipeline(transaction=False) as pipeline:
            for name in piece:
                pipeline.set(keys.gone(name), f"{why} {at}", px=NOTE_MS)
                pipeline.zrem(feedback.MISSING_OPEN, name)
                pipeline.zrem(feedback.MISSING_DONE, name)
                pipeline.hdel(feedback.MISSING_NOTES, name)
            pipeline.execute()


def stream_entries(client: redis.Redis, answer_ids: Iterable[str]) -> list[tuple[str, str]]:
    """Find the entries of answers in the stream of answers, which is read once, from its start.

    Args:
        client: Made with `decode_responses=False`.
        answer_ids: Of the answers.

    Returns:
        (answer id, entry or "") of each of them.
    """
    found = dict.fromkeys(answer_ids, "")
    missing, start = len(found), "-"
    while missing:
        entries = _list(client.xrange(feedback.ANSWERS, start, "+", count=PIECE))
        if not entries:
            break
        for entry_id, fields in entries:
            if found.get(name := fields[b"a"].decode()) == "":
                found[name] = entry_id.decode()
                missing -= 1
        start = f"({entries[-1][0].decode()}"
    return list(found.items())


def run_together(client: redis.Redis, calls: Sequence[Call[T]]) -> list[T]:
    """Run calls in one round trip, in order; each is atomic, all together are not.

    Args:
        client: Made with `decode_responses=False`.
        calls: What to run.

    Returns:
        Their replies.

    Raises:
        redis.RedisError: One failed; those before it and some behind it were run.
    """
    for text in {call.script.text for call in calls}:
        client.script_load(text)
    with client.pipeline(transaction=False) as pipeline:
        for call in calls:
            given: tuple[Argument, ...] = (*call.keys, *call.arguments)
            pipeline.evalsha(call.script.sha, len(call.keys), *given)
        replies = pipeline.execute(raise_on_error=False)
    for reply in replies:
        if isinstance(reply, ResponseError):
            raise unwrapped(reply)
        if isinstance(reply, Exception):
            raise reply
    return [call.read(reply) for call, reply in zip(calls, replies, strict=True)]


def now_ms(client: redis.Redis) -> int:
    """Give Redis's time in ms since the epoch."""
    seconds, micros = client.time()
    return int(seconds) * 1000 + int(micros) // 1000


def _passages_of(client: redis.Redis, answer_ids: Sequence[str]) -> dict[str, list[str]]:
    """Give the keys of the passages that each answer's prompt shows."""
    with client.pipeline(transaction=False) as pipeline:
        for name in answer_ids:
            pipeline.get(feedback.answer(name))
        answers = pipeline.execute()
    prompts = {
        name: _prompt_id(payload) for name, payload in zip(answer_ids, answers, strict=True) if payload is not None
    }
    wanted = sorted(set(prompts.values()))
    payloads = (
        dict(zip(wanted, _list(client.mget([feedback.prompt(one) for one in wanted])), strict=True)) if wanted else {}
    )
    return {name: passages_in(payloads[prompt]) for name, prompt in prompts.items() if payloads[prompt] is not None}


def passages_in(prompt: bytes) -> list[str]:
    """Give the keys of the passages that a prompt, as it is kept, shows."""
    return sorted({feedback.passage(shown.digest) for shown in decode_prompt(prompt)[1]})


def _prompt_id(answer: bytes) -> str:
    return str(json.loads(answer.partition(b"\n")[0])["prompt"])


def _pieces(items: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(items)
    while piece := list(islice(rest, size)):
        yield piece


def _list(reply: Any) -> list[Any]:
    return list(reply)
