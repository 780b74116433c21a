"""A person is erased while documents are ingested and a cycle learns; and whoever erases is killed half way.

After each: no trace in any file of the home, the service answers, others keep theirs, and the next operation succeeds.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from redis.asyncio import Redis

from service.archive.places import archive, open_journal
from service.archive.state import state_items
from service.archive.tail import Tail
from service.cycles import store
from service.feedback.answers import AnswerStore
from service.feedback.log import FeedbackLog
from service.feedback.records import Vote
from service.privacy import erasure, keys
from service.privacy.erase import erase_due
from service.redis.calls import ask
from service.redis.server import RedisServer, remembered_url
from service.settings import Settings, load_settings
from tests.e2e.running import RunningGroundloop, free_port, wait_until
from tests.faults.cycle_world import SETTINGS, fill, judgements, look, options, published
from tests.faults.traces import traces
from tests.service.feedback.samples import make_passage, make_prompt, make_record

pytestmark = [pytest.mark.fault, pytest.mark.timeout(900)]
PERSON = "zqperson7@example.com"
SAID = {"question": "zqquestion7", "history": "zqhistory7", "comment": "zqcomment7", "correction": "zqcorrection7"}
WORDS = [PERSON.partition("@")[0], *SAID.values()]
LONG = 4000  # steps of an update that is at work when it is stopped
PATIENCE_S = 120.0  # with a Redis whose disk is busy


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningGroundloop]:
    """Give everything on a home, with cycles that take seconds when they may."""
    quick = Path(options(tmp_path, epochs=LONG))
    quick.write_text(quick.read_text().replace("heads = 2", "heads = 4"))
    settings = {**SETTINGS, "train_options": str(quick), "log_level": "debug", "learn": "false"}
    started = RunningGroundloop(tmp_path / "home", free_port(), "--no-docs", **settings)
    try:
        started.wait_for("ready")
        yield started
        started.stop()
    finally:
        started.destroy()


def live(running: RunningGroundloop) -> redis.Redis:
    """Give a client of the home's Redis."""
    url = remembered_url(running.home)
    assert url is not None
    return redis.Redis.from_url(url, socket_timeout=PATIENCE_S)


def person(running: RunningGroundloop) -> httpx.Client:
    """Give a client that speaks for the person."""
    headers = {"Authorization": f"Bearer {running.key}", "X-Groundloop-User": PERSON}
    return httpx.Client(base_url=running.url, headers=headers, timeout=60)


def say(http: httpx.Client, question: str) -> str:
    """Ask something personal and judge the answer; gives its id."""
    messages = [
        {"role": "user", "content": f"I am {SAID['history']}."},
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": question},
    ]
    answer = http.post("/v1/chat/completions", json={"model": "groundloop", "messages": messages})
    assert answer.status_code == 200, answer.text
    answer_id = str(answer.json()["choices"][0]["answer_id"])
    vote = {"rating": "down", "comment": SAID["comment"], "correction": SAID["correction"]}
    assert http.put(f"/v1/answers/{answer_id}/vote", json=vote).status_code == 200
    return answer_id


def test_while_documents_come_in_and_a_cycle_learns(running: RunningGroundloop, tmp_path: Path) -> None:
    for number in range(12):
        text = "\n\n".join(f"The boat house {number} opens at {hour} o'clock for members." for hour in range(400))
        (tmp_path / f"handbook-{number}.md").write_text(f"# Boats {number}\n\n{text}")
    assert running.cli("ingest", str(tmp_path / "handbook-0.md"), "--collection", "boats").returncode == 0
    url = remembered_url(running.home)
    assert url is not None
    fill(url, judgements())
    with person(running) as http:
        for number in range(3):
            say(http, f"When does the boat house open, {SAID['question']} {number}?")
    with running.http() as http:
        others = say_other(http)
    with live(running) as client:
        before = {word for words in traces(running.home, WORDS).values() for word in words}
        assert before == set(WORDS), "what is looked for would be found"
        cycle_id = start_cycle(running)
        wait_until(lambda: look(client, cycle_id).step or look(client, cycle_id).finished, 300)
        assert not look(client, cycle_id).finished, look(client, cycle_id).reason
        assert traces(running.home / "training", WORDS)
        ingest = subprocess.Popen(
            [sys.executable, "-m", "service.cli", "ingest", *(str(tmp_path / f"handbook-{n}.md") for n in range(1, 12))]
            + ["--collection", "boats", "--url", running.url, "--key", running.key],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        user = identity(running)
        erased = running.cli("erase", user, "--now", "--yes", "--json")
        assert erased.returncode == 0, erased.stderr
        told = json.loads(erased.stdout)
        assert told["state"] == "done"
        assert told["deleted"]["answers"] == 3
        assert told["cycles"] == [cycle_id]
        assert told["file_rewritten_at"] is not None

        assert traces(running.home, WORDS) == {}
        assert look(client, cycle_id).state == "cancelled"
        assert not (running.home / "training" / cycle_id).exists()
        assert published(running.home) == []
        assert ingest.wait(300) == 0
    with running.http() as http, person(running) as again:
        assert http.get("/readyz").status_code == 200
        assert http.get(f"/v1/answers/{others}/vote").json()["vote"]["rating"] == "up"
        assert say(again, "When does the boat house open?")  # a new start
        assert start_cycle(running)
    assert traces(running.home / "logs", WORDS) == {}


def say_other(http: httpx.Client) -> str:
    """Let the key itself ask and vote; gives the answer's id."""
    question = {"model": "groundloop", "messages": [{"role": "user", "content": "When does the boat house open?"}]}
    answer_id = str(http.post("/v1/chat/completions", json=question).json()["choices"][0]["answer_id"])
    assert http.put(f"/v1/answers/{answer_id}/vote", json={"rating": "up"}).status_code == 200
    return answer_id


def start_cycle(running: RunningGroundloop) -> str:
    """Start a cycle over HTTP, or give the one that is open."""
    with running.http() as http:
        started = http.post("/v1/training/cycles", json={"scope": "shared", "force": True})
        if started.status_code == 409:
            with live(running) as client:
                return ask(client, store.unfinished()).cycles[0].id
        assert started.status_code == 201, started.text
        return str(started.json()["id"])


def identity(running: RunningGroundloop) -> str:
    """Give the person's identity."""
    with person(running) as http:
        return str(http.get("/v1/users/me/consent").json()["user"])


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """Give a home with a Redis of its own."""
    server = RedisServer(tmp_path / "home")
    server.start()
    yield tmp_path / "home"
    server.stop()


def settings_of(home: Path, **changes: Any) -> Settings:
    """Give the settings of a home."""
    return load_settings(home=home, redis_url=remembered_url(home), **changes)


def keep(url: str, users: Sequence[str], count: int) -> None:
    """Keep answers with votes of these people, each with words of theirs."""

    async def scenario() -> None:
        async with Redis.from_url(url) as client:
            answers, log = AnswerStore(client), FeedbackLog(client)
            for number in range(count):
                for user in users:
                    question = f"{user} asks {number}: {SAID['question'] if PERSON in user else 'nothing'}"
                    passages = (make_passage(text=f"Passage {number % 50} of everybody."),)
                    prompt = make_prompt(question=question, passages=passages)
                    record = make_record(user=user, prompt=prompt, created_at=time.time())
                    await answers.record(record)
                    comment = SAID["comment"] if PERSON in user else "fine"
                    await log.vote(record.answer_id, Vote("up", comment=comment), voter=user)

    asyncio.run(scenario())


@pytest.mark.parametrize("step", ["answers", "archive", "passages", "file"])
def test_killed_half_way_it_is_finished_by_the_next_one(home: Path, step: str) -> None:
    settings = settings_of(home, archive_after_days=1e-7, archive_interval_s=0.001)
    url = remembered_url(home)
    assert url is not None
    person_id, other = f"key:portal/user:{PERSON}", "key:portal/user:other"
    keep(url, [person_id, other], 60)
    follow(settings)
    with redis.Redis.from_url(url, socket_timeout=PATIENCE_S) as client:
        archived = client.lrange(f"gl:user:{person_id}:answers", 0, -1)
    assert archive(settings).answers == 120  # in Parquet now
    keep(url, [person_id, other], 400)
    follow(settings)
    with redis.Redis.from_url(url, socket_timeout=PATIENCE_S) as client:
        assert traces(home, WORDS[:1])
        ask(client, erasure.request(person_id, now=True, by="key:admin"))
        row = keys.erasure(erasure.erasure_id(person_id))
        child = subprocess.Popen([sys.executable, "-m", "tests.faults.erasing", str(home), url])
        wait_until(lambda: client.hget(row, "step") == step.encode() or child.poll() is not None, 170)
        child.kill()
        child.wait()
        if erasure_state(client, row) != "done":  # on a fast machine it may have been
            assert erase_due(settings) == 0  # the lease of the dead one holds
            client.hset(row, "lease_until", 1)
            assert erase_due(settings) == 1
        assert erasure_state(client, row) == "done"
        assert traces(home, [*WORDS, "zqperson"]) == {}
        assert all(client.get(keys.gone(name.decode())) for name in archived)
        left = client.lrange(f"gl:user:{other}:answers", 0, -1)
        assert len(left) == 400
        assert len(client.keys("gl:passage:*")) == 50
        keep(url, [person_id], 1)  # the next operation
        assert client.llen(f"gl:user:{person_id}:answers") == 1


def erasure_state(client: redis.Redis, row: str) -> str:
    """Read where an erasure stands."""
    return (client.hget(row, "state") or b"").decode()  # type: ignore[union-attr]


def follow(settings: Settings) -> None:
    """Bring the journal up to date, as an API process does."""
    from service.archive.places import open_tail

    tail: Tail = open_tail(settings)
    tail.start()
    with redis.Redis.from_url(str(remembered_url(settings.home)), socket_timeout=PATIENCE_S) as client:
        newest: Any = client.xrevrange("gl:feedback", count=1)
        wait_until(
            lambda: tail.position is not None and (not newest or tail.position.feedback == newest[0][0].decode())
        )
        journal = open_journal(settings)
        journal.write_state([item for piece in state_items(client) for item in piece])
    with closing(tail):
        pass
