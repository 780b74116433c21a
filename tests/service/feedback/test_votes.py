"""Votes against a dict that holds what should stand; then two voters at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from service.feedback.answers import AnswerStore
from service.feedback.errors import AnswerNotFound, BadEvidence, NotTheAsker, TooManyVotes
from service.feedback.log import FeedbackLog
from service.feedback.records import Entry, Vote
from tests.service.feedback.conftest import Run, Stores
from tests.service.feedback.samples import make_passage, make_prompt, make_record

VOTERS = ("key:asker", "key:b/user:x y:z")
VOTES = st.builds(
    Vote,
    rating=st.sampled_from([None, "up", "down"]),
    scores=st.dictionaries(st.sampled_from(["helpful", "clear"]), st.integers(1, 5)),
    reasons=st.sampled_from([(), ("clear",), ("too_long", "unclear")]),
    comment=st.sampled_from(["", "ja\n\0☂"]),
    correction=st.sampled_from(["", "Rather so."]),
    evidence=st.sampled_from([(), (("chk_7", True),), (("chk_7", False), ("chk_8", True))]),
)
STEPS = st.lists(st.tuples(st.sampled_from(VOTERS), st.sampled_from([0, 1]), VOTES), max_size=25)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_what_stands_is_what_each_voter_said_last(redis_url: str, steps: list[tuple[str, int, Vote]]) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    asyncio.run(_compare_with_a_dict(redis_url, steps))


async def _compare_with_a_dict(url: str, steps: list[tuple[str, int, Vote]]) -> None:
    async with Redis.from_url(url) as client:
        answers, log = AnswerStore(client), FeedbackLog(client)
        records = [make_record("One."), make_record("Two.")]
        await answers.record_all(records)
        said: dict[tuple[str, int], list[Vote]] = {}
        for voter, which, vote in steps:
            history = said.setdefault((voter, which), [])
            changes = history[-1] != vote if history else vote != Vote()
            recorded = await log.vote(records[which].answer_id, vote, voter=voter, allowed=True)
            assert recorded.changed == changes
            if changes:
                history.append(vote)
        entries = await log.range("-", "+", count=1000)
        assert len(entries) == sum(len(history) for history in said.values())
        standing = [entry for entry, stands in zip(entries, await log.standing(entries), strict=True) if stands]
        assert {(entry.voter, entry.answers[0]): entry.vote() for entry in standing} == {
            (voter, records[which].answer_id): history[-1] for (voter, which), history in said.items() if history
        }
        assert len(standing) == sum(1 for history in said.values() if history)
        for (voter, which), history in said.items():
            read = await log.history(records[which].answer_id, voter=voter, allowed=True)
            assert [entry.vote() for entry in read] == history[::-1][:50]
        for voter in VOTERS:
            assert await log.entry_ids_of(voter) == [entry.entry_id for entry in entries if entry.voter == voter]


def test_votes_at_once_leave_exactly_one_standing(redis_url: str) -> None:
    async def scenario() -> tuple[list[Entry], list[bool]]:
        async with Redis.from_url(redis_url) as one, Redis.from_url(redis_url) as other:
            record = make_record()
            await AnswerStore(one).record(record)
            logs = [FeedbackLog(one), FeedbackLog(other)]
            await asyncio.gather(
                *(
                    logs[i % 2].vote(
                        record.answer_id, Vote("up" if i % 4 < 2 else "down", comment=str(i)), voter="key:asker"
                    )
                    for i in range(40)
                )
            )
            entries = await logs[0].range("-", "+", count=100)
            return entries, await logs[0].standing(entries)

    entries, standing = asyncio.run(scenario())
    assert len(entries) == 40
    assert standing == [False] * 39 + [True]
    assert [entry.replaces for entry in entries] == [None, *(entry.entry_id for entry in entries[:-1])]


def test_the_same_vote_at_once_is_entered_once(redis_url: str) -> None:
    async def scenario() -> tuple[int, int]:
        async with Redis.from_url(redis_url) as client:
            record, log = make_record(), FeedbackLog(client)
            await AnswerStore(client).record(record)
            done = await asyncio.gather(*(log.vote(record.answer_id, Vote("up"), voter="key:asker") for _ in range(20)))
            return sum(recorded.changed for recorded in done), await client.xlen("gl:feedback")

    assert asyncio.run(scenario()) == (1, 1)


def _refusal(run: Run[Any], **arguments: Any) -> Exception:
    """Give the error of a vote on one recorded answer, and check that it left nothing behind."""

    async def scenario(stores: Stores) -> Exception:
        record = make_record()
        await stores.answers.record(record)
        values: dict[str, Any] = {"answer_id": record.answer_id, "vote": Vote("up"), "voter": "key:asker"} | arguments
        with pytest.raises(Exception) as caught:
            await stores.log.vote(**values)
        assert await stores.client.xlen("gl:feedback") == 0
        return caught.value

    error: Exception = run(scenario)
    return error


def test_a_vote_needs_an_answer(run: Run[Any]) -> None:
    assert isinstance(_refusal(run, answer_id="ans_none"), AnswerNotFound)


def test_a_strangers_vote_names_the_collections_to_ask_for(run: Run[Any]) -> None:
    error = _refusal(run, voter="key:stranger")
    assert isinstance(error, NotTheAsker)
    assert error.collections == ("vs_1",)


def test_evidence_must_be_of_the_answer(run: Run[Any]) -> None:
    error = _refusal(run, vote=Vote("down", evidence=(("chk_7", True), ("chk_9", False))))
    assert isinstance(error, BadEvidence)
    assert error.status == 400
    assert "'chk_9'" in error.message
    assert "chk_7, chk_8" in error.message


def test_a_fast_voter_is_told_how_long_to_wait(run: Run[TooManyVotes]) -> None:
    async def scenario(stores: Stores) -> TooManyVotes:
        records = [make_record(str(i)) for i in range(4)]
        await stores.answers.record_all(records)
        for record in records[:3]:
            await stores.log.vote(record.answer_id, Vote("up"), voter="key:asker", votes_per_minute=3)
        # Saying the same again is free, and so is another voter.
        await stores.log.vote(records[0].answer_id, Vote("up"), voter="key:asker", votes_per_minute=3)
        await stores.log.vote(records[3].answer_id, Vote("up"), voter="key:b", allowed=True, votes_per_minute=3)
        with pytest.raises(TooManyVotes) as caught:
            await stores.log.vote(records[3].answer_id, Vote("up"), voter="key:asker", votes_per_minute=3)
        return caught.value

    error = run(scenario)
    assert error.status == 429
    assert error.retry_after_s is not None
    assert 15 <= error.retry_after_s <= 20


def test_an_answer_with_many_passages_is_still_read_whole(run: Run[None]) -> None:
    passages = tuple(make_passage(number, f"chk_{number:012}") for number in range(1, 500))
    record = make_record(prompt=make_prompt(passages=passages))

    async def scenario(stores: Stores) -> None:
        await stores.answers.record(record)
        await stores.log.vote(
            record.answer_id, Vote("up", evidence=((passages[-1].chunk_id, True),)), voter="key:asker"
        )

    run(scenario)
