"""Bytes in Redis and in the archive of an answer, a vote and a preference, and how many of each a second are kept.

Everything is real: passages of the shared corpus, citations as the API returns them, a Redis of our own. Writes come
from clients that each wait for their acknowledgement; `appendfsync always` is what ships.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import redis
from redis.asyncio import Redis

from bench.corpus import passages, questions
from bench.report import arguments, report
from service.archive.archive import Archive
from service.archive.folder import LocalFolder
from service.archive.move import move_old
from service.feedback.answers import AnswerRecord, AnswerStore, new_answer_id
from service.feedback.log import FeedbackLog
from service.feedback.records import Preference, Vote
from service.privacy.passages import drop_unshown
from service.redis.server import RedisServer
from training.policy.base import Answer, Prompt, Sampling, ShownPassage

T = TypeVar("T")
SHOWN = 8
USERS = 500
VOTES_IN_TEN = 3  # of ten answers, so many are voted on
EVERYTHING = 1e-9  # days


@dataclass(frozen=True, slots=True)
class Cost:
    """What writing some of a kind took."""

    name: str
    memory: float  # bytes each
    file: float  # of the append-only file, bytes each
    rate: float  # each second


def records(count: int, corpus: list[tuple[str, str]], asked: list[str], rng: random.Random) -> list[AnswerRecord]:
    """Give answers as they would be served: each shows passages of the corpus, popular ones more often."""
    made = []
    for number in range(count):
        rows = [min(int(rng.paretovariate(0.4)), len(corpus)) - 1 for _ in range(SHOWN)]
        shown = tuple(_passage(place, row, corpus[row], rng) for place, row in enumerate(rows, start=1))
        said = [passage.text.split(". ")[0] for passage in shown[:2]]
        text = " ".join(f"{sentence}. [{passage.number}]" for sentence, passage in zip(said, shown, strict=False))
        citations = tuple(_citation(passage, sentence) for passage, sentence in zip(shown, said, strict=False))
        prompt = Prompt(f"{asked[number % len(asked)]} ({number})", shown, collections=("vs_1",), segment="en")
        answer = Answer(
            text,
            "v000012-extractive",
            "stop",
            Sampling(),
            -rng.random(),
            3,
            actions=(4, 9, -1),
            timings_ms={"first": 9 * rng.random(), "queue": rng.random(), "search": 20 * rng.random()},
        )
        made.append(
            AnswerRecord(
                new_answer_id(),
                prompt,
                answer,
                f"key:5e342a7f6475/user:{number % USERS}",
                time.time(),
                citations,
                request_id=f"chatcmpl-{rng.randbytes(12).hex()}",
            )
        )
    return made


def _passage(place: int, row: int, text: tuple[str, str], rng: random.Random) -> ShownPassage:
    file = f"file-{random.Random(row // 20).randbytes(12).hex()}"
    title, body = text
    return ShownPassage(place, f"chk_{row}", file, title, body, rng.random(), rng.random(), 9 * rng.random())


def _citation(passage: ShownPassage, sentence: str) -> dict[str, Any]:
    return {
        "number": passage.number,
        "document_id": passage.document_id,
        "chunk_id": passage.chunk_id,
        "title": passage.title,
        "filepath": passage.title,
        "content": sentence,
        "start_index": 0,
        "end_index": len(sentence),
        "score": passage.score,
        "verified": True,
    }


async def measure(url: str, count: int, clients: int) -> list[Cost]:
    """Write each kind and see what it took.

    Args:
        url: An empty Redis.
        count: How many answers.
        clients: How many write at once, each waiting for its acknowledgement.

    Returns:
        A row for each kind.
    """
    rng = random.Random(7)
    made = records(count, passages(6000), questions(), rng)
    costs: list[Cost] = []
    async with Redis.from_url(url) as client:
        answers, log = AnswerStore(client), FeedbackLog(client)

        async def step(name: str, write: Callable[[T], Awaitable[object]], items: Sequence[T]) -> None:
            before, file = await _size(client)
            began = time.perf_counter()
            waiting = iter(items)

            async def one() -> None:
                for item in waiting:
                    await write(item)

            await asyncio.gather(*(one() for _ in range(clients)))
            took = time.perf_counter() - began
            after, grown = await _size(client)
            costs.append(Cost(name, (after - before) / len(items), (grown - file) / len(items), len(items) / took))

        async def thumb(record: AnswerRecord) -> None:
            await log.vote(record.answer_id, Vote("up"), voter=record.user)

        async def full(record: AnswerRecord) -> None:
            marks = ((record.prompt.passages[0].chunk_id, False),)
            vote = Vote("down", {"helpful": 2}, ("wrong_source",), "Not what I asked for.", "", marks)
            await log.vote(record.answer_id, vote, voter=record.user)

        async def prefer(pair: tuple[AnswerRecord, AnswerRecord]) -> None:
            shown = (pair[0].answer_id, pair[1].answer_id)
            await log.prefer(Preference(shown, "first", (1, 2)), voter=pair[0].user)

        half, judged = count // 2, count * VOTES_IN_TEN // 20
        pairs = [(record, replace(record, answer_id=new_answer_id())) for record in made[:judged]]
        await step(f"answer, first {half}", answers.record, made[:half])
        await step(f"answer, next {half}", answers.record, made[half:])
        await step("vote: thumb", thumb, made[:judged])
        await step("vote: thumb, score, reason, comment, mark", full, made[half : half + judged])
        await step("second answer to a prompt", answers.record, [sibling for _, sibling in pairs])
        await step("preference", prefer, pairs)
    return costs


def archived(url: str, folder: Path) -> tuple[int, int, int, int, float]:
    """Archive everything.

    Args:
        url: The Redis.
        folder: An empty folder.

    Returns:
        Answers, judgements, bytes of Parquet, bytes left in Redis, seconds.
    """
    began = time.perf_counter()
    with redis.Redis.from_url(url) as client, closing(Archive(LocalFolder(folder), folder / "index.db")) as archive:
        done = move_old(client, archive, after_days=EVERYTHING, most_units=10**9)
        took = time.perf_counter() - began
        drop_unshown(client)
        left = int(client.info("memory")["used_memory_dataset"])
    size = sum(path.stat().st_size for path in folder.rglob("*.parquet"))
    return done.answers, done.judgements, size, left, took


async def _size(client: Redis) -> tuple[int, int]:
    """Give bytes of data and of the append-only file."""
    memory, disk = await client.info("memory"), await client.info("persistence")
    return memory["used_memory_dataset"], disk["aof_current_size"]


def main() -> None:
    """Measure and report."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--answers", type=int, default=20_000)
    parser.add_argument("--clients", type=int, default=32)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(Path(folder))
        url = server.start()
        try:
            with redis.Redis.from_url(url) as client:
                empty = int(client.info("memory")["used_memory_dataset"])
            costs = asyncio.run(measure(url, options.answers, options.clients))
            answers, judgements, parquet, left, took = archived(url, Path(folder) / "archive")
        finally:
            server.stop()
    answer, vote = costs[1], costs[2]
    million = (answer.memory + vote.memory * VOTES_IN_TEN / 10) * 1e6 / 2**30
    rows = [(cost.name, f"{cost.memory:.0f}", f"{cost.file:.0f}", f"{cost.rate:,.0f}") for cost in costs]
    rows.append(("archived: answer with its judgements, as Parquet", f"{(left - empty) / answers:.0f}", "", ""))
    report(
        "redis_bytes",
        "What the record costs in Redis, and what the archive makes of it",
        ("what", "bytes of memory", "bytes of append-only file", "each second"),
        rows,
        data=f"{options.answers} answers, {SHOWN} of 6,000 real passages each, popular ones more often, {USERS} users; "
        f"{options.clients} clients, each waiting for its acknowledgement, `appendfsync always`",
        notes=(
            f"A million answers with {VOTES_IN_TEN * 10} votes to 100 at the later rate: {million:.2f} GiB of memory "
            "in Redis without the archive.",
            "With it Redis holds what the last 30 days touched: of a million answers a year, "
            f"{million * 30 / 365:.2f} GiB; the rest is {parquet / answers * 1e6 / 2**30:.2f} GiB of Parquet "
            f"({parquet / answers:.0f} bytes an answer with prompt, passages and judgements).",
            f"Archiving moved {answers / took:,.0f} answers a second ({answers} answers, {judgements} judgements).",
            "Memory is `used_memory_dataset`; the file is before compaction, which Redis does by itself.",
        ),
        save=options.save,
    )


if __name__ == "__main__":
    main()
