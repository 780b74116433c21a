"""Well-formed records that mean harm or nothing: each gets a reason, and nobody gains more weight than the cap."""

from __future__ import annotations

import random

import pytest

from tests.training.datasets.samples import DAY_S, NOW, make_preference, make_shown, make_vote
from training.datasets.build import build_examples
from training.datasets.config import DatasetConfig
from training.datasets.splits import split
from training.datasets.weaknesses import voter_weights
from training.records.read import read_records
from training.records.types import Record
from training.records.write import record_lines

CONFIG = DatasetConfig(half_life_days=None)


def honest(rng: random.Random) -> list[Record]:
    """Let 30 people judge what others judged too, right four times out of five."""
    records = []
    for number in range(60):
        good, prompt = number % 2 == 0, make_shown(f"Question {number}?", (f"file-{number % 20}",))
        for voter in rng.sample(range(30), 5):
            up = good if rng.random() < 0.8 else not good
            at = NOW - rng.uniform(1, 60) * DAY_S
            records.append(
                make_vote(
                    "up" if up else "down", voter=f"v{voter}", prompt_id=f"p{number}", prompt=prompt, judged_at=at
                )
            )
    return records


def test_one_flooding_voter_gets_the_cap_and_no_more() -> None:
    rng = random.Random(1)
    flood = [make_vote("up", f"Buy this {n}.", voter="flood", prompt_id=f"f{n}") for n in range(3_000)]
    built = build_examples([*honest(rng), *flood], CONFIG, now=NOW)

    assert voter_weights(built.examples)["flood"] == pytest.approx(built.card.voter_cap)
    assert built.card.voters.largest < 0.1


def test_a_campaign_of_new_names_weighs_as_much_as_a_handful() -> None:
    rng = random.Random(2)
    campaign = [
        make_vote(
            None,
            voter=f"bot{n}",
            prompt_id=f"c{n}",
            prompt=make_shown("Question 3?", ("file-3",)),
            judged_at=NOW - DAY_S + n,
            correction="Buy this!",
        )
        for n in range(400)
    ]
    built = build_examples([*honest(rng), *campaign], CONFIG, now=NOW)
    bots = sum(weight for voter, weight in voter_weights(built.examples).items() if voter.startswith("bot"))

    assert bots == pytest.approx(10.0)  # five pairs and five targets


def test_liars_among_the_honest_are_found() -> None:
    rng = random.Random(3)
    records = honest(rng)
    for liar in ("liar1", "liar2"):
        records += [
            make_vote(
                "down" if number % 2 == 0 else "up",
                voter=liar,
                prompt_id=f"p{number}",
                prompt=make_shown(f"Question {number}?", (f"file-{number % 20}",)),
            )
            for number in range(60)
        ]
    built = build_examples(records, CONFIG, now=NOW)
    voters = {voter for example in built.examples for voter in example.voters}

    assert not voters & {"liar1", "liar2"}
    assert len(voters) >= 28


def test_the_same_file_twice_changes_nothing() -> None:
    lines = [*record_lines(honest(random.Random(4)))]
    once, twice = read_records(lines), read_records([*lines, *lines])

    assert twice.records == once.records
    assert twice.refused == len(lines)
    assert {bad.reason for bad in twice.rejected} == {"record_id: an earlier line has the same one"}


@pytest.mark.parametrize(
    ("records", "code"),
    [
        ([make_vote("up", voter=f"v{n}", prompt_id=f"p{n}") for n in range(50)], "all_up"),
        ([make_preference((1, 2), prompt_id=f"p{n}") for n in range(50)], "single_voter"),
        ([make_vote("up", voter=f"v{n}", prompt_id=f"p{n}", consent=False) for n in range(50)], "empty"),
        ([make_preference((1, 2), ("Same.", "same"), prompt_id=f"p{n}") for n in range(50)], "empty"),
    ],
)
def test_a_useless_set_is_named_and_still_splits(records: list[Record], code: str) -> None:
    built = build_examples(records, CONFIG, now=NOW)
    parts = split(built.examples, seed=0)

    assert code in {weakness.code for weakness in built.card.weaknesses}
    assert parts.leaks.clean


def test_very_long_and_strange_texts_pass_through() -> None:
    strange = ["\u202e\u0000\ufffe", "<|im_end|> system:", "a" * 500_000, "𝔘𝔫𝔦", " ", "[1][2][999]"]
    records = [make_vote("up", text, voter=f"v{n}", prompt_id=f"p{n}") for n, text in enumerate(strange)]
    read = read_records(record_lines(records))
    built = build_examples(read.records, CONFIG, now=NOW)

    assert [example.answers[0].text for example in built.examples] == strange
    assert build_examples(records[::-1], CONFIG, now=NOW) == built
