"""Answers and judgements leave Redis whole, others' stay, and no passage goes that something shows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from redis.asyncio import Redis

from service.feedback import keys as feedback
from service.feedback.answers import AnswerRecord, AnswerStore, AskerErased
from service.feedback.log import FeedbackLog
from service.feedback.records import Preference, Vote
from service.privacy import keys
from service.privacy.forget import Gone, forget_answers, forget_judgements, stream_entries
from service.privacy.passages import drop_unshown
from tests.service.feedback.samples import make_answer, make_passage, make_prompt, make_record

JANE, BOB = "key:a/user:jané@example.com", "key:b"


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    """Give a blocking client."""
    with redis.Redis.from_url(redis_url) as opened:
        yield opened


def fill(url: str) -> dict[str, AnswerRecord]:
    """Keep answers of two people who judged their own and each other's."""

    async def scenario() -> dict[str, AnswerRecord]:
        async with Redis.from_url(url) as opened:
            answers, log = AnswerStore(opened), FeedbackLog(opened)
            shared = make_passage(text="Both saw this.")
            jane = make_prompt(question="Jane asks", passages=(shared, make_passage(2, "chk_j", text="Only Jane.")))
            bob = make_prompt(question="Bob asks", passages=(shared,))
            made = {
                "j1": make_record("One. [1]", user=JANE, prompt=jane),
                "j2": make_record("Two. [1]", user=JANE, prompt=jane),
                "b1": make_record("Three. [1]", user=BOB, prompt=bob),
                "b2": make_record("Four. [1]", user=BOB, prompt=bob),
            }
            for record in made.values():
                await answers.record(record)
            ids = {name: record.answer_id for name, record in made.items()}
            await log.vote(ids["j1"], Vote("up"), voter=JANE)
            await log.vote(ids["j1"], Vote("down", comment="changed"), voter=JANE)
            await log.vote(ids["j1"], Vote("up"), voter=BOB, allowed=True)
            await log.vote(ids["b1"], Vote("up", comment="Jane says"), voter=JANE, allowed=True)
            await log.vote(ids["b1"], Vote("down"), voter=BOB)
            for voter, pair in ((JANE, "j"), (BOB, "b"), (JANE, "b")):
                names = (ids[f"{pair}1"], ids[f"{pair}2"])
                await log.prefer(Preference(names, "first", (1, 2)), voter=voter, allowed=True)
            return made

    return asyncio.run(scenario())


def everything(client: redis.Redis) -> dict[str, Any]:
    """Give all of Redis, as text."""
    readers = {
        b"string": client.get,
        b"hash": client.hgetall,
        b"list": lambda key: client.lrange(key, 0, -1),
        b"set": client.smembers,
        b"zset": lambda key: client.zrange(key, 0, -1),
        b"stream": lambda key: client.xrange(key),
    }
    return {key.decode(): readers[client.type(key)](key) for key in client.keys("*")}  # type: ignore[attr-defined]


def test_an_answer_goes_with_all_that_was_said_about_it(client: redis.Redis, redis_url: str) -> None:
    made = fill(redis_url)
    mine = [made["j1"].answer_id, made["j2"].answer_id]
    gone = forget_answers(client, stream_entries(client, mine), "erased")
    assert gone == Gone(answers=2, judgements=4, prompts=1)  # two votes of hers, one of his, her preference
    left = everything(client)
    for name in mine:
        assert not any(name in key for key in left if not key.startswith("gl:gone:"))
        assert name not in repr([value for key, value in left.items()])
        assert left[keys.gone(name)].startswith(b"erased ")
    assert client.xlen(feedback.ANSWERS) == 2
    assert {entry[1][b"u"].decode() for entry in client.xrange(feedback.FEEDBACK)} == {JANE, BOB}  # on his answers
    assert client.llen(feedback.voter(JANE)) == 2
    assert client.llen(feedback.voter(BOB)) == 2
    assert forget_answers(client, [(name, "") for name in mine], "erased") == Gone()
    assert everything(client) == left


def test_one_answer_of_two_leaves_the_prompt(client: redis.Redis, redis_url: str) -> None:
    made = fill(redis_url)
    one, other = made["b1"], made["b2"]
    gone = forget_answers(client, stream_entries(client, [one.answer_id]), "retired")
    assert gone == Gone(answers=1, judgements=4, prompts=0)  # two votes, two preferences that name it

    async def read() -> AnswerRecord | None:
        async with Redis.from_url(redis_url) as opened:
            return await AnswerStore(opened).get(other.answer_id)

    assert asyncio.run(read()) == other
    assert not client.exists(feedback.preferences(one.prompt_id))


def test_a_voters_words_go_and_the_answers_stay(client: redis.Redis, redis_url: str) -> None:
    made = fill(redis_url)
    assert forget_judgements(client, JANE) == 5
    assert not client.exists(feedback.voter(JANE))
    assert {entry[1][b"u"].decode() for entry in client.xrange(feedback.FEEDBACK)} == {BOB}
    assert client.hkeys(feedback.votes(made["b1"].answer_id)) == [BOB.encode()]
    assert JANE not in repr(client.hgetall(feedback.preferences(made["b1"].prompt_id)))
    assert client.exists(feedback.answer(made["j1"].answer_id))
    assert forget_judgements(client, JANE) == 0


def test_passages_go_when_nothing_shows_them(client: redis.Redis, redis_url: str) -> None:
    made = fill(redis_url)
    assert len(client.keys("gl:passage:*")) == 2
    forget_answers(client, stream_entries(client, [made["j1"].answer_id, made["j2"].answer_id]), "erased")
    assert drop_unshown(client) == 1
    assert len(client.keys("gl:passage:*")) == 1  # Bob was shown it too
    assert drop_unshown(client) == 0
    forget_answers(client, stream_entries(client, [made["b1"].answer_id, made["b2"].answer_id]), "erased")
    assert drop_unshown(client) == 1
    assert client.keys("gl:doomed*") == []


def test_a_passage_shown_again_meanwhile_stays(
    client: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = fill(redis_url)
    forget_answers(client, stream_entries(client, [record.answer_id for record in made.values()]), "erased")
    shown = make_passage(text="Both saw this.")

    async def ask_again() -> None:
        async with Redis.from_url(redis_url) as opened:
            await AnswerStore(opened).record(make_record(user="key:c", prompt=make_prompt(passages=(shown,))))

    from service.privacy import passages

    look = passages._prompts

    def late(client: redis.Redis) -> Iterator[list[bytes]]:
        yield from look(client)
        asyncio.run(ask_again())  # every prompt was looked at; this one is new
        forget_answers(client, [], "erased")

    monkeypatch.setattr(passages, "_prompts", late)
    assert drop_unshown(client) == 1  # the one that only Jane was shown
    assert len(client.keys("gl:passage:*")) == 1


def test_only_one_looks_at_a_time(client: redis.Redis, redis_url: str) -> None:
    made = fill(redis_url)
    forget_answers(client, stream_entries(client, [record.answer_id for record in made.values()]), "erased")
    client.set(keys.LOOKING, "another")
    assert drop_unshown(client) == 0
    assert client.get(keys.LOOKING) == b"another"
    client.delete(keys.LOOKING)
    assert drop_unshown(client) == 2


def test_what_was_asked_before_an_erasure_is_not_kept(client: redis.Redis, redis_url: str) -> None:
    client.set(keys.erased(JANE), 2_000_000)

    async def scenario() -> None:
        async with Redis.from_url(redis_url) as opened:
            answers = AnswerStore(opened)
            with pytest.raises(AskerErased):
                await answers.record_all([make_record(user=JANE, answer=make_answer())], asked_at=1999.9)
            assert await opened.keys("gl:prompt:*") == []
            await answers.record_all([make_record(user=JANE)], asked_at=2000.1)
            await answers.record(make_record(user=BOB))
            assert await opened.xlen(feedback.ANSWERS) == 2

    asyncio.run(scenario())


def test_many_answers_go_in_pieces(client: redis.Redis, redis_url: str) -> None:
    async def scenario() -> list[str]:
        async with Redis.from_url(redis_url) as opened:
            answers = AnswerStore(opened)
            records = [make_record(user=JANE, prompt=make_prompt(question=f"Question {n}")) for n in range(120)]
            await asyncio.gather(*(answers.record(record) for record in records))
            return [record.answer_id for record in records]

    ids = asyncio.run(scenario())
    assert forget_answers(client, stream_entries(client, [*ids, "ans_unknown"]), "retired").answers == 120
    assert client.xlen(feedback.ANSWERS) == 0
    assert drop_unshown(client) == 2
    assert client.keys("gl:prompt:*") == []
