"""Bytes in Redis of an answer, a vote and a preference, over real passages."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from redis.asyncio import Redis

from bench.corpus import passages, questions
from bench.report import arguments, report
from service.feedback.answers import AnswerRecord, AnswerStore, new_answer_id
from service.feedback.log import FeedbackLog
from service.feedback.records import Preference, Vote
from service.redis.server import RedisServer
from training.policy.base import Answer, Prompt, Sampling, ShownPassage

T = TypeVar("T")
SHOWN = 8
USERS = 500


def records(count: int, corpus: list[tuple[str, str]], asked: list[str], rng: random.Random) -> list[AnswerRecord]:
    """Give answers as they would be served: each shows passages of the corpus, popular ones more often."""
    made = []
    for number in range(count):
        rows = [min(int(rng.paretovariate(0.4)), len(corpus)) - 1 for _ in range(SHOWN)]
        shown = tuple(
            ShownPassage(
                place, f"chk_{row}", f"file-{row // 20}", *corpus[row], rng.random(), rng.random(), 9 * rng.random()
            )
            for place, row in enumerate(rows, start=1)
        )
        texts = [f"{passage.text.split('. ')[0]}. [{passage.number}]" for passage in shown[:2]]
        citations = tuple(
            {"number": p.number, "chunk_id": p.chunk_id, "start_index": 0, "end_index": 80, "verified": True}
            for p in shown[:2]
        )
        prompt = Prompt(f"{asked[number % len(asked)]} ({number})", shown, collections=("vs_1",), segment="en")
        answer = Answer(" ".join(texts), "base-extractive", "stop", Sampling(), -1.234567, 3, actions=(4, 9, -1))
        made.append(
            AnswerRecord(
                new_answer_id(),
                prompt,
                answer,
                f"key:3f2a/user:{number % USERS}",
                1.7e9 + number,
                citations,
                request_id=f"chatcmpl-{number}",
            )
        )
    return made


async def measure(url: str, count: int) -> list[tuple[str, str, str]]:
    """Write each kind and see what it took."""
    rng = random.Random(7)
    made = records(count, passages(6000), questions(), rng)
    async with Redis.from_url(url) as client:
        answers, log = AnswerStore(client), FeedbackLog(client)
        rows: list[tuple[str, str, str]] = []

        async def step(name: str, write: Callable[[T], Awaitable[None]], items: Sequence[T]) -> None:
            before = (await client.info("memory"))["used_memory_dataset"]
            aof = (await client.info("persistence"))["aof_current_size"]
            for first in range(0, len(items), 100):
                await asyncio.gather(*(write(item) for item in items[first : first + 100]))
            after = (await client.info("memory"))["used_memory_dataset"]
            disk = (await client.info("persistence"))["aof_current_size"]
            rows.append((name, f"{(after - before) / len(items):.0f}", f"{(disk - aof) / len(items):.0f}"))

        async def thumb(record: AnswerRecord) -> None:
            await log.vote(record.answer_id, Vote("up"), voter=record.user)

        async def full(record: AnswerRecord) -> None:
            marks = ((record.prompt.passages[0].chunk_id, False),)
            vote = Vote("down", {"helpful": 2}, ("wrong_source",), "Not what I asked for.", "", marks)
            await log.vote(record.answer_id, vote, voter=record.user)

        async def prefer(pair: tuple[AnswerRecord, AnswerRecord]) -> None:
            shown = (pair[0].answer_id, pair[1].answer_id)
            await log.prefer(Preference(shown, "first", (1, 2)), voter=pair[0].user)

        half = count // 2
        pairs = [(record, replace(record, answer_id=new_answer_id())) for record in made[:half]]
        await step(f"answer, first {half}", answers.record, made[:half])
        await step(f"answer, next {half}", answers.record, made[half:])
        await step("vote: thumb", thumb, made[:half])
        await step("vote: thumb, score, reason, comment, mark", full, made[half:])
        await step("second answer to a prompt", answers.record, [sibling for _, sibling in pairs])
        await step("preference", prefer, pairs)
        return rows


def main() -> None:
    """Measure and report."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--answers", type=int, default=20_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(Path(folder), appendfsync="everysec")
        url = server.start()
        try:
            rows = asyncio.run(measure(url, options.answers))
        finally:
            server.stop()
    per_answer = int(rows[1][1])
    report(
        "redis_bytes",
        "What the record costs in Redis",
        ("what", "bytes of memory", "bytes of append-only file"),
        rows,
        data=f"{options.answers} answers, {SHOWN} of 6,000 real passages each, popular ones more often, {USERS} users",
        notes=(
            f"A million answers at the later rate: {per_answer * 1e6 / 2**30:.1f} GiB of memory.",
            "Memory is `used_memory_dataset`; the file is before compaction, which Redis does by itself.",
        ),
        save=options.save,
    )


if __name__ == "__main__":
    main()
