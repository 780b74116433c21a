"""A service with a past: judgements, cycles with their curves and verdicts, versions, and one on trial.

The application is real, and so is all that it keeps; what hours of training and thousands of votes would leave behind
is written as they write it. The way there is the journey's (`test_journey.py`).
"""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import redis

from service.cycles import store
from service.models import load_models
from service.redis.calls import ask
from service.redis.server import RedisServer
from service.scopes import SHARED, Scope
from service.versions.standing import registry_of
from service.watch import keys as watch_keys
from tests.e2e.browser.world import World
from tests.service.http_world import LiveServer, light_settings, running
from tests.training.pipeline.test_changes import answered
from tests.training.registry.making import adapter
from tests.training.watch.crowd import Crowd
from training.gate import Check, Verdict
from training.pipeline.changes import write_changes
from training.pipeline.series import SeriesLog
from training.registry import BASE, ModelCard, Registry
from training.statistics import Estimate
from training.watch.decide import Trial, TrialDecision, decide_trial
from training.watch.guards import BUCKETS, Served

DOCUMENT = """Every employee has thirty days of holiday in a year. Holiday that is not taken ends in March.

The key of the boat house hangs behind the reception desk.
"""
PEOPLE = ("Ana", "Ben", "Cleo", "Dan", "Eva", "Finn")
SERVED = Served(300, 30, 0, (0, 0, 0, 0, 300, *[0] * (len(BUCKETS) - 4)))
FRENCH = Scope("segment", "fr")


class Past:
    """What was written, by name."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.refused = ""  # versions
        self.champion = ""
        self.candidate = ""
        self.cycle = ""  # that made the champion
        self.running = ""  # a cycle that is at work
        self.answer = ""  # that was judged


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[tuple[World, Past]]:
    """Serve a home in which much has happened, until the block ends."""
    redis_server = RedisServer(folder / "redis-home")
    redis_server.start()
    try:
        with running(light_settings(folder / "home", redis_server.url, learn=False), load=load_models) as server:
            yield live(server, redis_server.url, folder / "jobs")
    finally:
        redis_server.stop()


def live(server: LiveServer, redis_url: str, folder: Path) -> tuple[World, Past]:
    """Write the past of a server, and say how to get in."""
    world = World(server.url, "", {role: str(key) for role, key in server.keys.items()})
    past = Past()
    with redis.Redis.from_url(redis_url) as client:
        _judged(server, past)
        registry = registry_of(server.container.settings, SHARED)
        past.refused = _publish(registry, verdict("refused", BASE), "a first try", 1)
        past.champion = _publish(registry, verdict("trial", BASE), "pointing on 240 judgements", 2)
        past.cycle = _cycle(client, folder / "champion", past.champion, verdict("trial", BASE))
        proof = _decided(past.champion, BASE, Crowd(won=0.6, lost=0.05), 400)
        with server.http("admin") as http:
            http.post(f"/v1/versions/{past.champion}/trial", json={"reason": "it may be tried"}).raise_for_status()
        why = f"live votes: {proof.reason}"
        registry.promote(past.champion, who="watch", why=why, evidence=proof.evidence)
        ask(client, store.settle(str(SHARED), past.champion, "promoted", why, proof.as_dict()))
        past.candidate = _publish(registry, verdict("trial", past.champion), "pointing on 310 judgements", 3)
        with server.http("admin") as http:
            http.post(f"/v1/versions/{past.candidate}/trial", json={}).raise_for_status()
        _on_trial(client, past)
        _publish(registry_of(server.container.settings, FRENCH), verdict("trial", past.champion), "for one segment", 4)
        past.running = _at_work(client, folder / "running")
    return world, past


def verdict(tier: str, champion: str) -> dict[str, Any]:
    """Give what the gate might have said: refused, or that it may be tried."""
    bad = tier == "refused"

    def check(name: str, estimate: tuple[float, float, float], threshold: float, why: str, **more: Any) -> Check:
        value, low, high = estimate
        kind = more.pop("kind", "veto")
        outcome = more.pop("outcome", "passed")
        return Check(name, kind, outcome, why, Estimate(value, low, high, 160, 120), threshold, **more)

    checks = (
        check(
            "win rate",
            (0.57, 0.44, 0.69),
            0.5,
            "the judge prefers the candidate in 57.0 % of the 84 answers that differ; more than 50 % must be certain",
            kind="promotion",
            outcome="failed",
            tolerable=True,
        ),
        check("judge", (0.81, 0.7, 0.9), 0.5, "judges-1 is right about 81.0 % of 89 judgements of others"),
        check("groundedness", (0.0, -0.02, 0.02), -0.03, "+0.0 points, at worst -2.0 points; -3.0 are allowed"),
        check(
            "answers where it can",
            (-0.18, -0.23, -0.13) if bad else (0.0, -0.01, 0.01),
            -0.03,
            "-18.0 points, at worst -23.0 points" if bad else "+0.0 points, at worst -1.0 points",
            outcome="failed" if bad else "passed",
        ),
        check("length", (0.94, 0.92, 0.96), 1.15, "0.94 of the champion's words, at most 0.96; 1.15 are allowed"),
        Check("golden set", "veto", "absent", "the operator gave none"),
    )
    return Verdict("trained", champion, checks, {}, {"trial": True}).as_dict()


def data_card() -> dict[str, Any]:
    """Give what a cycle tells of its data."""
    now = time.time()
    return {
        "records": 250,
        "used": 240,
        "left_out": {"not given for training": 7, "withdrawn by the voter": 3},
        "counts": {
            "examples": 231, "comparisons": 40, "ties": 12, "up": 120, "down": 68, "targets": 4, "voters": 41,
        },
        "voters": {"count": 41, "largest": 0.03, "effective": 37.4},
        "voter_cap": 5.0,
        "versions": {BASE: 280},
        "segments": {"north": 0.6, "south": 0.4},
        "reasons": {"wrong_answer": 20},
        "first_at": now - 90_000,
        "last_at": now - 3_600,
        "weaknesses": [{"message": "Few comparisons."}],
        "notes": [],
        "parts": {"train": 120, "judge": 60, "asked": 51},
    }  # fmt: skip


def _judged(server: LiveServer, past: Past) -> None:
    key = server.container.keys.create("portal", "user", trusted=True, requests_per_minute=0)[1]
    with server.http("operator") as http:
        made = http.post("/v1/files", files={"file": ("handbook.md", DOCUMENT)}, data={"purpose": "assistants"}).json()
        http.post("/v1/vector_stores", json={"name": "Office", "file_ids": [made["id"]]}).raise_for_status()
    server.ingest()
    with server.http(key=key) as http:
        for number in range(24):
            person = PEOPLE[number % len(PEOPLE)]
            headers = {"X-Groundloop-User": person, "X-Groundloop-Segment": ("north", "south")[number % 2]}
            asked = {"messages": [{"role": "user", "content": f"How many days of holiday are there? ({number})"}]}
            choice = (
                http.post("/v1/chat/completions", json=asked, headers=headers).raise_for_status().json()["choices"][0]
            )
            vote = _vote(number, choice["message"]["context"]["retrieved"])
            http.put(f"/v1/answers/{choice['answer_id']}/vote", json=vote, headers=headers).raise_for_status()
            past.answer = past.answer or choice["answer_id"]


def _vote(number: int, shown: list[dict[str, Any]]) -> dict[str, Any]:
    if number == 0:
        marks = [{"chunk_id": shown[0]["chunk_id"], "relevant": False}] if shown else []
        return {"rating": "down", "reasons": ["wrong_source"], "comment": "Not the office.", "evidence": marks}
    if number == 1:
        return {"rating": "down", "reasons": ["missing_document"], "comment": "The contract should be in here."}
    return {"rating": "up" if number % 3 else "down", "reasons": ["accurate"] if number % 3 else ["too_long"]}


def _publish(registry: Registry, judged: dict[str, Any], summary: str, seed: int) -> str:
    card = ModelCard(
        kind="extractive",
        base="hashing",
        summary=summary,
        method="pointing",
        seed=seed,
        verdict=judged,
        data=data_card(),
        parents=(judged["champion"],),
        limits=("It answers with sentences of the documents only.",),
    )
    return registry.publish(adapter(seed), card).name


def _cycle(client: redis.Redis, folder: Path, version: str, judged: dict[str, Any]) -> str:
    cycle, token = _claimed(client, folder)
    (folder / "data.json").write_text(json.dumps(data_card()))
    (folder / "log.txt").write_text("the snapshot is taken\nthe gate has judged\n")
    _curves(folder, 60)
    write_changes(folder, *answered([(2.0,), (-3.0,), (0.4,)]))
    steps = [
        {"name": name, "started_at": float(at), "finished_at": at + 4.0, "note": f"{name} is done"}
        for at, name in enumerate(("snapshot", "data", "reward", "update", "gate", "publish"))
    ]
    ask(client, store.renew(cycle, token, 30, directory=str(folder), steps=steps, step="publish", progress=1.0))
    ask(client, store.finish(cycle, token, "candidate", "it may be tried", version=version, verdict=judged))
    return cycle


def _at_work(client: redis.Redis, folder: Path) -> str:
    cycle, token = _claimed(client, folder)
    _curves(folder, 12)
    steps = [
        {"name": "snapshot", "started_at": time.time() - 60, "finished_at": time.time() - 50, "note": "320 records"},
        {"name": "update", "started_at": time.time() - 40, "finished_at": None, "note": ""},
    ]
    ask(client, store.renew(cycle, token, 3600, directory=str(folder), steps=steps, step="update", progress=0.4))
    return cycle


def _claimed(client: redis.Redis, folder: Path) -> tuple[str, int]:
    folder.mkdir(parents=True)
    cycle = ask(client, store.create(str(SHARED), "schedule", reason="240 judgements of 41 voters, 120 of them new")).id
    token = ask(client, store.claim(cycle, "a worker", 3600))
    assert token is not None
    return cycle, token


def _curves(folder: Path, steps: int) -> None:
    series = SeriesLog(folder, "update")
    shapes: dict[str, Callable[[int], float]] = {
        "loss": lambda at: 0.7 * math.exp(-at / 25) + 0.02 * math.sin(at),
        "kl": lambda at: 1.2 * (1 - math.exp(-at / 20)),
        "grad_norm": lambda at: 1.5 - at / 100,
    }
    for name, shape in shapes.items():
        for at in range(steps):
            series.add(name, at, shape(at))


def _decided(candidate: str, champion: str, crowd: Crowd, votes: int) -> TrialDecision:
    return decide_trial(Trial(candidate, champion, "trial"), crowd.votes(votes, 1), SERVED, SERVED)


def _on_trial(client: redis.Redis, past: Past) -> None:
    """Write what the watch would have, after some votes."""
    decision = _decided(past.candidate, past.champion, Crowd(won=0.4, lost=0.25), 40)
    assert decision.action == "watch", decision.reason
    now_ms = str(int(time.time() * 1000))
    fields = {"candidate": past.candidate, "champion": past.champion, "began_ms": now_ms, "looked_ms": now_ms}
    fields["decision"] = json.dumps(decision.as_dict())
    client.hset(watch_keys.trial(SHARED), mapping=fields)  # type: ignore[arg-type]
