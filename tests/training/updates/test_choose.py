"""`auto` takes what the data supports, and says why it takes or leaves each method."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from training.datasets.examples import Counts
from training.updates.choose import Floors, check_asked, choose, judgements

RICH = Counts(examples=900, comparisons=300, ties=20, up=400, down=180, targets=40, voters=60)


def test_each_kind_of_judgement_has_its_method() -> None:
    assert choose(RICH).methods == ("sft", "kto", "dpo")
    assert choose(replace(RICH, targets=3)).methods == ("kto", "dpo")
    assert choose(replace(RICH, comparisons=3)).methods == ("sft", "kto")
    assert choose(replace(RICH, up=5, down=4)).methods == ("sft", "dpo")


def test_thin_data_waits_and_says_for_what() -> None:
    choice = choose(Counts(examples=30, comparisons=8, ties=0, up=20, down=10, targets=0, voters=3))
    assert choice.waits
    assert str(choice) == "38 of 200 judgements; 3 of 5 voters"


def test_one_sided_thumbs_teach_nothing() -> None:
    choice = choose(replace(RICH, up=600, down=2, comparisons=0, targets=0))
    assert choice.waits
    assert "2 of 10 thumbs down: one-sided thumbs set nothing apart" in str(choice)


def test_ppo_needs_comparisons_and_a_reward_model_worth_following() -> None:
    many = replace(RICH, comparisons=2500)
    assert choose(many, reward_accuracy_low=0.66).methods == ("ppo",)
    assert choose(many, reward_accuracy_low=0.55).methods == ("sft", "kto", "dpo")
    assert "0.550, 0.6 needed" in str(choose(many, reward_accuracy_low=0.55))
    assert choose(many).methods == ("sft", "kto", "dpo")
    assert choose(RICH, reward_accuracy_low=0.9).methods == ("sft", "kto", "dpo")


def test_what_is_asked_for_still_needs_the_common_floor() -> None:
    assert check_asked(("dpo",), RICH).methods == ("dpo",)
    assert check_asked(("dpo", "sft"), replace(RICH, comparisons=0)).methods == ("sft",)
    assert check_asked(("dpo",), replace(RICH, voters=1)).waits


@given(st.builds(Counts, *(st.integers(0, 5000) for _ in range(7))))
def test_never_below_the_floor_and_always_a_reason(counts: Counts) -> None:
    choice = choose(counts, reward_accuracy_low=0.7)
    assert choice.reasons
    if judgements(counts) < Floors().judgements or counts.voters < Floors().voters:
        assert choice.waits
    if "ppo" in choice.methods:
        assert counts.comparisons >= Floors().ppo_comparisons
