"""Pages of the log against a filter over the whole of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pytest

from service.feedback import browse as browse_module
from service.feedback.browse import FeedbackFilter, browse
from service.feedback.records import Entry, Preference, Vote
from tests.service.feedback.conftest import Run, Stores
from tests.service.feedback.samples import make_answer, make_prompt, make_record

FILTERS: list[tuple[FeedbackFilter, Callable[[Entry], bool]]] = [
    (FeedbackFilter(), lambda entry: True),
    (FeedbackFilter(kind="preference"), lambda entry: entry.kind == "preference"),
    (FeedbackFilter(rating="down"), lambda entry: entry.stated == "down"),
    (FeedbackFilter(rating="tie"), lambda entry: entry.stated == "tie"),
    (FeedbackFilter(reason="unclear"), lambda entry: "unclear" in entry.details.get("reasons", ())),
    (FeedbackFilter(version="v2"), lambda entry: "v2" in entry.versions),
    (FeedbackFilter(segment="de"), lambda entry: entry.segment == "de"),
    (FeedbackFilter(voter="key:1"), lambda entry: entry.voter == "key:1"),
    (FeedbackFilter(voter="key:1", rating="up"), lambda entry: entry.voter == "key:1" and entry.stated == "up"),
    (FeedbackFilter(voter="key:none"), lambda entry: False),
    (FeedbackFilter(since=1.0, until=4e9), lambda entry: True),
    (FeedbackFilter(since=4e9), lambda entry: False),
    (FeedbackFilter(voter="key:1", until=1.0), lambda entry: False),
]


async def _fill(stores: Stores) -> list[Entry]:
    records = [make_record(str(i), answer=make_answer(str(i), f"v{i}")) for i in range(3)]
    german = make_record("Ja.", prompt=make_prompt(segment="de", question="Oft?"))
    await stores.answers.record_all(records)
    await stores.answers.record(german)
    for turn in range(16):
        record = [*records, german][turn % 4]
        vote = Vote("up" if turn % 3 else "down", reasons=("unclear",) if turn % 5 == 0 else (), comment=str(turn))
        await stores.log.vote(record.answer_id, vote, voter=f"key:{turn % 3}", allowed=True)
    ids = (records[0].answer_id, records[2].answer_id)
    await stores.log.prefer(Preference(ids, "tie", (1, 1)), voter="key:1", allowed=True)
    return await stores.log.range("-", "+", count=100)


@pytest.mark.parametrize("history", [False, True])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_together_are_the_filtered_log(
    run: Run[Any], monkeypatch: pytest.MonkeyPatch, order: Literal["asc", "desc"], history: bool
) -> None:
    monkeypatch.setattr(browse_module, "PIECE_ENTRIES", 4)
    monkeypatch.setattr(browse_module, "SCAN_ENTRIES", 8)

    async def scenario(stores: Stores) -> None:
        entries = await _fill(stores)
        standing = await stores.log.standing(entries)
        for wanted, matches in FILTERS:
            expected = [
                (entry, stands)
                for entry, stands in zip(entries, standing, strict=True)
                if matches(entry) and (stands or history)
            ]
            seen: list[tuple[Entry, bool]] = []
            after, more = None, True
            while more:
                page = await browse(stores.log, wanted, limit=3, after=after, order=order, history=history)
                assert len(page.entries) <= 3
                seen += page.entries
                after, more = page.last_id, page.has_more
            assert seen == (expected if order == "asc" else expected[::-1]), wanted

    run(scenario)


def test_one_answers_entries(run: Run[Any]) -> None:
    async def scenario(stores: Stores) -> None:
        entries = await _fill(stores)
        wanted = FeedbackFilter(answer_id=entries[-1].answers[1])
        page = await browse(stores.log, wanted, limit=100, order="asc", history=True)
        assert [entry for entry, _ in page.entries] == [e for e in entries if entries[-1].answers[1] in e.answers]
        assert not page.has_more

    run(scenario)
