"""What the card says, and what it finds wrong with one-sided, lonely and contradictory sets."""

from __future__ import annotations

import json

import pytest

from tests.training.datasets.samples import DAY_S, NOW, make_preference, make_shown, make_vote
from training.datasets.build import Built, build_examples
from training.datasets.config import DatasetConfig
from training.datasets.weaknesses import weaknesses
from training.records.types import Record

CONFIG = DatasetConfig(half_life_days=None)


def build(*records: Record) -> Built:
    """Build with age left out."""
    return build_examples(records, CONFIG, now=NOW, unreadable=3)


def mixed() -> Built:
    """Build from a bit of everything."""
    return build(
        make_vote("up", voter="a", prompt=make_shown("One?", segment="de"), reasons=("clear",)),
        make_vote("down", "No.", voter="a", prompt=make_shown("One?", segment="de")),
        make_vote("down", voter="b", prompt_id="p2", judged_at=NOW - 9 * DAY_S),
        make_vote(None, voter="c", prompt_id="p3", correction="Better."),
        make_vote(None, voter="d", prompt_id="p3", scores={"helpful": 2}),
        make_vote("down", voter="d", prompt_id="p4", reasons=("missing_document",)),
        make_preference((1, 2), voter="e", prompt_id="p5"),
        make_preference((1, 1), voter="f", prompt_id="p5"),
        make_vote("up", voter="g", consent=False),
    )


def test_a_card_counts_everything_once() -> None:
    card = mixed().card

    assert (card.records, card.used, card.unreadable) == (9, 6, 3)
    assert card.left_out == {
        "about the sources alone: teaches retrieval, not answering": 1,
        "not given for training": 1,
        "scores or a comment without a thumb: nothing to learn to answer from": 1,
    }
    assert card.pairs == {"preference": 2, "correction": 1, "thumbs": 1}
    assert card.targets == {"correction": 1}
    assert card.reasons == {"clear": 1}
    assert card.segments == pytest.approx({"": 5 / 7.5, "de": 2.5 / 7.5})
    assert card.versions == {"base-1": 8}
    assert (card.first_at, card.last_at) == (NOW - 9 * DAY_S, NOW - DAY_S)
    counts = card.counts
    assert (counts.examples, counts.comparisons, counts.ties, counts.up, counts.down, counts.targets) == (
        4,
        3,
        1,
        1,
        2,
        1,
    )


def test_a_card_is_json_and_reads_well_and_names_no_voter() -> None:
    card = mixed().card
    stored = json.loads(json.dumps(card.as_dict(), allow_nan=False))
    text = card.markdown()

    assert stored["left_out"] == card.left_out
    assert "fate" not in stored
    assert "6 of 9 judgements are used, from 2027-01-06 to 2027-01-14." in text
    assert "| lines that could not be read | 3 |" in text
    assert "Propensity weights are off: no impressions were given." in text
    assert "v1" not in text


def test_an_empty_card_says_that_there_is_nothing() -> None:
    built = build()

    assert built.examples == ()
    assert [weakness.code for weakness in built.card.weaknesses] == ["empty"]
    assert "There is no judgement to learn from." in built.card.markdown()
    json.dumps(built.card.as_dict(), allow_nan=False)


def test_hostile_names_do_not_break_the_table() -> None:
    built = build(make_vote("up", prompt=make_shown("Q?", segment="a|b\n# c")))

    assert "| a\\|b # c | 100.0% |" in built.card.markdown()


def thumbs(*ups: bool, voters: int = 8, prompts: int = 99) -> Built:
    """Build thumbs by some voters on some prompts."""
    records = [
        make_vote("up" if up else "down", f"{number // prompts}", voter=f"v{number % voters}", prompt_id=f"p{number}")
        for number, up in enumerate(ups)
    ]
    return build(*records)


@pytest.mark.parametrize(
    ("built", "codes"),
    [
        (thumbs(*[True] * 20), ["all_up", "one_answer_each"]),
        (thumbs(*[False] * 20), ["all_down", "one_answer_each"]),
        (thumbs(*[True, False] * 10, voters=1), ["one_answer_each", "single_voter"]),
        (thumbs(*[True, False] * 3, voters=3), ["one_answer_each", "few_voters"]),
        (
            build(*[make_preference((1, 1), voter=f"v{n}", prompt_id=f"p{n}") for n in range(6)]),
            ["all_ties"],
        ),
        (
            build(
                *[make_preference((1, 2), voter="busy", prompt_id=f"p{n}") for n in range(40)],
                *[make_preference((2, 1), voter=f"v{n}", prompt_id=f"q{n}") for n in range(4)],
            ),
            ["dominant_voter"],
        ),
        (build(*[make_preference((1, 2), voter=f"v{n}", prompt_id=f"p{n}") for n in range(6)]), []),
    ],
)
def test_a_weak_set_is_told_what_it_lacks(built: Built, codes: list[str]) -> None:
    found = weaknesses(built.examples)

    assert [weakness.code for weakness in found] == codes
    assert built.card.weaknesses == found
    for weakness in found:
        assert weakness.message.endswith((".", "needed."))
        assert weakness.have != weakness.need


def test_voters_who_contradict_each_other_are_noticed() -> None:
    quarrel = [
        make_vote("up" if voter % 2 else "down", voter=f"v{voter}", prompt_id=f"p{number}")
        for number in range(4)
        for voter in range(6)
    ]
    found = {weakness.code: weakness for weakness in build(*quarrel).card.weaknesses}

    assert found["contradictory"].have == pytest.approx(0.4)
    assert found["contradictory"].message.startswith("Voters who judged the same answer agree in 40% of 60 cases")
