"""The inbox of missing documents: it holds what stands, whoever changes their mind, and what is done stays done."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as some
from redis.asyncio import Redis

from service.archive.places import archive, erase_from_archive
from service.feedback import keys
from service.feedback.answers import AnswerStore
from service.feedback.judgements import Judgements
from service.feedback.log import FeedbackLog
from service.feedback.missing import MissingDocuments
from service.feedback.records import Preference, Vote
from service.feedback.recount import recount
from service.privacy.forget import forget_answers, note_gone
from service.redis.server import RedisServer
from service.settings import Settings
from tests.service.cycles.filling import Log, fill_log
from tests.service.feedback.samples import make_prompt, make_record
from tests.service.http_world import LiveServer, light_settings, running

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
PATH = "/v1/feedback/missing"
MISSING = Vote("down", reasons=("missing_document",), comment="Where is the manual?")
# What only looks like the reason: the same words in a comment, in quotes, with other reasons.
LOOKALIKES = (
    Vote("down", comment="missing_document"),
    Vote("down", comment='"missing_document"'),
    Vote("down", reasons=("outdated_source",), correction='{"reasons": ["missing_document"]}'),
)
VOTES = (MISSING, Vote(reasons=("incomplete", "missing_document")), Vote("up"), Vote(), *LOOKALIKES)


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> Settings:
    return light_settings(tmp_path, redis_url, archive_after_days=1e-9, archive_interval_s=0.001)


@pytest.fixture
def server(settings: Settings) -> Iterator[LiveServer]:
    with running(settings) as live:
        yield live


def listed(server: LiveServer, **query: Any) -> list[dict[str, Any]]:
    """Page through the inbox."""
    rows: list[dict[str, Any]] = []
    with server.http("operator") as http:
        while True:
            answer = http.get(PATH, params=query)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            rows += page["data"]
            if not page["has_more"]:
                return rows
            query["after"] = page["last_id"]


def asked(settings: Settings, *questions: str, **more: Any) -> list[str]:
    """Record an answer to each question, of which somebody says that a document is missing."""
    ids: list[str] = []

    async def fill(log: Log) -> None:
        for question in questions:
            record = make_record(prompt=make_prompt(question=question, resolved_question="", **more))
            await log.answers.record(record)
            await log.vote(record.answer_id, MISSING, "key:asker")
            ids.append(record.answer_id)

    fill_log(settings, fill)
    return ids


def test_what_is_missing_is_listed_and_dealt_with(server: LiveServer, settings: Settings) -> None:
    first, second, third = asked(settings, "First?", "Second?", "Third?")
    rows = listed(server)
    assert [row["answer_id"] for row in rows] == [third, second, first]
    assert rows[2] | {"at": 0} == {
        "object": "missing_document",
        "answer_id": first,
        "question": "First?",
        "intent": None,
        "comment": "Where is the manual?",
        "voter": "key:asker",
        "at": 0,
        "judgements": 1,
        "collections": ["vs_1"],
        "state": "open",
        "note": "",
        "noted_by": None,
        "noted_at": None,
    }
    with server.http("operator") as http:
        noted = http.put(f"{PATH}/{second}", json={"state": "done", "note": " The manual is in. "}).json()
        assert (noted["state"], noted["note"]) == ("done", "The manual is in.")
        assert noted["noted_by"].startswith("key:")
        assert noted["noted_at"] > noted["at"]
        assert [row["answer_id"] for row in listed(server)] == [third, first]
        assert listed(server, state="done") == [noted]
        assert http.get(PATH).json()["counts"] == {"open": 2, "done": 1}
        again = http.put(f"{PATH}/{second}", json={"state": "open"}).json()
        assert (again["state"], again["note"], again["noted_by"], again["at"]) == ("open", "", None, noted["at"])
    assert [row["answer_id"] for row in listed(server, limit=1)] == [third, second, first]


def test_what_is_done_stays_done_and_what_is_taken_back_is_gone(server: LiveServer, settings: Settings) -> None:
    (answer,) = asked(settings, "Where?")
    with server.http("operator") as http:
        http.put(f"{PATH}/{answer}", json={"state": "done", "note": "Soon."})

        async def again(log: Log) -> None:
            await log.vote(answer, MISSING, "key:colleague")

        fill_log(settings, again)
        assert listed(server) == []
        (row,) = listed(server, state="done")
        assert (row["judgements"], row["voter"], row["note"]) == (2, "key:colleague", "Soon.")

        async def back(log: Log) -> None:
            for voter in ("key:asker", "key:colleague"):
                await log.vote(answer, Vote(), voter)

        fill_log(settings, back)
        assert listed(server, state="done") == listed(server) == []
        assert http.put(f"{PATH}/{answer}", json={"state": "open"}).json()["error"]["code"] == "answer_not_found"


def test_a_comparison_may_say_so_too(server: LiveServer, settings: Settings) -> None:
    pair = [make_record(text, prompt=make_prompt(question="Which?")) for text in ("A", "B")]
    ids = (pair[0].answer_id, pair[1].answer_id)

    async def fill(log: Log) -> None:
        await log.answers.record_all(pair)
        said = Preference(ids, "both_bad", (1, 1), reasons=("missing_document",), comment="Neither.")
        await log.log.prefer(said, voter="key:asker")

    fill_log(settings, fill)
    (row,) = listed(server)
    assert (row["answer_id"], row["comment"]) == (ids[0], "Neither.")


def test_archived_answers_are_shown_and_those_that_are_gone_are_not(
    server: LiveServer, settings: Settings, redis_url: str
) -> None:
    live, erased, mine = asked(settings, "Live?", "Erased?", "Mine?")
    with server.http("operator") as http, redis.Redis.from_url(redis_url) as client:
        for one in (erased, mine):
            http.put(f"{PATH}/{one}", json={"state": "done", "note": "x"})
        forget_answers(client, [(erased, "")], "erased")
        assert client.hkeys(keys.MISSING_NOTES) == [mine.encode()]
        archive(settings)
        assert not client.exists(f"gl:answer:{live}")
        assert [row["answer_id"] for row in listed(server)] == [live]
        assert [row["answer_id"] for row in listed(server, state="done")] == [mine]
        note_gone(client, [live, mine], "erased")
        erase_from_archive(settings, "key:asker")
        assert listed(server) == listed(server, state="done") == []
        assert not client.exists(keys.MISSING_OPEN, keys.MISSING_DONE, keys.MISSING_NOTES)


def test_what_is_refused(server: LiveServer, settings: Settings) -> None:
    (answer,) = asked(settings, "Where?")
    with server.http("operator") as http:
        assert http.get(PATH, params={"after": "ans_none"}).json()["error"]["param"] == "after"
        assert http.get(PATH, params={"state": "half"}).json()["error"]["param"] == "state"
        assert http.put(f"{PATH}/ans_none", json={"state": "done"}).status_code == 404
        assert http.put(f"{PATH}/{answer}", json={"state": "gone"}).json()["error"]["param"] == "state"
        assert http.put(f"{PATH}/{answer}", json={"state": "done", "note": "x" * 2_001}).status_code == 400
        assert http.get(PATH, headers={"X-Groundloop-User": "jane"}).status_code == 403
    with server.http("user") as http:
        assert http.get(PATH).json()["error"]["code"] == "insufficient_role"


def test_without_redis_it_says_so(tmp_path: Path) -> None:
    with running(light_settings(tmp_path, None)) as server, server.http("operator") as http:
        for answer in (http.get(PATH), http.put(f"{PATH}/ans_x", json={"state": "done"})):
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "redis_unavailable")


async def _inbox(client: Redis) -> list[str]:
    """Page through what is open, two at a time, in whatever ms it was said."""
    answers, log = AnswerStore(client), FeedbackLog(client)
    inbox = MissingDocuments(client, answers, Judgements(client, log))
    found: list[str] = []
    after: str | None = None
    while True:
        page = await inbox.page("open", limit=2, after=after)
        assert page is not None
        found += [row.answer.answer_id for row in page.rows]
        if not page.has_more:
            return found
        after = page.last_id


@hypothesis_settings(max_examples=25, deadline=None)
@given(
    said=some.lists(
        some.tuples(some.integers(0, 3), some.sampled_from(VOTES), some.sampled_from(("key:a", "key:b"))), max_size=14
    )
)
def test_it_holds_what_stands(redis_server: RedisServer, said: list[tuple[int, Vote, str]]) -> None:
    async def scenario() -> tuple[set[str], list[str], list[str]]:
        async with Redis.from_url(redis_server.url) as client:
            await client.flushall()
            answers, log = AnswerStore(client), FeedbackLog(client)
            records = [make_record(str(number), prompt=make_prompt(question=f"{number}?")) for number in range(4)]
            for record in records:
                await answers.record(record)
            stands: dict[tuple[int, str], Vote] = {}
            for number, vote, voter in said:
                await log.vote(records[number].answer_id, vote, voter=voter, allowed=True)
                stands[number, voter] = vote
            wanted = {
                records[number].answer_id for (number, _), vote in stands.items() if "missing_document" in vote.reasons
            }
            found = await _inbox(client)
            await client.delete(keys.MISSING_OPEN)
            await asyncio.to_thread(_recount, redis_server.url)
            return wanted, found, await _inbox(client)

    wanted, found, anew = asyncio.run(scenario())
    assert len(found) == len(set(found))
    assert set(found) == set(anew) == wanted


def _recount(url: str) -> None:
    with redis.Redis.from_url(url) as client:
        recount(client)
