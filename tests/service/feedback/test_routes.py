"""The feedback calls over HTTP: shapes, who may judge, what is refused and how."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from service.feedback.answers import AnswerRecord
from tests.service.feedback.samples import make_prompt, make_record
from tests.service.feedback.web import World, world

Scenario = Callable[[World], Awaitable[None]]
Play = Callable[..., None]


@pytest.fixture
def play(tmp_path: Path, redis_url: str) -> Play:
    """Give a function that runs a scenario against the app."""

    def run(scenario: Scenario, **settings: object) -> None:
        async def opened() -> None:
            async with world(tmp_path, redis_url, **settings) as opened_world:
                await scenario(opened_world)

        asyncio.run(opened())

    return run


async def _answer(world: World, text: str = "Often. [1]", **changes: Any) -> AnswerRecord:
    record = make_record(text, **({"user": world.ids["asker"]} | changes))
    await world.container.answers.record(record)
    return record


def _vote_url(record: AnswerRecord) -> str:
    return f"/v1/answers/{record.answer_id}/vote"


def test_a_vote_is_given_changed_and_withdrawn(play: Play) -> None:
    async def scenario(world: World) -> None:
        record = await _answer(world)
        async with world.client("asker") as me:
            none = (await me.get(_vote_url(record))).json()
            assert none == {
                "vote": None,
                "version": None,  # nobody is told before they judged
                "lineage": [],
                "summary": "You have not voted on this answer.",
            }
            body = {
                "rating": "down",
                "scores": {"helpful": 2},
                "reasons": ["wrong_source", "too_long", "too_long"],
                "comment": " Näh ☂ ",
                "correction": "Hourly.",
                "evidence": [{"chunk_id": "chk_8", "relevant": False}],
            }
            given = await me.put(_vote_url(record), json=body)
            assert given.status_code == 200
            vote = given.json()
            assert {name: vote[name] for name in body} == body | {
                "reasons": ["too_long", "wrong_source"],
                "comment": "Näh ☂",
            }
            assert (await me.put(_vote_url(record), json=body)).json() == vote  # the same vote, the same entry
            mine = (await me.get(_vote_url(record))).json()
            assert (mine["vote"], mine["version"]) == (vote, record.answer.version)
            up = (await me.put(_vote_url(record), json={"rating": "up"})).json()
            assert (up["rating"], up["comment"], up["evidence"]) == ("up", "", [])
            told = (await me.get(_vote_url(record))).json()
            assert [event["what"] for event in told["lineage"]] == ["recorded", "replaced", "waiting"]
            assert "waiting for the next training snapshot" in told["summary"]
            gone = (await me.put(_vote_url(record), json={"rating": None})).json()
            assert gone["rating"] is None
            told = (await me.get(_vote_url(record))).json()
            assert told["vote"] is None
            assert [event["what"] for event in told["lineage"]][-2:] == ["withdrawn", "left_out"]
            assert "withdrew" in told["summary"]
            await me.put(_vote_url(record), json={"rating": "up"})
            told = (await me.get(_vote_url(record))).json()
            assert [event["what"] for event in told["lineage"]][-2:] == ["recorded", "waiting"]

    play(scenario)


def test_without_consent_the_voter_is_told(play: Play) -> None:
    async def scenario(world: World) -> None:
        record = await _answer(world, consent=False)
        async with world.client("asker") as me:
            await me.put(_vote_url(record), json={"rating": "up"})
            told = (await me.get(_vote_url(record))).json()
        assert told["lineage"][-1]["what"] == "left_out"
        assert told["lineage"][-1]["reason"] == "not given for training"

    play(scenario)


def test_withdrawing_nothing_is_fine(play: Play) -> None:
    async def scenario(world: World) -> None:
        record = await _answer(world)
        async with world.client("asker") as me:
            reply = await me.put(_vote_url(record), json={"rating": None})
        assert (reply.status_code, reply.json()["id"], reply.json()["created_at"]) == (200, None, None)

    play(scenario)


def test_who_may_judge_an_answer(play: Play) -> None:
    async def scenario(world: World) -> None:
        catalog = world.container.catalog
        readers = frozenset({world.ids["asker"], world.ids["colleague"]})
        shared = catalog.create_collection("shared", embedding_model="hashing", readers=readers)
        record = await _answer(world, prompt=make_prompt(collections=(shared.collection_id,)))
        drawn_on_nothing = await _answer(world, prompt=make_prompt(collections=()))
        gone = await _answer(world, prompt=make_prompt(collections=(shared.collection_id, "vs_deleted")))
        expected = {
            "asker": (200, 200, 200),
            "operator": (200, 200, 200),
            "colleague": (200, 404, 404),
            "stranger": (404, 404, 404),
        }
        for who, statuses in expected.items():
            async with world.client(who) as client:
                got = [
                    (await client.put(_vote_url(answer), json={"rating": "up"})).status_code
                    for answer in (record, drawn_on_nothing, gone)
                ]
                assert tuple(got) == statuses, who
                read = [
                    (await client.get(_vote_url(answer))).status_code for answer in (record, drawn_on_nothing, gone)
                ]
                assert tuple(read) == statuses, who
        async with world.client("stranger") as client:
            refused = (await client.get(_vote_url(record))).json()["error"]
            unknown = (await client.get(f"/v1/answers/{record.answer_id[::-1]}/vote")).json()["error"]
            assert refused["code"] == unknown["code"] == "answer_not_found"
            assert refused["message"].replace(record.answer_id, "X") == unknown["message"].replace(
                record.answer_id[::-1], "X"
            )

    play(scenario)


def test_end_users_behind_one_key_are_different_voters(play: Play) -> None:
    async def scenario(world: World) -> None:
        record = await _answer(world, user=f"{world.ids['portal']}/user:ann")
        async with world.client("portal", end_user="ann") as ann, world.client("portal", end_user="bob") as bob:
            assert (await ann.put(_vote_url(record), json={"rating": "up"})).status_code == 200
            assert (await bob.put(_vote_url(record), json={"rating": "up"})).status_code == 404
        async with world.client("asker", end_user="ann") as impostor:
            assert (await impostor.put(_vote_url(record), json={"rating": "down"})).status_code == 403
        async with world.client("operator") as operator:
            listed = (await operator.get("/v1/feedback")).json()
        assert [item["voter"] for item in listed["data"]] == [f"{world.ids['portal']}/user:ann"]

    play(scenario)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"rating": "meh"}, "rating"),
        ({}, None),
        ({"rating": None, "comment": "x"}, None),
        ({"rating": "up", "scores": {"helpful": 6}}, "scores.helpful"),
        ({"rating": "up", "scores": {"Not a name": 3}}, None),
        ({"rating": "up", "reasons": ["because"]}, "reasons.0"),
        ({"rating": "up", "comment": "x" * 4001}, "comment"),
        ({"rating": "up", "evidence": [{"chunk_id": "chk_1", "relevant": True}]}, "evidence"),
        ({"rating": "up", "evidence": [{"chunk_id": "chk_7", "relevant": b} for b in (True, False)]}, None),
        ({"rating": "up", "thumb": 1}, "thumb"),
        ([], None),
    ],
)
def test_bad_votes_are_refused_with_what_would_be_right(play: Play, body: Any, param: str | None) -> None:
    async def scenario(world: World) -> None:
        record = await _answer(world)
        async with world.client("asker") as me:
            reply = await me.put(_vote_url(record), json=body)
        error = reply.json()["error"]
        assert reply.status_code == 400, error
        assert error["message"]
        if param is not None:
            assert error["param"] == param

    play(scenario)


def test_the_vote_limit_answers_429_with_the_wait(play: Play) -> None:
    async def scenario(world: World) -> None:
        records = [await _answer(world, str(number)) for number in range(3)]
        async with world.client("asker") as me:
            replies = [await me.put(_vote_url(record), json={"rating": "up"}) for record in records]
        assert [reply.status_code for reply in replies] == [200, 200, 429]
        assert 25 <= int(replies[2].headers["Retry-After"]) <= 30
        world.add("busy", "operator", votes_per_minute=0)  # the key's own limit: none
        async with world.client("busy") as busy:
            replies = [await busy.put(_vote_url(record), json={"rating": "up"}) for record in records]
        assert [reply.status_code for reply in replies] == [200, 200, 200]

    play(scenario, votes_per_minute=2)


def test_preferences(play: Play) -> None:
    async def scenario(world: World) -> None:
        one, two, three = [await _answer(world, text) for text in ("1", "2", "3")]
        pair, trio = [one.answer_id, two.answer_id], [one.answer_id, two.answer_id, three.answer_id]
        async with world.client("asker") as me:
            first = await me.post("/v1/preferences", json={"answers": pair, "outcome": "first", "reasons": ["clear"]})
            again = await me.post("/v1/preferences", json={"answers": pair, "ranks": [1, 4], "reasons": ["clear"]})
            assert first.status_code == 200
            assert again.json() == first.json()  # ranks 1 and 4 of two say the same as "first"
            assert first.json()["versions"] == [one.answer.version, two.answer.version]  # told once they are compared
            ranked = (await me.post("/v1/preferences", json={"answers": trio, "ranks": [2, 1, 2]})).json()
            assert (ranked["outcome"], ranked["ranks"]) == ("ranked", [2, 1, 2])
            headers = {"Idempotency-Key": "k"}
            body = {"answers": pair, "outcome": "both_bad"}
            kept = (await me.post("/v1/preferences", json=body, headers=headers)).json()
            assert (await me.post("/v1/preferences", json=body, headers=headers)).json()["id"] == kept["id"]
            reused = await me.post("/v1/preferences", json=body | {"outcome": "tie"}, headers=headers)
            assert (reused.status_code, reused.json()["error"]["code"]) == (409, "idempotency_key_reused")
            for bad in (
                {"answers": pair},
                {"answers": pair[:1], "outcome": "first"},
                {"answers": [pair[0], pair[0]], "outcome": "first"},
                {"answers": trio, "outcome": "first"},
                {"answers": trio, "ranks": [1, 2]},
                {"answers": pair, "ranks": [0, 1]},
                {"answers": pair, "ranks": [1, 2], "outcome": "first"},
                {"answers": [f"{pair[0]},{pair[1]}", three.answer_id], "outcome": "first"},
            ):
                assert (await me.post("/v1/preferences", json=bad)).status_code == 400, bad
            missing = await me.post("/v1/preferences", json={"answers": [pair[0], "ans_no"], "outcome": "tie"})
            assert missing.status_code == 404
        async with world.client("stranger") as stranger:
            body = {"answers": pair, "outcome": "second"}
            assert (await stranger.post("/v1/preferences", json=body)).status_code == 404

    play(scenario)


def test_comparing_tells_nothing_of_answers_that_may_not_be_judged(play: Play) -> None:
    async def scenario(world: World) -> None:
        shared = make_prompt(question="Shared?", collections=("c-open",))
        closed = make_prompt(question="Closed?", collections=("c-closed",))
        world.container.catalog.create_collection("open", embedding_model="m", collection_id="c-open")
        world.container.catalog.create_collection(
            "closed", embedding_model="m", collection_id="c-closed", readers=frozenset({"group:board"})
        )
        mine, theirs = await _answer(world, "mine", prompt=shared), await _answer(world, "theirs", prompt=shared)
        secret = await _answer(world, "secret", prompt=closed)
        async with world.client("colleague") as colleague:
            for first in (mine.answer_id, "ans_none"):
                told = []
                for other in (secret.answer_id, "ans_unknown"):
                    for pair in ([first, other], [other, first]):
                        body = {"answers": pair, "outcome": "tie"}
                        refused = await colleague.post("/v1/preferences", json=body)
                        assert refused.status_code == 404
                        told.append(refused.text.replace(other, "x"))
                assert told[:2] == told[2:]
            allowed = {"answers": [mine.answer_id, theirs.answer_id], "outcome": "tie"}
            assert (await colleague.post("/v1/preferences", json=allowed)).status_code == 200

    play(scenario)


def test_browsing_and_export_are_for_operators(play: Play) -> None:
    async def scenario(world: World) -> None:
        records = [await _answer(world, str(number)) for number in range(3)]
        async with world.client("asker") as me:
            for record in records:
                await me.put(_vote_url(record), json={"rating": "up", "reasons": ["clear"]})
            await me.put(_vote_url(records[0]), json={"rating": "down"})
            assert (await me.get("/v1/feedback")).status_code == 403
            assert (await me.get("/v1/feedback/export")).status_code == 403
        async with world.client("operator") as operator:
            page = (await operator.get("/v1/feedback", params={"limit": 2})).json()
            assert (page["object"], len(page["data"]), page["has_more"]) == ("list", 2, True)
            assert (page["first_id"], page["last_id"]) == (page["data"][0]["id"], page["data"][1]["id"])
            rest = (await operator.get("/v1/feedback", params={"limit": 2, "after": page["last_id"]})).json()
            assert [item["rating"] for item in page["data"] + rest["data"]] == ["down", "up", "up"]
            assert not rest["has_more"]
            history = (await operator.get("/v1/feedback", params={"history": True, "order": "asc"})).json()
            assert [item["current"] for item in history["data"]] == [False, True, True, True]
            clear = (await operator.get("/v1/feedback", params={"reason": "clear"})).json()
            assert len(clear["data"]) == 2
            for order in ("asc", "desc"):
                for cursor in ("x", "0-0", "00-0", "-1-0", "1", "1-1\n", "9" * 16 + "-0", "１-0"):
                    refused = await operator.get("/v1/feedback", params={"after": cursor, "order": order})
                    assert refused.status_code == 400, cursor
                    assert "last_id" in refused.json()["error"]["message"]
                for cursor in ("0-1", "9" * 15 + "-0"):
                    assert (await operator.get("/v1/feedback", params={"after": cursor, "order": order})).is_success
            for bad in ({"limit": 0}, {"since": "nan"}, {"rating": "meh"}, {"order": "up"}):
                assert (await operator.get("/v1/feedback", params=bad)).status_code == 400, bad
            export = await operator.get("/v1/feedback/export", params={"format": "kto", "scope": "all"})
            assert export.headers["content-type"] == "application/x-ndjson"
            rows = [json.loads(line) for line in export.text.splitlines()]
            assert [row["label"] for row in rows] == [True, True, False]
            empty = await operator.get("/v1/feedback/export", params={"format": "dpo", "until": 1})
            assert (empty.status_code, empty.text) == (200, "")
            # By default what everybody's version may learn from: a collection that is gone was perhaps restricted.
            shared = await operator.get("/v1/feedback/export", params={"format": "kto"})
            assert (shared.status_code, shared.text) == (200, "")
            for bad in ({"scope": "team:a"}, {"scope": ""}, {"format": "csv"}):
                assert (await operator.get("/v1/feedback/export", params=bad)).status_code == 400, bad

    play(scenario)


def test_operators_see_what_became_of_anybodys_judgement(play: Play) -> None:
    async def scenario(world: World) -> None:
        record = await _answer(world)
        async with world.client("asker") as me:
            first = (await me.put(_vote_url(record), json={"rating": "up"})).json()["id"]
            vote = (await me.put(_vote_url(record), json={"rating": "down"})).json()["id"]
            mine = (await me.get(_vote_url(record))).json()
            assert (await me.get(f"/v1/feedback/{vote}/lineage")).status_code == 403
        async with world.client("operator") as operator:
            for entry in (first, vote):  # the whole story, whichever entry of it is asked for
                told = (await operator.get(f"/v1/feedback/{entry}/lineage")).json()
                assert [one["what"] for one in told["lineage"]] == ["recorded", "replaced", "waiting"]
                assert told["summary"] == mine["summary"]
            for nothing in ("1-1", "0-0", "none"):
                refused = await operator.get(f"/v1/feedback/{nothing}/lineage")
                assert (refused.status_code, refused.json()["error"]["code"]) == (404, "judgement_not_found")

    play(scenario)


@pytest.mark.parametrize("setting", ["full", "read-only"])
def test_a_redis_that_refuses_writes_gives_503_and_loses_nothing(play: Play, redis_url: str, setting: str) -> None:
    async def scenario(world: World) -> None:
        record = await _answer(world)
        admin = redis.Redis.from_url(redis_url)
        async with world.client("asker") as me:
            if setting == "full":
                admin.config_set("maxmemory", 1)
            else:
                admin.replicaof("127.0.0.1", 1)
            try:
                reply = await me.put(_vote_url(record), json={"rating": "up"})
            finally:
                admin.config_set("maxmemory", 0)
                admin.replicaof("no", "one")
                admin.close()
            assert reply.status_code == 503, reply.text
            assert reply.json()["error"]["code"] == "redis_unavailable"
            assert int(reply.headers["Retry-After"]) >= 1
            assert (await me.put(_vote_url(record), json={"rating": "up"})).status_code == 200

    play(scenario)
