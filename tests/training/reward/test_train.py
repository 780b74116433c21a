"""What the reward model learns in a world whose truth is known, and what it must not learn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.training.reward.world import ENCODER, answer, invented, pairs_world, prompt, thumbs_world
from training.datasets.examples import Example, Pair, Thumb, decided_pairs
from training.reward.config import RewardConfig
from training.reward.model import TrainedReward
from training.reward.train import train_reward
from training.statistics import ece

PLAIN = RewardConfig(precision=30.0, semantic=0.0, heads=4)


def accuracy(model: TrainedReward, examples: list[Example]) -> float:
    scores = model.score([example.prompt for example in examples], [example.answers for example in examples])
    right = [
        s.mean[chosen] > s.mean[rejected]
        for s, e in zip(scores, examples, strict=True)
        for chosen, rejected, _ in decided_pairs(e)
        if {chosen, rejected} != {2, 3}  # which are equally good
    ]
    return float(np.mean(right))


def gap(model: TrainedReward, examples: list[Example]) -> float:
    """Mean score of the grounded answers less that of the invented ones."""
    scores = model.score([example.prompt for example in examples], [example.answers for example in examples])
    return float(np.mean([s.mean[2] - s.mean[0] for s in scores]))


@pytest.fixture(scope="module")
def liked() -> TrainedReward:
    return train_reward(pairs_world(60), PLAIN, encoder=ENCODER)


def test_learns_from_comparisons_what_people_prefer(liked: TrainedReward) -> None:
    held_out = pairs_world(60, seed=1, strength=40.0)  # nobody errs, so accuracy is of the truth
    assert accuracy(liked, held_out) > 0.9


def test_learns_the_opposite_where_people_prefer_the_opposite() -> None:
    model = train_reward(pairs_world(60, sign=-1.0), PLAIN, encoder=ENCODER)
    assert gap(model, pairs_world(20, seed=1)) < -0.5


def test_learns_from_thumbs_alone() -> None:
    model = train_reward(thumbs_world(80), PLAIN, encoder=ENCODER)
    assert gap(model, pairs_world(20, seed=1)) > 0.5


def test_uses_comparisons_and_thumbs_in_one_loss() -> None:
    pairs, thumbs = pairs_world(6, seed=2), thumbs_world(12, seed=3)
    both = train_reward([*pairs, *thumbs], PLAIN, encoder=ENCODER)
    only = train_reward(thumbs, PLAIN, encoder=ENCODER)
    held_out = pairs_world(30, seed=4)
    assert both.facts["judgements"] == 24 + 36
    assert gap(both, held_out) > gap(only, held_out) > 0.0


@pytest.mark.slow
def test_a_harsh_and_a_mild_voter_give_the_same_scores() -> None:
    voters = {"a-harsh": -3.0, "b-mild": 3.0}
    world = thumbs_world(150, seed=5, strength=2.0, leniency=voters)
    fair = train_reward(world, replace(PLAIN, voter_precision=0.1), encoder=ENCODER)
    naive = train_reward(world, replace(PLAIN, voter_precision=1e6), encoder=ENCODER)
    held_out = pairs_world(30, seed=6)
    assert gap(naive, held_out) < 0.0 < 0.3 < gap(fair, held_out)


def test_the_place_on_the_screen_is_no_merit() -> None:
    world = pairs_world(80, seed=7, strength=2.0, place=2.0)
    model = train_reward(world, replace(PLAIN, position_precision=0.1), encoder=ENCODER)
    assert model.facts["position"] == pytest.approx(2.0, abs=0.7)
    # Two copies of one answer differ by nothing, wherever they stand.
    asked, sentences = prompt(np.random.default_rng(0), 1)
    scores = model.score([asked], [[answer(sentences[0]), answer(sentences[0])]])[0]
    assert scores.mean[0] == scores.mean[1]


def test_an_unknown_order_takes_no_place_term() -> None:
    world = [
        replace(example, pairs=tuple(replace(pair, ordered=False) for pair in example.pairs))
        for example in pairs_world(40, place=2.0)
    ]
    assert train_reward(world, PLAIN, encoder=ENCODER).facts["position"] == pytest.approx(0.0, abs=1e-6)


def test_the_heads_disagree_more_where_nothing_was_learnt(liked: TrainedReward) -> None:
    rng = np.random.default_rng(8)
    near, far = [], []
    for number in range(20):
        asked, sentences = prompt(rng, number)
        near.append(liked.score([asked], [[answer(sentences[0] + " " + sentences[1])]])[0].std[0])
        odd = " ".join(invented(rng, number) + " Yes?" for _ in range(25)) + " [9] Why, who asks"
        far.append(liked.score([asked], [[answer(odd)]])[0].std[0])
    assert np.mean(far) > 1.5 * np.mean(near)
    never_seen = liked.score([asked], [[answer("I could not find that in the documents.")]])[0]
    assert never_seen.std[0] > np.mean(near)


def test_weight_zero_is_as_good_as_absent() -> None:
    world = pairs_world(40)
    liars = [
        replace(example, pairs=tuple(replace(pair, weight=0.0) for pair in example.pairs))
        for example in pairs_world(40, seed=9, sign=-1.0)
    ]
    with_liars = train_reward([*world, *liars], PLAIN, encoder=ENCODER)
    assert gap(with_liars, pairs_world(20, seed=1)) > 0.5


def test_ties_draw_equals_together() -> None:
    world = pairs_world(60)
    tied = [
        replace(example, pairs=(*example.pairs, *(Pair(a, b, "tie", 3.0, "voter-1") for a in (0, 1) for b in (2, 3))))
        for example in world
    ]
    held_out = pairs_world(20, seed=1)
    uncalibrated = replace(PLAIN, semantic=0.0)
    loose, tight = (train_reward(part, uncalibrated, encoder=ENCODER) for part in (world, tied))
    assert 0.0 < gap(tight, held_out) < 0.7 * gap(loose, held_out)


def test_both_bad_counts_against_both() -> None:
    world = thumbs_world(60)
    good = [
        replace(example, pairs=(Pair(2, 3, "both_bad", 4.0, "voter-2"),), answers=example.answers) for example in world
    ]
    plain, soured = (train_reward(part, PLAIN, encoder=ENCODER) for part in (world, good))
    held_out = pairs_world(20, seed=1)
    assert gap(soured, held_out) < gap(plain, held_out)


@pytest.mark.slow
def test_calibration_makes_chances_true() -> None:
    world, held_out = pairs_world(50, strength=3.0), pairs_world(300, seed=2, strength=3.0)
    config = RewardConfig(precision=1.0, semantic=0.0)  # fits too closely, so it is too sure
    model = train_reward(world, config, encoder=ENCODER, calibration=pairs_world(100, seed=3, strength=3.0))
    sure = replace(model, calibration=replace(model.calibration, temperature=1.0))
    assert model.calibration.fitted_on == "calibration split"

    def error(judge: TrainedReward) -> float:
        scores = judge.score([e.prompt for e in held_out], [e.answers for e in held_out])
        logits = np.array(
            [s.mean[p.first] - s.mean[p.second] for s, e in zip(scores, held_out, strict=True) for p in e.pairs]
        )
        labels = np.array([pair.outcome == "first" for example in held_out for pair in example.pairs])
        return ece(1 / (1 + np.exp(-logits.astype(np.float64))), labels, equal_mass=True)

    assert error(model) < error(sure)


def test_a_score_is_the_logit_of_an_up_vote() -> None:
    world = [replace(e, thumbs=tuple(Thumb(t.answer, True, 1.0, t.voter) for t in e.thumbs)) for e in thumbs_world(40)]
    sour = [replace(e, thumbs=tuple(replace(t, up=False) for t in e.thumbs)) for e in thumbs_world(10, seed=1)]
    model = train_reward([*world, *sour], PLAIN, encoder=ENCODER)
    scores = model.score([e.prompt for e in world], [e.answers for e in world])
    chance = 1 / (1 + np.exp(-np.concatenate([s.mean for s in scores])))
    assert np.mean(chance) == pytest.approx(0.8, abs=0.05)


@pytest.mark.slow
def test_segments_may_differ_and_are_drawn_to_all() -> None:
    many = [replace(e, prompt=replace(e.prompt, segment="many")) for e in pairs_world(60)]
    few = [replace(e, prompt=replace(e.prompt, segment="few")) for e in pairs_world(60, seed=1, sign=-1.0)]
    model = train_reward([*many, *few], replace(PLAIN, segments=True, segment_precision=1.0), encoder=ENCODER)
    held_out = pairs_world(20, seed=2)
    gaps = {
        name: gap(model, [replace(e, prompt=replace(e.prompt, segment=name)) for e in held_out])
        for name in ("many", "few", "unheard")
    }
    assert gaps["many"] > 0.3
    assert gaps["few"] < -0.3
    assert gaps["few"] < gaps["unheard"] < gaps["many"]
    stiff = train_reward([*many, *few], replace(PLAIN, segments=True, segment_precision=1e7), encoder=ENCODER)
    assert np.abs(stiff.segments["few"]).max() < 1e-3


def test_the_same_data_gives_the_same_model(liked: TrainedReward) -> None:
    again = train_reward(pairs_world(60), PLAIN, encoder=ENCODER)
    other = train_reward(pairs_world(60), replace(PLAIN, seed=1), encoder=ENCODER)
    assert again.version == liked.version
    assert other.version != liked.version


def test_strength_is_chosen_inside_the_training_data() -> None:
    model = train_reward(pairs_world(40), RewardConfig(precisions=(1.0, 1e9), semantic=0.0), encoder=ENCODER)
    assert model.facts["precision"] == 1.0  # the truth is strong; a billion would forbid to learn it
    assert set(model.facts["chosen"]) == {"1/0", "1e+09/0"}


def test_products_of_vectors_can_be_used() -> None:
    model = train_reward(pairs_world(40), RewardConfig(precision=30.0, semantic=1000.0), encoder=ENCODER)
    assert model.weights.shape[1] > ENCODER.dimension
    assert gap(model, pairs_world(20, seed=1)) > 0.5


@pytest.mark.slow
def test_a_question_asked_again_stays_in_one_fold() -> None:
    """People vote by a coin tossed for each question, so products of its vector foretell its other votes only."""
    rng = np.random.default_rng(10)
    world = []
    for example in thumbs_world(25, seed=10):
        up = bool(rng.random() < 0.5)
        thumbs = tuple(replace(thumb, up=up, voter=f"voter-{rng.integers(8)}") for thumb in example.thumbs)
        world += [replace(example, prompt_id=f"{example.prompt_id}-{at}", thumbs=thumbs) for at in range(3)]
    config = RewardConfig(precision=100.0, semantics=(0.0, 3.0))
    model = train_reward(world, config, encoder=ENCODER)
    assert model.facts["semantic"] == 0.0
