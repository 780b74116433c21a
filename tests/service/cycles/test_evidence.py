"""Marks on passages and "wrong source" over HTTP train the query side, in the same cycle and behind the same gate."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis

from service.cycles import store
from service.cycles.process import train
from service.feedback.answers import AnswerRecord, AnswerStore
from service.redis.calls import ask
from service.redis.connect import open_async
from tests.faults.cycle_world import SETTINGS, fill, judgements, look, options
from tests.service.http_world import light_settings, running
from tests.training.pipeline.world import questions
from training.policy.base import Answer, Sampling
from training.registry.registry import Registry

MARKS, IMPLIED, VOTERS = 90, 30, 40


async def _answers(url: str, collection: str) -> list[str]:
    """Record answers that cite the last passage shown, which is about another firm."""
    made = [
        AnswerRecord(
            answer_id=f"ans_marked_{number}",
            prompt=replace(question.prompt, collections=(collection,)),
            answer=Answer(f"Something else. [{len(question.prompt.passages)}]", "base", "stop", Sampling(), -1.0, 2),
            user="key:asker",
            created_at=1.0,
        )
        for number, question in enumerate(questions(MARKS + IMPLIED))
    ]
    async with open_async(url) as client:
        for record in made:
            await AnswerStore(client).record(record)
    return [record.answer_id for record in made]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_marks_reach_the_query_adapter_and_its_gate(tmp_path: Path, redis_url: str) -> None:
    fill(redis_url, judgements())
    given: dict[str, Any] = {
        name: value for name, value in SETTINGS.items() if name not in ("embedding_model", "sweep_interval_s")
    }
    settings = light_settings(tmp_path, redis_url, votes_per_minute=0, train_options=options(tmp_path), **given)
    with running(settings) as server, server.http("operator") as operator:
        collection = operator.post("/v1/vector_stores", json={"name": "firms"}).json()["id"]
        _, secret = server.container.keys.create("portal", "user", trusted=True, votes_per_minute=0)
        answers = asyncio.run(_answers(redis_url, collection))
        with server.http(key=secret) as http:
            for number, (answer, question) in enumerate(zip(answers, questions(MARKS + IMPLIED), strict=True)):
                shown = question.prompt.passages
                marks = [{"chunk_id": one.chunk_id, "relevant": place == 0} for place, one in enumerate(shown)]
                body = {"evidence": marks} if number < MARKS else {"rating": "down", "reasons": ["wrong_source"]}
                voter = {"X-Groundloop-User": f"marks-{number % VOTERS}"}
                reply = http.put(f"/v1/answers/{answer}/vote", json=body, headers=voter)
                assert reply.status_code == 200, reply.text
    with redis.Redis.from_url(redis_url) as client:
        cycle_id = ask(client, store.create("shared", "schedule")).id
        train(settings)
        cycle = look(client, cycle_id)
    notes = {step["name"]: step["note"] for step in cycle.steps}
    assert cycle.version, cycle.reason
    told = re.fullmatch(r"(\d+) marks on evidence", notes["retrieval"])
    assert told is not None, notes
    assert int(told[1]) > 3 * MARKS / 4  # the others are held out, and judge
    assert re.match(r"(kept|left out): agreement with \d+ held-out marks", notes["retrieval gate"]), notes
    version = Registry(tmp_path / "registry" / "extractive").open(cycle.version)
    assert version.card.metrics["retrieval"]["name"] == "retrieval"
    assert version.path is not None
    assert (version.path / "query").is_dir() == notes["retrieval gate"].startswith("kept")
