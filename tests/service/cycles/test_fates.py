"""From votes over HTTP to the sentence that says what became of each: every way of being held back, on a real log.

The cycle runs as far as the data set, which decides over every judgement; the models that it would train come after.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import redis

from retrieval.types import Caller
from service.cycles import store
from service.cycles.cycle import Ended
from service.cycles.fates import read_fate, record_fates
from service.cycles.job import prepare
from service.cycles.process import train
from service.redis.calls import ask
from service.settings import Settings
from tests.service.cycles.filling import Log, fill_log
from tests.service.feedback.samples import make_prompt, make_record
from tests.service.http_world import LiveServer, light_settings, running
from training.pipeline.job import read_job
from training.pipeline.making import describe_data, take_snapshot
from training.pipeline.workspace import Waiting, Workspace

EVERYTHING = Caller(reads_all=True)
TRUTH = [number % 2 == 0 for number in range(24)]


class World:
    """Many voters behind one trusted key, and answers that everybody may judge."""

    def __init__(self, server: LiveServer, settings: Settings) -> None:
        self.server, self.settings = server, settings
        self.operator = server.http("operator")
        made = self.operator.post("/v1/vector_stores", json={"name": "open"}).json()["id"]
        key, secret = server.container.keys.create("portal", "user", trusted=True, votes_per_minute=0)
        self.key, self.open = f"key:{key.key_id}", made
        self._portal = server.http(key=secret)

    def close(self) -> None:
        """Close the connections."""
        self.operator.close()
        self._portal.close()

    def answers(self, name: str, count: int, *, collection: str = "", user: str = "key:asker") -> list[str]:
        """Record answers, each to a question of its own."""
        found: list[str] = []

        async def fill(log: Log) -> None:
            for n in range(count):
                prompt = make_prompt(
                    question=f"{name} {n}?", resolved_question="", history=(), collections=(collection or self.open,)
                )
                record = make_record(f"{name} {n}. [1]", prompt=prompt, user=user)
                await log.answers.record(record)
                found.append(record.answer_id)

        fill_log(self.settings, fill)
        return found

    def who(self, voter: str) -> str:
        """Give the identity of a voter."""
        return f"{self.key}/user:{voter}"

    def send(self, method: str, path: str, voter: str, body: Any = None) -> dict[str, Any]:
        """Do something as a voter."""
        answer = self._portal.request(method, path, json=body, headers={"X-Groundloop-User": voter})
        assert answer.status_code < 300, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def vote(self, answer: str, voter: str, rating: str | None = "up", **more: Any) -> None:
        """Vote over HTTP."""
        self.send("PUT", f"/v1/answers/{answer}/vote", voter, {"rating": rating, **more})

    def told(self, answer: str, voter: str) -> tuple[str, list[str]]:
        """Give the sentence about a vote, and its events."""
        reply = self.send("GET", f"/v1/answers/{answer}/vote", voter)
        return reply["summary"], [event["what"] for event in reply["lineage"]]

    def cycle(self, client: redis.Redis, end: Ended = "refused", version: str = "", **changes: Any) -> str:
        """Run a cycle as far as its data."""
        settings = self.settings.model_copy(update=changes)
        name = ask(client, store.create("shared", "schedule")).id
        token = ask(client, store.claim(name, "test", 60))
        row = ask(client, store.get(name))
        assert row is not None
        assert token is not None
        directory = prepare(settings, row)
        work = Workspace(directory, read_job(directory))
        take_snapshot(work)
        with contextlib.suppress(Waiting):
            describe_data(work)
        record_fates(client, name, directory)
        assert ask(client, store.finish(name, token, end, "no better", version=version))
        return name


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as opened:
        yield opened


@pytest.fixture
def world(tmp_path: Path, redis_url: str) -> Iterator[World]:
    settings = light_settings(tmp_path, redis_url, votes_per_minute=0, train_min_judgements=10)
    with running(settings) as server:
        made = World(server, settings)
        yield made
        made.close()


def _judge(world: World, answers: list[str], voter: str, ups: list[bool]) -> None:
    for answer, up in zip(answers, ups, strict=True):
        world.vote(answer, voter, "up" if up else "down")


@pytest.mark.slow
def test_each_way_of_being_held_back_is_told(world: World, client: redis.Redis) -> None:
    common = world.answers("Common", 24)
    for voter in ("ann", "bob", "cid", "dan"):
        _judge(world, common, voter, TRUTH)
    _judge(world, common, "liar", [not up for up in TRUTH])
    (praised,) = world.answers("Praised", 1)
    for n in range(12):
        world.vote(praised, f"bot-{n}")
    flooded = world.answers("Flooded", 20)
    for answer in flooded:
        world.vote(answer, "flood")
    first, again = *world.answers("Twice", 1), *world.answers("Twice", 1, user="key:other")
    world.vote(first, "twice", "down")
    world.vote(again, "twice")
    excluded, silent, taken, marked, shy = world.answers("Single", 5)
    world.vote(excluded, "seller")
    world.operator.put(f"/v1/voters/{quote(world.who('seller'), safe='')}/exclusion", json={"reason": "sells shoes"})
    world.vote(silent, "private")
    world.vote(taken, "changed")
    world.vote(taken, "changed", None)
    world.send("PUT", f"/v1/answers/{marked}/vote", "reader", {"evidence": [{"chunk_id": "chk_8", "relevant": False}]})
    world.send("PUT", f"/v1/answers/{shy}/vote", "shy", {"scores": {"clear": 4}})
    closed = world.operator.post("/v1/vector_stores", json={"name": "hr", "metadata": {}}).json()["id"]
    with_access = world.answers("Closed", 1, collection=closed, user=world.who("hr"))
    world.server.container.catalog.update_collection(EVERYTHING, closed, readers=frozenset({"group:hr"}))
    world.vote(with_access[0], "hr")

    cycle = world.cycle(client)
    world.send("PUT", "/v1/users/me/consent", "private", {"training": False})

    left_out = "Your vote is recorded; it is left out of training because "
    agree = left_out + "your judgements agree with those of others less often than chance would."
    assert world.told(common[0], "liar") == (agree, ["recorded", "left_out"])
    sentences = {
        "bot-3": (praised, "it counts for less, because many said the same within minutes."),
        "flood": (flooded[0], "it counts for less, because no single person may count for more than a small share."),
        "seller": (excluded, left_out + "an operator keeps your judgements out of training."),
        "private": (silent, left_out + "it was not given for training."),
        "changed": (taken, "You withdrew your vote; it is left out of training."),
        "reader": (marked, f"Your vote teaches which passages to find; it was read for {cycle}"),
        "shy": (shy, left_out + "scores and comments without a thumb teach nothing; people read them."),
        "hr": (with_access[0], left_out + "the answer drew on documents that not everybody may read."),
    }
    for voter, (answer, told) in sentences.items():
        assert told in world.told(answer, voter)[0], voter
    assert "judged the same answer to the same question again later" in world.told(first, "twice")[0]
    assert world.told(again, "twice")[1] == ["recorded", "counted", "refused"]

    shown = {voter["id"]: voter for voter in world.operator.get("/v1/voters", params={"limit": 100}).json()["data"]}
    trust = {name: shown[world.who(name)]["found"]["trust"] for name in ("ann", "liar", "flood")}
    assert trust == {"ann": "trusted", "liar": "distrusted", "flood": "unknown"}
    assert shown[world.who("flood")]["found"]["share"] == pytest.approx(0.25)
    assert (shown[world.who("seller")]["exclusion"]["reason"], shown[world.who("seller")]["found"]) == (
        "sells shoes",
        None,
    )


def test_new_voters_wait_unless_they_agree_with_others(world: World, client: redis.Redis) -> None:
    common = world.answers("Common", 24)
    for voter in ("ann", "bob", "cid"):
        _judge(world, common, voter, TRUTH)
    (single,) = world.answers("Single", 1)
    world.vote(single, "new")

    world.cycle(client, quarantine_hours=24.0)

    assert world.told(single, "new")[0].endswith(
        "because you are new here, and judgements of new voters wait until more is known of them."
    )
    assert world.told(common[0], "ann")[1] == ["recorded", "counted", "refused"]
    world.cycle(client)
    assert world.told(single, "new")[1] == ["recorded", "counted", "refused"]


def test_the_story_goes_on_over_cycles_and_trials(world: World, client: redis.Redis) -> None:
    answers = world.answers("Common", 4)
    for answer in answers:
        world.vote(answer, "ann")
    assert world.told(answers[0], "ann")[1] == ["recorded", "waiting"]
    world.operator.get("/v1/training/cycles")
    assert "so far there are 4 of 10 judgements; 1 of 5 voters" in world.told(answers[0], "ann")[0]

    world.cycle(client, "candidate", "v000001-extractive")
    assert world.told(answers[0], "ann")[1] == ["recorded", "counted", "on_trial"]
    ask(client, store.settle("shared", "v000001-extractive", "promoted", "people like it", {}))
    assert "passed its trial and was promoted" in world.told(answers[0], "ann")[0]
    world.cycle(client, "refused", "v000002-extractive")
    sentence, events = world.told(answers[0], "ann")
    # Whether ann's judgements teach or check is drawn by the hash of a name that differs each time.
    assert (sentence.replace("helped to check", "helped to train"), events) == (
        "Your vote helped to train version v000002-extractive, which does not serve: the tests before serving did not "
        "show that it is better. Version v000001-extractive had learned from it.",
        ["recorded", "counted", "promoted", "counted", "refused"],
    )
    world.vote(answers[0], "ann", None)
    assert world.told(answers[0], "ann")[0] == (
        "You withdrew your vote; it is left out of training. Version v000001-extractive had learned from it."
    )


def test_the_version_that_served_is_remembered_before_one_that_was_refused(world: World, client: redis.Redis) -> None:
    (answer,) = world.answers("Common", 1)
    world.vote(answer, "ann")
    for end, version in (("refused", "v1"), ("candidate", "v2"), ("refused", "v3")):
        world.cycle(client, end, version)  # type: ignore[arg-type]
    assert "version v3" in world.told(answer, "ann")[0]
    assert world.told(answer, "ann")[0].endswith("Version v2 had learned from it.")


def test_a_cycle_without_any_record_says_so(world: World, client: redis.Redis) -> None:
    (answer,) = world.answers("Common", 1)
    world.vote(answer, "ann")
    world.vote(answer, "ann", None)
    name = ask(client, store.create("shared", "schedule")).id

    assert train(world.settings) == "refused"
    row = ask(client, store.get(name))
    assert row is not None
    assert row.reason == (
        "nothing in the log may be learned from: 1 replaced: the voter judged the same again later, 1 withdrawn by the "
        "voter"
    )
    assert world.told(answer, "ann")[1] == ["recorded", "withdrawn", "left_out"]


def test_a_preference_is_found_again_and_taken_back(world: World, client: redis.Redis) -> None:
    pair: list[str] = []

    async def fill(log: Log) -> None:
        prompt = make_prompt(question="Which?", collections=(world.open,))
        records = [make_record(text, prompt=prompt) for text in ("One. [1]", "Two. [1]")]
        await log.answers.record_all(records)
        pair.extend(record.answer_id for record in records)

    fill_log(world.settings, fill)
    given = world.send("POST", "/v1/preferences", "ann", {"answers": pair, "outcome": "first"})
    path = f"/v1/preferences/{given['id']}"
    world.vote(pair[0], "bob")
    world.cycle(client)

    story = world.send("GET", path, "ann")
    assert [event["what"] for event in story["lineage"]] == ["recorded", "counted", "refused"]
    assert (story["preference"]["outcome"], story["summary"][:17]) == ("first", "Your preference w")
    for voter in ("bob", ""):
        with pytest.raises(AssertionError, match="preference_not_found"):
            world.send("DELETE", path, voter)
    assert world.operator.get(path).status_code == 200
    assert world.operator.delete(path).status_code == 404

    gone = world.send("DELETE", path, "ann")
    assert gone["preference"] is None
    assert gone["summary"] == "You withdrew your preference; it is left out of training."
    assert world.send("DELETE", path, "ann")["lineage"] == gone["lineage"]
    world.cycle(client)
    assert [event["what"] for event in world.send("GET", path, "ann")["lineage"]][-1] == "left_out"
    world.send("POST", "/v1/preferences", "ann", {"answers": pair, "outcome": "tie"})
    assert world.send("GET", path, "ann")["preference"]["outcome"] == "tie"


def test_a_fate_is_short_whatever_happens(world: World, client: redis.Redis) -> None:
    (answer,) = world.answers("Single", 1)
    for n in range(8):
        world.vote(answer, f"bot-{n}")
    for _ in range(3):
        world.cycle(client)
    buckets = [client.hgetall(key) for key in client.scan_iter(match="gl:fates:*")]
    values: list[Any] = [value for bucket in buckets for value in bucket.values()]

    assert len(values) == 8
    assert max(map(len, values)) <= 64
    assert read_fate(values[0].decode()).counted
