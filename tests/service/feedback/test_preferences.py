"""Comparisons: idempotent, last word stands, one prompt only."""

from __future__ import annotations

from typing import Any

import pytest

from service.feedback.errors import AnswerNotFound, DifferentPrompts, KeyReused, NotTheAsker, TooManyVotes
from service.feedback.records import Preference
from tests.service.feedback.conftest import Run, Stores
from tests.service.feedback.samples import make_prompt, make_record

ME = "key:asker"


async def _two(stores: Stores) -> tuple[str, str]:
    records = [make_record("One."), make_record("Two.", position=2)]
    await stores.answers.record_all(records)
    return records[0].answer_id, records[1].answer_id


def test_the_last_word_about_the_same_answers_stands(run: Run[Any]) -> None:
    async def scenario(stores: Stores) -> None:
        one, two = await _two(stores)
        first = await stores.log.prefer(Preference((one, two), "first", (1, 2)), voter=ME)
        again = await stores.log.prefer(Preference((one, two), "first", (1, 2)), voter=ME)
        assert (first.changed, again.changed, again.entry_id) == (True, False, first.entry_id)
        # Shown the other way round it is another statement about the same answers.
        turned = await stores.log.prefer(Preference((two, one), "second", (2, 1), ("clear",)), voter=ME)
        other = await stores.log.prefer(Preference((one, two), "tie", (1, 1)), voter="key:b", allowed=True)
        assert turned.replaced == first.entry_id
        assert other.replaced is None
        entries = await stores.log.range("-", "+", count=10)
        assert await stores.log.standing(entries) == [False, True, True]
        assert entries[1].preference() == Preference((two, one), "second", (2, 1), ("clear",))
        assert entries[1].versions == ("base-1", "base-1")

    run(scenario)


def test_a_late_retry_does_not_undo_a_change_of_mind(run: Run[Any]) -> None:
    async def scenario(stores: Stores) -> None:
        one, two = await _two(stores)
        before, now = Preference((one, two), "first", (1, 2)), Preference((one, two), "both_bad", (1, 1))
        first = await stores.log.prefer(before, voter=ME, idempotency_key="k1")
        latest = await stores.log.prefer(now, voter=ME, idempotency_key="k2")
        retry = await stores.log.prefer(before, voter=ME, idempotency_key="k1")
        assert (retry.changed, retry.entry_id) == (False, first.entry_id)
        entries = await stores.log.range("-", "+", count=10)
        assert [entry.entry_id for entry in entries] == [first.entry_id, latest.entry_id]
        assert await stores.log.standing(entries) == [False, True]
        with pytest.raises(KeyReused):
            await stores.log.prefer(now, voter=ME, idempotency_key="k1")

    run(scenario)


def test_what_cannot_be_compared(run: Run[Any]) -> None:
    async def scenario(stores: Stores) -> None:
        one, two = await _two(stores)
        elsewhere = make_record(prompt=make_prompt(question="Why?"))
        await stores.answers.record(elsewhere)
        prefer = stores.log.prefer
        with pytest.raises(DifferentPrompts, match=elsewhere.answer_id):
            await prefer(Preference((one, elsewhere.answer_id), "first", (1, 2)), voter=ME)
        with pytest.raises(AnswerNotFound, match="ans_none"):
            await prefer(Preference((one, "ans_none"), "first", (1, 2)), voter=ME)
        with pytest.raises(NotTheAsker) as caught:
            await prefer(Preference((one, two), "first", (1, 2)), voter="key:b")
        assert caught.value.collections == ("vs_1",)
        await prefer(Preference((one, two), "first", (1, 2)), voter=ME, votes_per_minute=1)
        with pytest.raises(TooManyVotes):
            await prefer(Preference((one, two), "second", (2, 1)), voter=ME, votes_per_minute=1)
        assert await stores.client.xlen("gl:feedback") == 1

    run(scenario)


@pytest.mark.parametrize(
    ("ranks", "pairs"),
    [
        ((1, 2), ["ab"]),
        ((2, 1), ["ba"]),
        ((1, 1), []),
        ((1, 2, 2), ["ab", "ac"]),
        ((3, 1, 2), ["ba", "bc", "ca"]),
        ((1, 2, 1, 2), ["ab", "ad", "cb", "cd"]),
    ],
)
def test_only_pairs_that_were_set_apart(ranks: tuple[int, ...], pairs: list[str]) -> None:
    preference = Preference(tuple("abcd"[: len(ranks)]), "ranked", ranks)
    assert ["".join(pair) for pair in preference.pairs()] == pairs
