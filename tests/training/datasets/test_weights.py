"""How much each judgement counts, and that no set of records can make anybody count more."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.datasets.samples import DAY_S, NOW, make_judged, make_preference, make_shown, make_vote
from training.datasets.build import Built, build_examples
from training.datasets.config import DatasetConfig
from training.datasets.propensity import Impression, propensity_factors
from training.datasets.weaknesses import voter_weights
from training.policy.base import ABSTENTION
from training.records.reasons import SIGNALS
from training.records.types import Record

CONFIG = DatasetConfig(half_life_days=None)


def build(records: list[Record], config: DatasetConfig = CONFIG, impressions: tuple[Impression, ...] = ()) -> Built:
    """Build with age left out."""
    return build_examples(records, config, now=NOW, impressions=impressions)


def test_a_busy_voter_is_capped_and_the_others_are_not() -> None:
    busy = [make_vote("up", voter="busy", prompt_id=f"b{number}") for number in range(100)]
    rest = [make_vote("down", voter=f"v{number}", prompt_id=f"r{number}") for number in range(30)]
    built = build(busy + rest)
    weights = voter_weights(built.examples)

    assert weights["busy"] == pytest.approx(5.0)
    assert weights["v0"] == 1.0
    assert built.card.voter_cap == 5.0
    assert built.card.factors["voter cap"].changed == 1
    assert built.card.voters.largest == pytest.approx(5 / 35)
    assert built.card.voters.effective == pytest.approx(35**2 / (25 + 30))


def test_a_model_that_judges_everything_holds_at_most_its_share() -> None:
    ai = [make_vote("up", voter="judge", prompt_id=f"b{n}", source="ai") for n in range(100)]
    rest = [make_vote("down", voter=f"v{number}", prompt_id=f"r{number}") for number in range(30)]
    config = replace(CONFIG, use_ai=True, ai_share=0.25)

    assert voter_weights(build(ai + rest, config).examples)["judge"] == pytest.approx(10.0)
    assert voter_weights(build(ai, config).examples)["judge"] == pytest.approx(50.0)


def test_the_cap_grows_with_the_window() -> None:
    records = [make_vote("up", voter=f"v{number % 40}", prompt_id=f"p{number}") for number in range(2_400)]
    built = build(records)

    assert built.card.voter_cap == pytest.approx(0.005 * 2_400)
    assert built.card.total_weight == pytest.approx(40 * 12)


def test_a_burst_of_many_names_weighs_as_much_as_five() -> None:
    campaign = [
        make_vote("down", voter=f"bot{number}", prompt_id=f"p{number}", judged_at=NOW - DAY_S + number * 30)
        for number in range(50)
    ]
    campaign = [replace(record, prompt=make_shown("Same question?")) for record in campaign]
    slow = [
        replace(record, voter=f"v{n}", record_id=f"s{n}", judged_at=NOW - DAY_S * (n + 2))
        for n, record in enumerate(campaign)
    ]
    burst, honest = build(campaign), build(slow)

    assert burst.card.total_weight == pytest.approx(5.0)
    assert burst.card.factors["burst"].changed == 50
    assert honest.card.total_weight == pytest.approx(50.0)


def test_a_saboteur_who_always_disagrees_is_left_out_and_the_honest_stay() -> None:
    rng = random.Random(0)
    records = []
    for number in range(40):
        good = number % 2 == 0
        shared = make_shown(f"Shared {number}?")
        for voter in ("a", "b", "c", "liar"):
            honest = good if rng.random() < 0.8 else not good
            up = (not good) if voter == "liar" else honest
            records.append(make_vote("up" if up else "down", voter=voter, prompt_id=f"{voter}{number}", prompt=shared))
    built = build(records)
    few = build(records[: 4 * 19])

    assert built.card.left_out == {"its voter agrees with others less often than chance": 40}
    assert {voter for example in built.examples for voter in example.voters} == {"a", "b", "c"}
    assert few.card.left_out == {}
    assert build(records, replace(CONFIG, trust_judgements=0)).card.left_out == {}


def test_answers_that_are_rarely_judged_count_more_and_the_mean_stays_one() -> None:
    long, short = make_judged("word " * 200), make_judged("word")
    shown = [Impression(make_shown("Q?"), long, judged=n % 10 == 0) for n in range(500)]
    shown += [Impression(make_shown("Q?"), short, judged=n % 2 == 0) for n in range(500)]
    records = [make_vote("up", voter=f"v{n}", answers=((long, short)[n % 2],)) for n in range(40)]
    factors, note = propensity_factors(records, shown, 5.0)
    values = [factors[record.record_id] for record in records] if len(factors) == 40 else []
    rare, often = factors[records[0].record_id], factors[records[1].record_id]

    assert rare / often == pytest.approx(5.0, rel=0.1)  # judged in 10 % and in 50 % of the cases
    assert sum(values) / 40 == pytest.approx(1.0)
    assert note == "Propensity weights from 1000 impressions, 300 of them judged; clipped at 5."


@pytest.mark.parametrize("judged", [True, False])
def test_impressions_that_say_nothing_leave_the_weights_alone(judged: bool) -> None:
    shown = (Impression(make_shown("Q?"), make_judged("A"), judged),) * 10
    built = build([make_vote("up")], impressions=shown)

    assert built.examples[0].thumbs[0].weight == 1.0
    assert built.card.notes == (f"Propensity weights are off: {10 * judged} of 10 impressions were judged.",)


@pytest.mark.parametrize(
    "setting",
    [
        {"half_life_days": 0.0},
        {"cap_floor": 0.0},
        {"cap_share": 2.0},
        {"burst_voters": 0},
        {"propensity_clip": 0.5},
        {"ai_weight": 1.5},
        {"ai_share": 1.0},
    ],
)
def test_settings_that_make_no_sense_are_refused(setting: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        DatasetConfig(**setting)  # type: ignore[arg-type]


TEXTS = ("Yes. [1]", "No. [2]", "Maybe.", ABSTENTION)
WHEN = st.integers(0, 400).map(lambda days: NOW - days * DAY_S)
WHO = {"voter": st.sampled_from("abcd"), "prompt_id": st.sampled_from(["p1", "p2", "p3"])}
HOW = {
    **WHO,
    "judged_at": WHEN,
    "consent": st.sampled_from([True, True, True, False]),
    "excluded": st.sampled_from(["", "", "", "spam"]),
    "source": st.sampled_from(["human", "human", "ai"]),
    "reasons": st.lists(st.sampled_from(sorted(SIGNALS)), max_size=2).map(tuple),
}
VOTES = st.builds(
    make_vote,
    st.sampled_from(["up", "down", None]),
    st.sampled_from(TEXTS),
    correction=st.sampled_from(["", "", "Better. [1]", "yes [1]"]),
    **HOW,
)
PREFERENCES = st.builds(
    make_preference,
    st.sampled_from([(1, 2), (2, 1), (1, 1), (2, 1, 2), (1, 2, 3, 4)]),
    st.permutations(TEXTS).map(tuple),
    **HOW,
)


@st.composite
def record_sets(draw: st.DrawFn) -> list[Record]:
    """Draw records with ids of their own."""
    drawn = draw(st.lists(VOTES | PREFERENCES, max_size=25))
    return [
        replace(record, record_id=f"r{number:02}", voter=("ai:" if record.source == "ai" else "") + record.voter)
        for number, record in enumerate(drawn)
    ]


@settings(max_examples=60, deadline=None)
@given(record_sets(), st.randoms(use_true_random=False), st.booleans())
def test_whatever_was_said_the_rules_hold(records: list[Record], rng: random.Random, use_ai: bool) -> None:
    config = DatasetConfig(cap_floor=2.0, use_ai=use_ai)
    built = build_examples(records, config, now=NOW)
    card, by_id = built.card, {record.record_id: record for record in records}

    shuffled = list(records)
    rng.shuffle(shuffled)
    assert build_examples(shuffled, config, now=NOW) == built

    assert set(card.fate) == set(by_id)
    assert card.used + sum(card.left_out.values()) == card.records == len(records)
    for record_id, fate in card.fate.items():
        record = by_id[record_id]
        if not record.consent or record.excluded or (record.source == "ai" and not use_ai):
            assert fate != "used"
    usable = {r.voter for r in records if r.consent and not r.excluded and (use_ai or r.source == "human")}
    assert set(voter_weights(built.examples)) <= usable

    weights = voter_weights(built.examples)
    models = sum(weight for voter, weight in weights.items() if voter.startswith("ai:"))
    people = sum(weight for voter, weight in weights.items() if not voter.startswith("ai:"))
    assert all(weight <= card.voter_cap + 1e-9 for voter, weight in weights.items() if not voter.startswith("ai:"))
    assert not people or models <= people * (1 + 1e-9)
    used = [by_id[record_id] for record_id, fate in card.fate.items() if fate == "used"]
    for example in built.examples:
        own = [record for record in used if record.prompt_id == example.prompt_id]
        ups = Counter((r.voter, r.rating) for r in own if r.rating)
        for pair in example.pairs:
            assert pair.first != pair.second
            compared = any(r.kind == "preference" and r.voter == pair.voter for r in own)
            corrected = any(r.correction and r.voter == pair.voter for r in own)
            both = ups[pair.voter, "up"] and ups[pair.voter, "down"]
            assert compared or corrected or both
            assert pair.weight > 0
        judged = [*example.pairs, *example.thumbs, *example.targets]
        assert judged
        named = {place for pair in example.pairs for place in (pair.first, pair.second)}
        named |= {thumb.answer for thumb in example.thumbs} | {target.answer for target in example.targets}
        assert named == set(range(len(example.answers)))
