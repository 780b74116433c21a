"""`GET /v1/answers/{answer_id}`: all of what was asked, shown, answered and said, live or archived."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from service.archive.places import archive
from service.feedback.records import Preference, Vote
from service.settings import Settings
from tests.service.cycles.filling import Log, fill_log
from tests.service.feedback.samples import make_answer, make_prompt, make_record
from tests.service.http_world import LiveServer, light_settings, running

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
PAIR = make_prompt(question="Which?", resolved_question="Which of the two?")


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> Settings:
    return light_settings(tmp_path, redis_url, archive_after_days=1e-9, archive_interval_s=0.001)


@pytest.fixture
def server(settings: Settings) -> Iterator[LiveServer]:
    with running(settings) as live:
        yield live


@pytest.fixture
def said(settings: Settings) -> list[str]:
    """Record a pair that was judged by several, and an answer to the same prompt that was asked for later."""
    records = [
        make_record(text, prompt=PAIR, request_id=request, position=position)
        for text, request, position in (("A [1]", "chatcmpl-1", 0), ("B [2]", "chatcmpl-1", 1), ("C", "chatcmpl-2", 0))
    ]
    ids = [record.answer_id for record in records]

    async def fill(log: Log) -> None:
        await log.answers.record_all(records[:2])
        await log.answers.record(records[2])
        await log.vote(ids[0], Vote("down"), "key:asker")
        await log.vote(ids[0], Vote("up", comment="Yes."), "key:asker")
        await log.vote(ids[0], Vote("down", reasons=("outdated_source",)), "key:colleague")
        await log.vote(ids[0], Vote("up"), "key:fickle")
        await log.vote(ids[0], Vote(), "key:fickle")
        await log.log.prefer(Preference((ids[0], ids[1]), "first", (1, 2)), voter="key:asker")

    fill_log(settings, fill)
    return ids


def looked_at(server: LiveServer, answer_id: str) -> dict[str, Any]:
    with server.http("operator") as http:
        found = http.get(f"/v1/answers/{answer_id}")
    assert found.status_code == 200, found.text
    return dict(found.json())


def check(server: LiveServer, ids: list[str]) -> None:
    first, second, third = (looked_at(server, one) for one in ids)
    assert (first["object"], first["id"], first["voter"], first["version"]) == (
        "answer",
        ids[0],
        "key:asker",
        make_answer().version,
    )
    assert (first["question"], first["intent"], first["segment"]) == ("Which?", "Which of the two?", "en")
    assert first["history"] == [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}]
    assert [passage["number"] for passage in first["passages"]] == [1, 2]
    shown = first["passages"][0]
    assert (shown["content"], shown["start_index"], shown["end_index"]) == ("Wash your hands.\nOften.", 40, 63)
    assert (shown["page_start"], shown["page_end"], shown["heading_path"]) == (2, 3, ["A", "B"])
    assert first["passages"][1]["title"] == "guide.pdf"
    assert (first["text"], first["citations"]) == ("A [1]", [{"number": 1, "chunk_id": "chk_7"}])
    assert first["notes"] == {"channel": "web"}
    assert (first["latency_ms"], first["timings_ms"]) == (None, {"retrieve": 4.0})
    assert (first["pair"], second["pair"], third["pair"]) == (ids[1], ids[0], None)
    assert [(one["kind"], one["voter"], one["rating"]) for one in first["judgements"]] == [
        ("preference", "key:asker", "first"),
        ("vote", "key:colleague", "down"),
        ("vote", "key:asker", "up"),
    ]
    assert first["judgements"][1]["details"] == {"reasons": ["outdated_source"]}
    assert [one["kind"] for one in second["judgements"]] == ["preference"]
    assert third["judgements"] == []


def test_an_answer_is_shown_with_all_that_stands_about_it(server: LiveServer, said: list[str]) -> None:
    check(server, said)


def test_an_archived_answer_is_shown_as_before_and_what_is_said_since_goes_first(
    server: LiveServer, settings: Settings, said: list[str], redis_url: str
) -> None:
    archive(settings)
    with redis.Redis.from_url(redis_url) as client:
        assert not client.exists(f"gl:answer:{said[0]}")
    check(server, said)

    async def change(log: Log) -> None:
        with server.http("operator") as http:
            assert http.put(f"/v1/answers/{said[0]}/vote", json={"rating": "up"}).status_code == 200
        await log.vote(said[0], Vote("down", comment="No."), "key:asker")

    fill_log(settings, change)
    told = {one["voter"]: one["rating"] for one in looked_at(server, said[0])["judgements"] if one["kind"] == "vote"}
    assert told.pop("key:asker") == told.pop("key:colleague") == "down"
    assert list(told.values()) == ["up"]


def test_a_served_answer_tells_how_long_it_took(server: LiveServer) -> None:
    question = {"messages": [{"role": "user", "content": "What is alpha?"}]}
    with server.http("user") as http:
        answer_id = http.post("/v1/chat/completions", json=question).json()["choices"][0]["answer_id"]
        refused = http.get(f"/v1/answers/{answer_id}")
    assert refused.json()["error"]["code"] == "insufficient_role"
    found = looked_at(server, answer_id)
    assert (found["abstained"], found["passages"], found["judgements"], found["pair"]) == (True, [], [], None)
    assert set(found["timings_ms"]) == {"queue", "search"}


def test_what_is_not_there_and_whom_it_is_not_for(server: LiveServer) -> None:
    with server.http("operator") as http:
        assert http.get("/v1/answers/ans_none").json()["error"]["code"] == "answer_not_found"
        acting = http.get("/v1/answers/ans_none", headers={"X-Groundloop-User": "jane"})
    assert acting.json()["error"]["code"] == "insufficient_role"


def test_without_redis_it_says_so(tmp_path: Path) -> None:
    with running(light_settings(tmp_path, None)) as server, server.http("operator") as http:
        refused = http.get("/v1/answers/ans_none")
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "redis_unavailable")
