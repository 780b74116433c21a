"""Every answer is recorded before its id is given away, and given without an id when it cannot be."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
from redis.asyncio import Redis

from service.feedback.answers import AnswerRecord, AnswerStore
from tests.service.chat.world import QuotingPolicy, Served, World, ask, http

Q = "How many days of vacation do employees get?"
PATH = "/chat/completions"


def stored(redis_url: str, *ids: str) -> list[AnswerRecord]:
    async def read() -> list[AnswerRecord]:
        async with Redis.from_url(redis_url) as client:
            found = await AnswerStore(client).get_many(ids)
            return [found[answer_id] for answer_id in ids]

    return asyncio.run(read())


def test_the_record_holds_what_learning_needs(client: httpx.Client, world: World, redis_url: str) -> None:
    body = ask(Q, temperature=0.5, seed=3, metadata={"segment": "de", "conversation_id": "c-1", "train": "false"})
    answer = client.post(PATH, json=body).json()
    choice = answer["choices"][0]
    [record] = stored(redis_url, choice["answer_id"])

    assert choice["recorded"] is True
    assert record.answer.text == choice["message"]["content"]
    assert record.answer.version == "quoting-1"
    assert (record.answer.logprob, record.answer.steps, record.answer.actions) == (-1.5, 2, (0, -1))
    assert (record.answer.sampling.temperature, record.answer.sampling.seed) == (0.5, 3)
    assert {"queue", "search"} <= record.answer.timings_ms.keys()
    assert record.prompt.question == Q
    assert record.prompt.collections == ("handbook",)
    assert record.prompt.segment == "de"
    assert [p.text for p in record.prompt.passages] == [p["content"] for p in choice["message"]["context"]["retrieved"]]
    assert record.citations[0]["verified"] is True
    assert record.request_id == answer["id"]
    assert record.attributes == {"conversation_id": "c-1"}
    assert record.consent is False
    assert record.user.startswith("key:")


def test_answers_of_one_request_share_a_prompt(client: httpx.Client, redis_url: str) -> None:
    choices = client.post(PATH, json=ask(Q, n=2)).json()["choices"]
    records = stored(redis_url, *(choice["answer_id"] for choice in choices))

    assert len({record.prompt_id for record in records}) == 1
    assert [record.position for record in records] == [0, 1]
    assert all(record.consent for record in records)


def test_a_streamed_answer_is_recorded_before_its_id_is_sent(client: httpx.Client, redis_url: str) -> None:
    with client.stream("POST", PATH, json=ask(Q, stream=True, store=False)) as response:
        for line in response.iter_lines():
            if '"answer_id"' in line:
                [record] = stored(redis_url, json.loads(line[6:])["choices"][0]["answer_id"])
                break
    assert record.answer.text == "Employees get 30 days of paid vacation a year. [1]"
    assert record.consent is False


def test_a_trusted_caller_names_the_end_user(client: httpx.Client, world: World, redis_url: str) -> None:
    trusted = world.keys.create("web", trusted=True)[1]
    for secret, ending in ((trusted, "/user:ada"), (world.key, "")):
        headers = {"Authorization": f"Bearer {secret}"}
        answer = client.post(PATH, json=ask(Q, user="ada"), headers=headers).json()
        [record] = stored(redis_url, answer["choices"][0]["answer_id"])
        assert record.user.endswith(ending)
        assert ("user:" in record.user) is bool(ending)


def test_without_redis_the_answer_is_given_without_an_id(tmp_path: Path) -> None:
    world = World(tmp_path, "redis://127.0.0.1:1/0", [QuotingPolicy()])
    with Served(world.app()) as served, http(served, world) as client:
        choice: dict[str, Any] = client.post(PATH, json=ask(Q)).json()["choices"][0]
        lines = client.post(PATH, json=ask(Q, stream=True)).text.splitlines()

    assert "30 days" in choice["message"]["content"]
    assert (choice["answer_id"], choice["recorded"]) == (None, False)
    final = json.loads(lines[-4][6:])["choices"][0]
    assert (final["answer_id"], final["recorded"], final["finish_reason"]) == (None, False, "stop")
    assert world.metrics.registry.get_sample_value("groundloop_answers_unrecorded_total") == 2
