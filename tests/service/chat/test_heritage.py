"""A conversation draws on what its earlier answers drew on: found by their words, and doubted where it is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.service.chat.test_records import stored
from tests.service.chat.world import Served, World, ask

PATH = "/chat/completions"
FIRST, NEXT = "When does the merger with Initech close?", "How many days of vacation do employees get?"


@pytest.fixture
def member(served: Served, world: World) -> Iterator[httpx.Client]:
    """Give a client of somebody who may read the restricted collection."""
    key = world.keys.create("member", groups=frozenset({"board"}))[1]
    with httpx.Client(base_url=served.url, headers={"Authorization": f"Bearer {key}"}, timeout=20) as client:
        yield client


def followed(client: httpx.Client, said: str, **more: Any) -> str:
    history = [{"role": "user", "content": FIRST}, {"role": "assistant", "content": said}]
    body = {"model": "groundloop", "messages": [*history, {"role": "user", "content": NEXT}], **more}
    answer = client.post(PATH, json=body).json()
    return str(answer["choices"][0]["answer_id"])


def collections(redis_url: str, answer_id: str) -> tuple[str, ...]:
    [record] = stored(redis_url, answer_id)
    return record.prompt.collections


def told(client: httpx.Client, question: str) -> str:
    answer = client.post(PATH, json=ask(question)).json()
    return str(answer["choices"][0]["message"]["content"])


@pytest.mark.parametrize("named", [None, ["handbook"]])
def test_words_of_a_restricted_collection_stay_its_own_in_a_follow_up(
    member: httpx.Client, redis_url: str, named: list[str] | None
) -> None:
    secret = told(member, FIRST)
    assert "Initech" in secret
    assert collections(redis_url, followed(member, secret, collections=named)) == ("handbook", "board")
    # Without its markers, and in other blanks and capitals, it is still the same answer.
    assert collections(redis_url, followed(member, "  the MERGER with Initech\n closes in June")) == (
        "handbook",
        "board",
    )


def test_what_everybody_may_read_adds_nothing(member: httpx.Client, redis_url: str) -> None:
    told(member, FIRST)
    open_answer = told(member, NEXT)
    assert collections(redis_url, followed(member, open_answer)) == ("handbook",)
    assert collections(redis_url, followed(member, "I could not find that in the documents.")) == ("handbook",)
    assert collections(redis_url, followed(member, "  ")) == ("handbook",)


def test_an_earlier_answer_that_nobody_gave_may_hold_anything(
    member: httpx.Client, client: httpx.Client, redis_url: str
) -> None:
    assert collections(redis_url, followed(member, "In summary, they merge in summer.")) == ("handbook", "board")
    # Who may read nothing restricted cannot have been told of it here.
    assert collections(redis_url, followed(client, "In summary, they merge in summer.")) == ("handbook",)


def test_anothers_answer_is_not_ones_own(member: httpx.Client, client: httpx.Client, redis_url: str) -> None:
    told(client, NEXT)  # the same words, said to somebody else
    assert collections(redis_url, followed(member, told(client, NEXT))) == ("handbook", "board")


def test_while_the_record_is_down_everything_is_doubted(
    member: httpx.Client, world: World, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = told(member, NEXT)

    async def down(*_: object) -> None:
        raise ConnectionError("no record")

    monkeypatch.setattr(world.redis, "lrange", down)
    assert collections(redis_url, followed(member, secret)) == ("handbook", "board")
