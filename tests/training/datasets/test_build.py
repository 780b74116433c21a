"""Which judgements become which examples."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.training.datasets.samples import DAY_S, NOW, make_preference, make_shown, make_vote
from training.datasets.build import Built, build_examples
from training.datasets.config import DatasetConfig
from training.datasets.examples import Example, decided_pairs
from training.policy.base import ABSTENTION
from training.records.types import Record

AGELESS = DatasetConfig(half_life_days=None)


def build(*records: Record, config: DatasetConfig = AGELESS) -> Built:
    """Build with age left out."""
    return build_examples(records, config, now=NOW)


def only(built: Built) -> Example:
    """Give the one example."""
    (example,) = built.examples
    return example


def compared(example: Example) -> list[tuple[str, str, float]]:
    """Give (better, worse, weight) in words."""
    return [(example.answers[a].text, example.answers[b].text, pair.weight) for a, b, pair in decided_pairs(example)]


@pytest.mark.parametrize("rating", ["up", "down"])
def test_a_single_thumb_is_never_a_pair(rating: str) -> None:
    example = only(build(make_vote(rating)))

    assert not example.pairs
    assert [(thumb.answer, thumb.up, thumb.weight) for thumb in example.thumbs] == [(0, rating == "up", 1.0)]


def test_a_preference_is_a_pair_in_the_order_shown() -> None:
    example = only(build(make_preference((2, 1))))

    assert [answer.text for answer in example.answers] == ["Yes. [1]", "No. [2]"]
    (pair,) = example.pairs
    assert (pair.first, pair.second, pair.outcome, pair.ordered, pair.origin) == (0, 1, "second", True, "preference")


def test_a_ranking_gives_every_two_answers_and_weighs_one_less_than_its_answers() -> None:
    example = only(build(make_preference((2, 1, 2, 3))))

    assert sum(pair.weight for pair in example.pairs) == pytest.approx(3.0)
    assert len(example.pairs) == 6
    assert [pair.outcome for pair in example.pairs].count("tie") == 1
    assert {(better, worse) for better, worse, _ in compared(example)} == {
        ("No. [2]", "Yes. [1]"),
        ("No. [2]", "Maybe."),
        ("No. [2]", "Ask."),
        ("Yes. [1]", "Ask."),
        ("Maybe.", "Ask."),
    }


def test_ties_and_both_bad_are_kept_as_such() -> None:
    tie = only(build(make_preference((1, 1))))
    bad = only(build(make_preference((1, 1), outcome="both_bad")))

    assert [pair.outcome for pair in tie.pairs] == ["tie"]
    assert not tie.thumbs
    assert [pair.outcome for pair in bad.pairs] == ["both_bad"]
    assert [(thumb.up, thumb.weight) for thumb in bad.thumbs] == [(False, 0.5), (False, 0.5)]


def test_an_own_thumb_goes_before_what_both_bad_means() -> None:
    example = only(build(make_preference((1, 1), outcome="both_bad"), make_vote("down"), make_vote("up", voter="v2")))

    mine = [thumb for thumb in example.thumbs if thumb.voter == "v1" and example.answers[thumb.answer].text[0] == "Y"]
    assert [(thumb.up, thumb.weight) for thumb in mine] == [(False, 1.0)]


def test_a_correction_is_a_target_and_a_pair_over_what_it_corrects() -> None:
    example = only(build(make_vote(None, correction="No, never. [2]")))

    assert compared(example) == [("No, never. [2]", "Yes. [1]", 1.0)]
    assert [example.answers[target.answer].text for target in example.targets] == ["No, never. [2]"]
    assert not example.thumbs


def test_a_correction_that_changes_nothing_teaches_nothing_but_its_thumb_does() -> None:
    same = build(make_vote(None, correction="yes  [1]"))
    thumb = only(build(make_vote("up", correction="yes  [1]")))

    assert same.examples == ()
    assert same.card.left_out == {"the correction says what the answer says": 1}
    assert (len(thumb.thumbs), thumb.pairs, thumb.targets) == (1, (), ())


def test_thumbs_up_and_down_of_one_voter_on_one_prompt_are_half_a_pair() -> None:
    example = only(build(make_vote("up"), make_vote("down", "No.")))

    assert compared(example) == [("Yes. [1]", "No.", 0.5)]
    assert len(example.thumbs) == 2
    assert example.pairs[0].origin == "thumbs"
    assert not example.pairs[0].ordered


def test_thumbs_of_two_voters_are_no_pair() -> None:
    assert only(build(make_vote("up"), make_vote("down", "No.", voter="v2"))).pairs == ()


def test_thumbs_add_no_pair_where_the_voter_compared_the_two() -> None:
    example = only(build(make_vote("up"), make_vote("down", "No. [2]"), make_preference((1, 2))))

    assert [pair.origin for pair in example.pairs] == ["preference"]


@pytest.mark.parametrize("reasons", [("wrong_source",), ("missing_document", "outdated_source")])
def test_a_down_vote_about_the_sources_alone_does_not_teach_the_policy(reasons: tuple[str, ...]) -> None:
    built = build(make_vote("down", reasons=reasons))

    assert built.examples == ()
    assert built.card.left_out == {"about the sources alone: teaches retrieval, not answering": 1}
    assert only(build(make_vote("down", reasons=(*reasons, "wrong_answer")))).thumbs
    assert only(build(make_vote("up", reasons=("good_sources",)))).thumbs


def test_an_answer_that_should_have_declined_teaches_declining() -> None:
    example = only(build(make_vote("down", reasons=("should_have_refused",))))

    (target,) = example.targets
    assert example.answers[target.answer].text == ABSTENTION
    assert example.answers[target.answer].abstained
    assert [thumb.up for thumb in example.thumbs] == [False]
    assert not example.pairs


def test_declining_where_the_documents_hold_it_is_judged_down() -> None:
    example = only(build(make_vote(None, ABSTENTION, reasons=("should_not_have_refused",))))

    assert [thumb.up for thumb in example.thumbs] == [False]
    assert not example.targets


def test_scores_alone_teach_nothing_and_say_so() -> None:
    built = build(make_vote(None, scores={"helpful": 5}))

    assert built.examples == ()
    assert list(built.card.left_out) == ["scores or a comment without a thumb: nothing to learn to answer from"]


def test_the_later_judgement_of_the_same_thing_stands() -> None:
    first = make_vote("up", judged_at=NOW - 3 * DAY_S)
    again = make_vote("down", prompt_id="p2", prompt=make_shown("question  P1"), judged_at=NOW - DAY_S)
    built = build(again, first)

    assert built.card.fate[first.record_id] == "replaced: the voter judged the same again later"
    assert [thumb.up for example in built.examples for thumb in example.thumbs] == [False]


def test_two_answers_that_say_the_same_cannot_be_compared() -> None:
    built = build(make_preference((1, 2), ("Yes. [1]", "yes [1]")))

    assert built.examples == ()
    assert built.card.left_out == {"the answers say the same": 1}


def test_what_may_not_be_used_is_left_out_with_its_reason() -> None:
    records = [
        make_vote("up", voter="a", consent=False),
        make_vote("up", voter="b", excluded="spam"),
        make_vote("up", voter="c"),
        make_vote("up", voter="d", source="ai"),
        make_vote("up", voter="e", judged_at=NOW + 10 * DAY_S),
        make_vote("up", voter="f", judged_at=NOW - 3_000 * DAY_S),
        make_vote("up", voter="g"),
    ]
    built = build(*records, config=DatasetConfig(excluded_voters=frozenset({"c"})))

    assert only(built).voters == {"g"}
    assert built.card.fate == {
        records[0].record_id: "not given for training",
        records[1].record_id: "taken out by an operator",
        records[2].record_id: "its voter is excluded",
        records[3].record_id: "judged by a model, and such judgements are off",
        records[4].record_id: "judged in the future: a clock is wrong",
        records[5].record_id: "too old to count",
        records[6].record_id: "used",
    }
    assert sum(built.card.left_out.values()) + built.card.used == built.card.records == 7


def test_judgements_by_a_model_count_less_and_are_named() -> None:
    example = only(build(make_preference((1, 2), source="ai"), config=replace(AGELESS, use_ai=True)))

    assert [(pair.origin, pair.weight) for pair in example.pairs] == [("ai", 0.5)]


def test_age_halves_the_weight_at_the_half_life() -> None:
    built = build(make_vote("up", judged_at=NOW - 30 * DAY_S), config=DatasetConfig(half_life_days=30))

    assert only(built).thumbs[0].weight == pytest.approx(0.5)
    assert built.card.factors["age"].changed == 1


def test_new_voters_wait_in_quarantine_until_they_are_known() -> None:
    old, new = make_vote("up", voter="old", judged_at=NOW - 9 * DAY_S), make_vote("up", voter="new")
    built = build(old, make_vote("up", "No.", voter="old"), new, config=replace(AGELESS, quarantine_days=7))

    assert built.card.fate[new.record_id] == "its voter is new and waits"
    assert built.card.used == 2
