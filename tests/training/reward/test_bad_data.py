"""Data from which no preference can be learnt is refused with what is missing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.training.reward.world import ENCODER, pairs_world, thumbs_world
from training.datasets.examples import Example, Pair, Thumb
from training.reward.config import RewardConfig
from training.reward.errors import BadJudgements, NotEnoughToLearn
from training.reward.train import train_reward


def train(examples: list[Example]) -> None:
    train_reward(examples, RewardConfig(precision=30.0, semantic=0.0), encoder=ENCODER)


def test_nothing_at_all() -> None:
    with pytest.raises(NotEnoughToLearn, match="0 of 20 needed"):
        train([])


def test_too_few() -> None:
    with pytest.raises(NotEnoughToLearn) as caught:
        train(pairs_world(3))
    assert (caught.value.needed, caught.value.got) == (20, 12)


def test_ties_decide_nothing() -> None:
    world = [replace(e, pairs=tuple(replace(p, outcome="tie") for p in e.pairs)) for e in pairs_world(20)]
    with pytest.raises(NotEnoughToLearn, match="too few comparisons"):
        train(world)


def test_one_voter() -> None:
    world = [replace(e, pairs=tuple(replace(p, voter="me") for p in e.pairs)) for e in pairs_world(20)]
    with pytest.raises(NotEnoughToLearn, match="too few voters: 1 of 2"):
        train(world)


@pytest.mark.parametrize(("up", "missing"), [(True, "down"), (False, "up")])
def test_one_sided_thumbs(up: bool, missing: str) -> None:
    world = [replace(e, thumbs=tuple(replace(t, up=up) for t in e.thumbs)) for e in thumbs_world(20)]
    with pytest.raises(NotEnoughToLearn, match=f"too few {missing} votes"):
        train(world)


def test_nothing_has_weight() -> None:
    world = [replace(e, pairs=tuple(replace(p, weight=0.0) for p in e.pairs)) for e in pairs_world(20)]
    with pytest.raises(NotEnoughToLearn):
        train(world)


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), -1.0])
def test_weights_that_make_no_sense(weight: float) -> None:
    world = pairs_world(20)
    spoilt = replace(world[7], pairs=(replace(world[7].pairs[0], weight=weight),))
    with pytest.raises(BadJudgements, match="prompt p7"):
        train([*world, spoilt])
    voted = replace(world[7], thumbs=(Thumb(0, True, weight, "voter-1"),))
    with pytest.raises(BadJudgements, match="prompt p7"):
        train([*world, voted])


@pytest.mark.parametrize(
    "pair", [Pair(0, 4, "first", 1.0, "a"), Pair(-1, 0, "first", 1.0, "a"), Pair(1, 1, "tie", 1.0, "a")]
)
def test_judgements_of_answers_that_are_not_there(pair: Pair) -> None:
    world = pairs_world(20)
    with pytest.raises(BadJudgements):
        train([*world, replace(world[0], pairs=(pair,))])


def test_a_config_that_cannot_be_trained() -> None:
    with pytest.raises(ValueError, match="4 at least"):
        RewardConfig(heads=3)
    with pytest.raises(ValueError, match="positive"):
        RewardConfig(precision=0.0)
    with pytest.raises(ValueError, match="kind"):
        RewardConfig(kind="tree")
    with pytest.raises(ValueError, match="needs the sentence encoder"):
        train_reward(pairs_world(20), encoder=None)
