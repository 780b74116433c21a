"""An erasure takes everything of one person and nothing of another, whatever happens to whoever does it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.asyncio import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from retrieval.catalog import Catalog
from retrieval.durable import publish_directory, read_manifest
from service.cycles import store as cycles
from service.feedback import keys as feedback
from service.feedback.log import FeedbackLog
from service.feedback.records import Vote
from service.privacy import erase, erasure, keys
from service.privacy.erase import erase_due
from service.privacy.erasure import Erasure
from service.privacy.learned import jobs_with, remove_job
from service.redis.calls import ask
from service.settings import Settings, load_settings
from service.voters import keys as voters
from tests.service.privacy.test_forget import BOB, JANE, everything, fill
from tests.training.registry.making import published
from training.pipeline.changes import CHANGES
from training.registry.registry import Registry


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """Give a blocking client."""
    with redis.Redis.from_url(redis_url) as opened:
        yield opened


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> Settings:
    """Give a home over the real Redis."""
    return load_settings(home=tmp_path / "home", redis_url=redis_url)


def state(client: redis.Redis, user: str = JANE) -> Erasure:
    """Read an erasure."""
    found = erasure.read(client.hgetall(keys.erasure(erasure.erasure_id(user))))
    assert found is not None
    return found


def make_job(settings: Settings, name: str, *people: str) -> Path:
    """Make a job's folder as a cycle leaves it: records of these people, and something that quotes them."""
    job = settings.home / "training" / name
    rows = [
        {"record_id": str(n), "voter": who, "answers": [{"user": who, "text": f"said to {who}"}]}
        for n, who in enumerate(people)
    ]

    def fill_snapshot(target: Path) -> None:
        lines = (json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
        (target / "records.jsonl").write_bytes(b"".join(lines))

    job.mkdir(parents=True)
    publish_directory(job, "snapshot", fill_snapshot)
    change = {"question": "what " + " and ".join(people) + " asked", "candidate": {"text": "30 days"}}
    (job / CHANGES).write_text(json.dumps(change) + "\n")
    (job / "update").mkdir()
    (job / "update" / "checkpoint.bin").write_bytes(b"weights and texts of " + " ".join(people).encode())
    return job


def digest_of(job: Path) -> str:
    """Give the hash under which a version knows its records."""
    return read_manifest(job / "snapshot").files["records.jsonl"].sha256


def traces(home: Path, token: str) -> list[Path]:
    """Find files that hold a token as it is written."""
    return [path for path in home.rglob("*") if path.is_file() and token.encode() in path.read_bytes()]


def test_nothing_of_the_person_is_left_and_others_keep_theirs(
    client: redis.Redis, redis_url: str, settings: Settings
) -> None:
    made = fill(redis_url)
    client.set(feedback.rate(JANE), "1")
    client.set(feedback.once(JANE, "k"), "1")
    client.set(feedback.once(BOB, "k"), "1")
    client.zadd(voters.VOTERS, {JANE: 1, BOB: 2})
    client.hset(voters.EXCLUDED, JANE, "{}")
    client.hset(voters.JUDGED, JANE, "{}")
    asked = ask(client, erasure.request(JANE, now=True, by="key:admin"))
    assert (asked.state, asked.user, asked.now) == ("waiting", JANE, True)

    assert erase_due(settings) == 1

    left = everything(client)
    assert "jan" not in repr(left)
    assert JANE.encode() not in b"".join(client.keys("*"))
    assert made["b1"].answer_id in repr(left)
    assert client.exists(feedback.once(BOB, "k"))
    assert client.zrange(voters.VOTERS, 0, -1) == [BOB.encode()]
    done = state(client)
    assert (done.state, done.user, done.step) == ("done", "", "")
    assert done.counts == {"answers": 2, "judgements": 6, "prompts": 1, "passages": 1}
    assert done.rewritten_at is not None
    assert done.finished_at is not None
    assert client.smembers(keys.UNFINISHED) == set()
    assert erase_due(settings) == 0


def test_again_finds_nothing_and_changes_nothing(client: redis.Redis, redis_url: str, settings: Settings) -> None:
    fill(redis_url)
    ask(client, erasure.request(JANE, now=False, by="key:admin"))
    assert erase_due(settings) == 1
    before = {name: value for name, value in everything(client).items() if not name.startswith("gl:eras")}
    ask(client, erasure.request(JANE, now=False, by="key:admin"))
    assert erase_due(settings) == 1
    after = {name: value for name, value in everything(client).items() if not name.startswith("gl:eras")}
    assert after == before
    assert not any(state(client).counts.values())


def test_snapshots_go_and_versions_are_marked(client: redis.Redis, settings: Settings) -> None:
    both, only_bob = make_job(settings, "cycle_both", JANE, BOB), make_job(settings, "cycle_bob", BOB)
    digest, other = digest_of(both), digest_of(only_bob)
    registry = Registry(settings.home / "registry" / "extractive")
    learned = published(registry, 1, data_hashes={"records": digest})
    free = published(registry, 2, data_hashes={"records": other})
    assert jobs_with(settings.home / "training", JANE) == [both]

    ask(client, erasure.request(JANE, now=False, by="key:admin"))
    assert erase_due(settings) == 1

    assert not both.exists()
    assert only_bob.is_dir()
    assert traces(settings.home, "jan") == []
    (mark,) = registry.get(learned.name).marks
    assert mark.data == (digest,)
    assert registry.get(free.name).marks == ()
    assert state(client).versions == (f"extractive {learned.name}",)

    # Bob was in that snapshot too: it is gone, and still known to have held him.
    ask(client, erasure.request(BOB, now=False, by="key:admin"))
    assert erase_due(settings) == 1
    assert state(client, BOB).versions == (f"extractive {learned.name}", f"extractive {free.name}")
    assert len(registry.get(learned.name).marks) == 1  # it said so already
    assert traces(settings.home, BOB) == []


def test_a_folder_that_was_half_deleted_is_found(client: redis.Redis, settings: Settings) -> None:
    job = make_job(settings, "cycle_a", JANE)
    job.rename(job.with_name(".erased-0123"))
    ask(client, erasure.request(JANE, now=False, by="key:admin"))
    assert erase_due(settings) == 1
    assert traces(settings.home, "jan") == []


def test_a_running_cycle_is_stopped_and_started_again(
    client: redis.Redis, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    created = ask(client, cycles.create("shared", "schedule"))
    token = ask(client, cycles.claim(created.id, "worker", 60))
    assert token is not None
    job = make_job(settings, created.id, JANE, BOB)
    (job / "job.json").write_text("{}")
    ask(client, erasure.request(JANE, now=False, by="key:admin"))
    monkeypatch.setattr(erase, "STOPPING_S", 0.3)
    assert erase_due(settings) == 0  # its worker has not let go yet
    waiting = state(client)
    assert (waiting.state, created.id in waiting.reason) == ("waiting", True)
    assert job.is_dir()
    cycle = ask(client, cycles.get(created.id))
    assert cycle is not None
    assert "erased" in cycle.cancel

    assert ask(client, cycles.finish(created.id, token, "cancelled", "asked to"))
    ask(client, erasure.request(JANE, now=False, by="key:admin"))  # asking again ends the pause
    assert erase_due(settings) == 1
    assert not job.exists()
    assert state(client).state == "done"


def test_a_cycle_that_nobody_works_on_ends_and_another_one_begins(client: redis.Redis, settings: Settings) -> None:
    created = ask(client, cycles.create("segment:de", "schedule"))
    job = make_job(settings, created.id, JANE)
    ask(client, erasure.request(JANE, now=False, by="key:admin"))
    assert erase_due(settings) == 1
    assert not job.exists()
    ended = ask(client, cycles.get(created.id))
    assert ended is not None
    assert ended.state == "cancelled"
    (new,) = ask(client, cycles.unfinished()).cycles
    assert (new.scope, new.state) == ("segment:de", "waiting")
    assert state(client).cycles == (created.id,)


def test_whoever_takes_over_begins_anew(
    client: redis.Redis, redis_url: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(redis_url)
    job = make_job(settings, "cycle_a", JANE)
    name = erasure.erasure_id(JANE)
    for step in ("drop_unshown", "mark_versions", "open_journal"):
        ask(client, erasure.request(JANE, now=False, by="key:admin"))

        def killed(*_: Any) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(erase, step, killed)
            with pytest.raises(KeyboardInterrupt):
                erase_due(settings)
        assert state(client).state == "running"
        assert erase_due(settings) == 0  # its lease holds
        client.hset(keys.erasure(name), "lease_until", 1)
    assert erase_due(settings) == 1
    assert not job.exists()
    assert "jan" not in repr(everything(client))
    assert state(client).state == "done"


def test_a_worker_that_was_silent_too_long_changes_nothing_more(client: redis.Redis, settings: Settings) -> None:
    ask(client, erasure.request(JANE, now=False, by="key:admin"))
    name = erasure.erasure_id(JANE)
    old = ask(client, erasure.claim(name))
    assert old is not None
    assert ask(client, erasure.claim(name)) is None
    client.hset(keys.erasure(name), "lease_until", 1)
    new = ask(client, erasure.claim(name))
    assert new is not None
    assert new.token > old.token
    assert not ask(client, erasure.tell(old, step="late"))
    assert not ask(client, erasure.finish(old))
    assert not ask(client, erasure.put_off(old, "late", 1))
    assert ask(client, erasure.finish(new))


def test_asked_for_again_while_it_runs_it_is_done_again(client: redis.Redis, settings: Settings) -> None:
    ask(client, erasure.request(JANE, now=False, by="key:admin"))
    name = erasure.erasure_id(JANE)
    held = ask(client, erasure.claim(name))
    assert held is not None
    asked = ask(client, erasure.request(JANE, now=True, by="key:admin"))
    assert (asked.state, asked.now) == ("running", True)
    assert ask(client, erasure.finish(held))
    assert state(client).state == "waiting"
    assert state(client).user == JANE
    assert erase_due(settings) == 1
    assert state(client).state == "done"


def test_a_folder_goes_only_when_redis_knows_who_was_in_it(settings: Settings) -> None:
    job = make_job(settings, "cycle_a", JANE)
    with redis.Redis(port=1, retry=Retry(NoBackoff(), 0)) as nowhere, pytest.raises(redis.ConnectionError):
        remove_job(nowhere, job)
    assert job.is_dir()


def test_where_a_marked_version_serves_the_next_cycle_begins(
    client: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    settings = load_settings(home=tmp_path / "home", redis_url=redis_url, train_min_judgements=1, train_min_new=500)
    made = fill(redis_url)

    async def many_vote() -> None:
        async with Redis.from_url(redis_url) as opened:
            for number in range(20):
                await FeedbackLog(opened).vote(made["b1"].answer_id, Vote("up"), voter=f"key:v{number}", allowed=True)

    asyncio.run(many_vote())
    with closing(Catalog.open(settings.home)) as catalog:
        catalog.create_collection("vs_1", embedding_model="hashing", collection_id="vs_1")
    job = make_job(settings, "cycle_old", JANE, BOB)
    registry = Registry(settings.home / "registry" / "extractive")
    serving = published(registry, 1, data_hashes={"records": digest_of(job)})
    registry.promote(serving.name, who="test")

    ask(client, erasure.request(JANE, now=False, by="key:admin"))
    assert erase_due(settings) == 1
    (begun,) = ask(client, cycles.unfinished()).cycles
    assert (begun.scope, begun.trigger) == ("shared", "schedule")

    ask(client, cycles.request_cancel(begun.id))
    ask(client, erasure.request(JANE, now=False, by="key:admin"))
    assert erase_due(settings) == 1
    assert ask(client, cycles.unfinished()).cycles == ()  # it was marked before: once is enough
