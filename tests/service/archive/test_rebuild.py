"""What the journal keeps, and what comes back of it."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import redis

from retrieval.durable import FrameWriter
from service.archive.items import Item, Mark
from service.archive.journal import Journal
from service.archive.live import LiveReader
from service.archive.rebuild import rebuild
from service.archive.state import state_items
from service.archive.tail import Tail, lag_s
from tests.service.archive.conftest import exported, record_keys, say_things
from tests.service.http_world import light_settings, running


@pytest.fixture
def tail(redis_url: str, folder: Path) -> Iterator[Tail]:
    """Follow the shared Redis."""
    tail = Tail(folder, lambda: redis.Redis.from_url(redis_url, socket_timeout=5), rebuild, state_interval_s=0.01)
    tail.start()
    yield tail
    tail.close()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def followed(tail: Tail, client: redis.Redis) -> bool:
    return tail.position is not None and lag_s(client, tail.position) == 0


def test_everything_comes_back(redis_url: str, client: redis.Redis, folder: Path, tail: Tail) -> None:
    client.zadd("gl:cycles", {"cyc_1": 3})
    client.hset("gl:cycle:cyc_1", mapping={"id": "cyc_1", "state": "promoted"})
    say_things(redis_url)
    before, rows = record_keys(client), exported(redis_url)
    assert len(rows) == 3
    state = [item for piece in state_items(client) for item in piece]
    assert {"gl:cycles", "gl:cycle:cyc_1"} <= {item.key for item in state}
    until(lambda: followed(tail, client) and Journal(folder).read_state() == state)
    client.flushall()
    until(lambda: tail.rebuilds == 1 and followed(tail, client))
    assert record_keys(client) == before
    assert exported(redis_url) == rows


def test_what_was_said_after_the_loss_stays(redis_url: str, client: redis.Redis, folder: Path, tail: Tail) -> None:
    say_things(redis_url, 1)
    rows = exported(redis_url)
    until(lambda: followed(tail, client))
    tail.close()
    client.flushall()
    say_things(redis_url, 2)
    later = exported(redis_url)
    first = rebuild(client, Journal(folder))
    assert (first.answers, first.prompts, first.entries) == (4, 3, 7)
    assert exported(redis_url) == rows + later
    assert rebuild(client, Journal(folder)).as_dict() == dict.fromkeys(first.as_dict(), 0)
    assert (client.ttl("gl:answers"), client.ttl("gl:feedback"), client.keys("gl:rebuild:*")) == (-1, -1, [])
    ids = [entry_id for entry_id, _ in client.xrange("gl:feedback")]
    assert client.lrange("gl:voter:key:asker", 0, -1) == [one for one in ids if _voter(client, one) == b"key:asker"]


def _voter(client: redis.Redis, entry_id: bytes) -> bytes:
    ((_, fields),) = client.xrange("gl:feedback", entry_id, entry_id)
    return bytes(fields[b"u"])


def test_a_later_vote_is_not_replaced_by_an_earlier_one(redis_url: str, client: redis.Redis, folder: Path) -> None:
    record = say_things(redis_url)
    journal = Journal(folder)
    with_tail(redis_url, folder, client)
    votes = f"gl:votes:{record.alone.answer_id}"
    later = client.xadd("gl:feedback", {"k": "vote"}).decode()
    client.hset(votes, "key:asker", f"{later} digest")
    client.hdel(votes, "key:other")
    client.xdel("gl:feedback", later)
    rebuild(client, journal)
    assert client.hget(votes, "key:asker") == f"{later} digest".encode()
    assert client.hexists(votes, "key:other")


def with_tail(url: str, folder: Path, client: redis.Redis) -> None:
    """Follow until everything is on disk."""
    tail = Tail(folder, lambda: redis.Redis.from_url(url, socket_timeout=5), rebuild)
    tail.start()
    until(lambda: followed(tail, client))
    tail.close()


def test_segments_stand_alone_and_rewrites_are_followed(redis_url: str, client: redis.Redis, folder: Path) -> None:
    say_things(redis_url, 1)
    with_tail(redis_url, folder, client)
    rows = exported(redis_url)
    say_things(redis_url, 2)
    with_tail(redis_url, folder, client)
    journal = Journal(folder)
    first, second = journal.segments()
    assert journal.rewrite(lambda item: getattr(item, "user", "") != "key:other", only=[second]) > 0
    assert journal.position() == Journal(folder).position() != Journal(folder / "none").position()
    second.unlink()
    client.flushall()
    rebuild(client, Journal(folder))
    assert exported(redis_url) == rows


def test_a_torn_end_hides_nothing_before_it(redis_url: str, client: redis.Redis, folder: Path) -> None:
    say_things(redis_url)
    with_tail(redis_url, folder, client)
    before = record_keys(client)
    (path,) = Journal(folder).segments()
    path.write_bytes(path.read_bytes() + b"\x10\x00\x00\x00half")
    client.flushall()
    rebuild(client, Journal(folder))
    assert record_keys(client) == before


def test_one_process_follows_and_another_takes_over(redis_url: str, client: redis.Redis, folder: Path) -> None:
    tails = [Tail(folder, lambda: redis.Redis.from_url(redis_url), rebuild) for _ in range(2)]
    tails[0].start()
    until(lambda: tails[0].state == "following")
    tails[1].start()
    say_things(redis_url)
    until(lambda: followed(tails[0], client))
    assert tails[1].state == "waiting"
    tails[0].close()
    say_things(redis_url, 1)
    until(lambda: followed(tails[1], client))
    tails[1].close()
    before = record_keys(client)
    client.flushall()
    rebuild(client, Journal(folder))
    assert record_keys(client) == before


def test_what_is_erased_while_it_is_on_its_way_does_not_arrive(
    redis_url: str, client: redis.Redis, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream was read, then a judgement and an answer were erased, then the journal is written."""
    record = say_things(redis_url)
    journal = Journal(folder)
    real = journal.append

    def erasing_first(compose: Callable[[bool], Sequence[Item]]) -> int:
        client.delete(f"gl:answer:{record.others.answer_id}")
        for entry_id in client.lrange("gl:voter:key:other", 0, -1):
            client.xdel("gl:feedback", entry_id)
        return real(compose)

    monkeypatch.setattr(journal, "append", erasing_first)
    tail = Tail(folder, lambda: client, rebuild)
    tail._step(client, journal, LiveReader(client), Mark("0-0", "0-0"))
    held = b"".join(path.read_bytes() for path in journal.segments())
    assert b"key:other" not in held
    assert b"key:asker" in held
    journal.close()


def test_a_full_disk_costs_nothing_once_there_is_room(
    redis_url: str, client: redis.Redis, folder: Path, tail: Tail, monkeypatch: pytest.MonkeyPatch
) -> None:
    say_things(redis_url, 1)
    until(lambda: followed(tail, client))
    with monkeypatch.context() as patch:

        def refuse(writer: FrameWriter, data: bytes) -> None:
            os.write(writer._descriptor, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")

        patch.setattr(FrameWriter, "_write", refuse)
        say_things(redis_url, 2)
        until(lambda: tail.state == "full")
    until(lambda: tail.state == "following" and followed(tail, client))
    before = record_keys(client)
    tail.close()
    client.flushall()
    rebuild(client, Journal(folder))
    assert record_keys(client) == {name: value for name, value in before.items() if name in record_keys(client)}
    assert len(exported(redis_url)) == 6


def test_readiness_and_metrics_tell_of_it(tmp_path: Path, redis_url: str) -> None:
    with running(light_settings(tmp_path, redis_url, journal=True)) as live, live.http("operator") as operator:
        until(lambda: live.container.journal is not None and live.container.journal.state == "following")
        assert operator.get("/readyz").json()["parts"]["journal"]["state"] == "ready"
        (line,) = [
            line
            for line in operator.get("/metrics").text.splitlines()
            if line.startswith("groundloop_journal_behind_seconds ")
        ]
        assert 0 <= float(line.split()[1]) < 60


def test_hosts_that_share_a_redis_rebuild_it_together(redis_url: str, client: redis.Redis, tmp_path: Path) -> None:
    """Each of three hosts has a journal; when Redis is emptied all of them put it back at once."""
    tails = [
        Tail(tmp_path / str(number), lambda: redis.Redis.from_url(redis_url), rebuild, state_interval_s=0.01)
        for number in range(3)
    ]
    for tail in tails:
        tail.start()
    for number in range(4):
        say_things(redis_url, number)
    until(lambda: all(followed(tail, client) for tail in tails))
    rows, before = exported(redis_url), {name for name in record_keys(client) if name != "gl:voters"}
    client.flushall()
    until(lambda: all(tail.rebuilds >= 1 and tail.state == "following" for tail in tails))
    until(lambda: all(followed(tail, client) for tail in tails))
    for tail in tails:
        tail.close()
    assert exported(redis_url) == rows
    assert {name for name in record_keys(client) if name != "gl:voters"} == before
    ids = [entry_id for entry_id, _ in client.xrange("gl:feedback")]
    assert client.lrange("gl:voter:key:asker", 0, -1) == [one for one in ids if _voter(client, one) == b"key:asker"]
