"""The log without what was deleted takes the log's place; nothing is lost, and nothing comes back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from service.feedback.keys import FEEDBACK
from service.privacy import compact as module
from service.privacy import keys
from service.privacy.compact import compact


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """Give a blocking client."""
    with redis.Redis.from_url(redis_url) as opened:
        yield opened


def fill(client: redis.Redis, count: int) -> list[bytes]:
    """Add entries; every second one is secret."""
    with client.pipeline() as pipeline:
        for number in range(count):
            pipeline.xadd(FEEDBACK, {"u": "secret" if number % 2 else "open", "d": f"{number}"})
        return list(pipeline.execute())


def test_what_was_deleted_leaves_memory_and_the_rest_is_the_same(client: redis.Redis) -> None:
    ids = fill(client, 1200)
    client.xdel(FEEDBACK, *ids[1::2])
    before = client.xrange(FEEDBACK)
    assert b"secret" in client.dump(FEEDBACK)
    last = client.xinfo_stream(FEEDBACK)["last-generated-id"]

    assert compact(client)

    assert b"secret" not in client.dump(FEEDBACK)
    assert client.xrange(FEEDBACK) == before
    assert client.xinfo_stream(FEEDBACK)["last-generated-id"] == last  # no id is given twice
    assert client.keys(f"{FEEDBACK}:*") == []


@pytest.mark.parametrize("count", [0, 1, 500])
def test_any_length(client: redis.Redis, count: int) -> None:
    fill(client, count)
    before = client.xrange(FEEDBACK)
    assert compact(client)
    assert client.xrange(FEEDBACK) == before


def test_a_log_of_which_nothing_is_left(client: redis.Redis) -> None:
    client.xdel(FEEDBACK, *fill(client, 3))
    assert compact(client)
    assert client.xlen(FEEDBACK) == 0
    assert client.xadd(FEEDBACK, {"u": "new"})


def test_what_comes_and_goes_meanwhile_is_right_in_the_end(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = fill(client, 30)
    monkeypatch.setattr(module, "PIECE", 10)
    steps = iter(range(1000))

    def meanwhile() -> None:
        if next(steps) == 1:
            client.xdel(FEEDBACK, ids[0], ids[29])  # one that was copied, and one that was not
            client.xadd(FEEDBACK, {"u": "late"})

    assert compact(client, meanwhile)
    assert [entry for entry, _ in client.xrange(FEEDBACK)][:2] == ids[1:3]
    assert client.xlen(FEEDBACK) == 29
    assert client.xrevrange(FEEDBACK, count=1)[0][1] == {b"u": b"late"}


def test_only_one_at_a_time_and_a_killed_one_is_cleared_up(client: redis.Redis) -> None:
    fill(client, 3)
    client.set(keys.COMPACTING, "another")
    client.xadd(keys.COMPACT, {"u": "half"})
    assert not compact(client)
    assert client.xlen(keys.COMPACT) == 1
    client.delete(keys.COMPACTING)  # its lock ended
    assert compact(client)
    assert client.xlen(FEEDBACK) == 3
