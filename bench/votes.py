"""Durable votes per second over HTTP, against a bare FastAPI route that does one XADD on the same Redis.

Both run under uvicorn in one process each, in turns, driven by the same clients from a process of their own. Redis runs
as shipped: append-only file, fsync before every reply.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Literal

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from redis.asyncio import Redis

from bench.load import LoadResult, Request, drive, json_request
from bench.peers import free_port, wait_http
from bench.report import arguments, percentile, report
from service.access import KeyStore
from service.app import create_app
from service.feedback.answers import AnswerRecord, AnswerStore, new_answer_id
from service.redis.server import RedisServer
from service.settings import load_settings
from training.policy.base import Answer, Prompt, Sampling, ShownPassage

ANSWERS = 500
TURNS = 3


class Thumb(BaseModel):
    """The body of the bare route."""

    rating: Literal["up", "down"]


def bare_app() -> FastAPI:
    """Give the least that a durable vote can cost: validate two fields, one XADD, reply."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with Redis.from_url(os.environ["REDIS_URL"]) as client:
            app.state.redis = client
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.put("/v1/answers/{answer_id}/vote")
    async def vote(answer_id: str, body: Thumb) -> dict[str, str]:
        entry = await app.state.redis.xadd("bench:votes", {"answer": answer_id, "rating": body.rating})
        return {"id": entry.decode()}

    return app


def vote_app() -> FastAPI:
    """Give the whole application, without the models that votes do not use."""
    return create_app(load_settings(), load=lambda settings, catalog: None)  # type: ignore[arg-type,return-value]


@contextlib.contextmanager
def running(factory: str, environment: dict[str, str]) -> Iterator[int]:
    """Run one of the apps; gives its port."""
    port = free_port()
    command = [sys.executable, "-m", "bench.votes", "--serve", factory, str(port)]
    process = subprocess.Popen(command, env={**os.environ, **environment})
    try:
        wait_http(f"http://127.0.0.1:{port}/healthz")
        yield port
    finally:
        process.terminate()
        process.wait(30)


async def record_answers(url: str, user: str) -> list[str]:
    """Record answers to vote on."""
    passages = tuple(
        ShownPassage(number, f"chk_{number}", f"file-{number}", f"Title {number}", "A sentence. " * 40, 0.5)
        for number in range(1, 9)
    )
    async with Redis.from_url(url) as client:
        store, ids = AnswerStore(client), []
        for number in range(ANSWERS):
            prompt = Prompt(f"Question {number}?", passages, collections=("vs_1",))
            answer = Answer("An answer. [1]", "base", "stop", Sampling(), -1.0, 2)
            ids.append(new_answer_id())
            await store.record(AnswerRecord(ids[-1], prompt, answer, user, 0.0))
    return ids


def votes(ids: list[str], count: int, turn: int, key: str) -> list[Request]:
    """Give votes that each change what stands."""
    ratings = ("up", "down")
    return [
        json_request(
            "PUT",
            f"/v1/answers/{ids[i % len(ids)]}/vote",
            {"rating": ratings[(i // len(ids) + turn * (-(-count // len(ids)))) % 2]},
            key,
        )
        for i in range(count)
    ]


def main() -> None:
    """Measure in turns and report the medians."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--votes", type=int, default=6000, help="votes a turn")
    parser.add_argument("--clients", type=int, default=32)
    options = parser.parse_args()
    results: dict[str, list[LoadResult]] = {"bare": [], "groundloop": []}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        redis = RedisServer(home)
        url = redis.start()
        keys = KeyStore(home / "keys.db")
        key, secret = keys.create("bench")
        ids = asyncio.run(record_answers(url, f"key:{key.key_id}"))
        environment = {
            "REDIS_URL": url,
            "GROUNDLOOP_HOME": folder,
            "GROUNDLOOP_REQUESTS_PER_MINUTE": "0",
            "GROUNDLOOP_VOTES_PER_MINUTE": "0",
            "GROUNDLOOP_LOG_LEVEL": "warning",
        }
        try:
            with running("bare", environment) as bare, running("groundloop", environment) as ours:
                for turn in range(TURNS + 1):  # the first one warms up
                    for name, port in (("bare", bare), ("groundloop", ours)):
                        sent = votes(ids, options.votes if turn else len(ids), turn, secret)
                        got = drive("127.0.0.1", port, sent, clients=options.clients)
                        if set(got.statuses) != {200}:
                            raise SystemExit(f"{name} answered {got.statuses}")
                        if turn:
                            results[name].append(got)
        finally:
            keys.close()
            redis.stop()
    rates = {name: statistics.median(run.per_second for run in runs) for name, runs in results.items()}
    rows = [
        (
            name,
            f"{rates[name]:.0f}",
            f"{percentile([s for run in runs for s in run.latencies_s], 50) * 1000:.1f}",
            f"{percentile([s for run in runs for s in run.latencies_s], 99) * 1000:.1f}",
            f"{rates[name] / rates['bare']:.2f}",
        )
        for name, runs in results.items()
    ]
    report(
        "votes",
        "Durable votes per second over HTTP",
        ("route", "votes/s", "p50 ms", "p99 ms", "ratio"),
        rows,
        data=f"{TURNS} turns of {options.votes} votes each, {options.clients} clients, {ANSWERS} answers",
        notes=(
            "bare: a FastAPI route that validates a rating and does one XADD.",
            "groundloop: key, limits, metrics, one script that checks answer, voter, evidence, repetition and rate,"
            " and then writes entry, current vote and index.",
            "Redis: append-only file, appendfsync always.",
        ),
        save=options.save,
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        app = bare_app() if sys.argv[2] == "bare" else vote_app()
        uvicorn.run(app, port=int(sys.argv[3]), log_level="warning", access_log=False)
    else:
        main()
