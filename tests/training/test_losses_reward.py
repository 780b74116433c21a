"""Losses of a reward model: by hand, at their limits, and in what must not change them."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from training.losses import binary_nll, bradley_terry, pair_targets, shrink, vote_logistic

LOG3, LOG9 = math.log(3), math.log(9)
logits = st.floats(-30, 30)
rates = st.floats(0, 0.45)


def of(*numbers: float) -> Tensor:
    """Give numbers in double precision."""
    return torch.tensor(numbers, dtype=torch.float64)


def gradient(logit: float, target: float, *, label_smoothing: float = 0.0, flip_rate: float = 0.0) -> float:
    """Differentiate the loss of one judgement by its logit."""
    leaf = of(logit).requires_grad_()
    loss = binary_nll(leaf, of(target), label_smoothing=label_smoothing, flip_rate=flip_rate)
    return float(torch.autograd.grad(loss.sum(), leaf)[0])


def test_bradley_terry_by_hand() -> None:
    """Differences log 3, -log 3, 0 have sigmoids 3/4, 1/4, 1/2.

    First preferred at 3/4: log 4/3. Second preferred at 1/4 for the first: log 4/3. Tie at 0: log 2.
    Mean: (2 log(4/3) + log 2) / 3 = (0.5754 + 0.6931) / 3 = 0.42284.
    """
    loss = bradley_terry(of(LOG3, 0, 1), of(0, LOG3, 1), of(1, 0, 0.5))
    assert loss.item() == pytest.approx((2 * math.log(4 / 3) + math.log(2)) / 3)
    assert loss.item() == pytest.approx(0.42284, abs=1e-5)


def test_a_tie_is_split_and_smooth_where_the_answers_are_equal() -> None:
    """At z = log 3 a tie costs (log 4/3 + log 4) / 2 = 0.8370; the gradient is 3/4 - 1/2, and 0 at z = 0."""
    assert bradley_terry(of(LOG3), of(0), of(0.5)).item() == pytest.approx((math.log(4 / 3) + math.log(4)) / 2)
    assert gradient(LOG3, 0.5) == pytest.approx(0.25)
    assert gradient(0.0, 0.5) == 0.0


def test_outcomes_become_targets() -> None:
    assert pair_targets(["first", "second", "tie", "both_bad"]).tolist() == [1.0, 0.0, 0.5, 0.5]


def test_position_belongs_to_the_slot_not_to_the_answer() -> None:
    """c = log 3 with equal rewards: the first is preferred with chance 3/4, whoever it is."""
    position = of(LOG3)[0]
    assert bradley_terry(of(2), of(2), of(1), position=position).item() == pytest.approx(math.log(4 / 3))
    assert bradley_terry(of(2), of(2), of(0), position=position).item() == pytest.approx(math.log(4))


def test_margin_by_hand_for_either_winner() -> None:
    """Won by log 9 where log 3 is wanted: sigmoid(log 3) = 3/4, whichever side wins."""
    for first, second, target in ((LOG9, 0.0, 1.0), (0.0, LOG9, 0.0)):
        loss = bradley_terry(of(first), of(second), of(target), margin=of(LOG3))
        assert loss.item() == pytest.approx(math.log(4 / 3))


def test_centring_by_hand() -> None:
    """Rewards 1 and 2: 0.01 x 3^2 = 0.09 on top."""
    plain = bradley_terry(of(1), of(2), of(1))
    assert bradley_terry(of(1), of(2), of(1), centre=0.01).item() == pytest.approx(plain.item() + 0.09)


@given(first=logits, second=logits, shift=st.floats(-100, 100), target=st.sampled_from([0.0, 0.5, 1.0]))
@settings(deadline=None)
def test_bradley_terry_knows_only_differences_and_is_the_same_from_the_other_side(
    first: float, second: float, shift: float, target: float
) -> None:
    loss = bradley_terry(of(first), of(second), of(target), flip_rate=0.1)
    shifted = bradley_terry(of(first + shift), of(second + shift), of(target), flip_rate=0.1)
    mirrored = bradley_terry(of(second), of(first), of(1 - target), flip_rate=0.1)
    torch.testing.assert_close(loss, shifted, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(loss, mirrored)


@given(logit=logits, target=st.floats(0, 1))
@settings(deadline=None)
def test_the_gradient_without_noise_is_the_error(logit: float, target: float) -> None:
    assert gradient(logit, target) == pytest.approx(1 / (1 + math.exp(-logit)) - target, abs=1e-12)


def test_smoothing_and_flips_by_hand() -> None:
    """z = log 3, e = s = 1/4. Flips: p = 1/4 + 1/2 x 3/4 = 5/8. Smoothing: 3/4 log 4/3 + 1/4 log 4."""
    assert binary_nll(of(LOG3), of(1), flip_rate=0.25).item() == pytest.approx(math.log(8 / 5))
    assert binary_nll(of(LOG3), of(0), flip_rate=0.25).item() == pytest.approx(math.log(8 / 3))
    smoothed = binary_nll(of(LOG3), of(1), label_smoothing=0.25).item()
    assert smoothed == pytest.approx(0.75 * math.log(4 / 3) + 0.25 * math.log(4))


@given(logit=logits, target=st.floats(0, 1), rate=st.floats(0.01, 0.45))
@settings(deadline=None)
def test_chances_under_flips_sum_to_one_and_stay_off_the_ends(logit: float, target: float, rate: float) -> None:
    yes = math.exp(-binary_nll(of(logit), of(1), flip_rate=rate).item())
    no = math.exp(-binary_nll(of(logit), of(0), flip_rate=rate).item())
    assert yes + no == pytest.approx(1)
    assert rate - 1e-9 <= yes <= 1 - rate + 1e-9
    assert yes == pytest.approx(rate + (1 - 2 * rate) / (1 + math.exp(-logit)))


def test_smoothing_turns_round_where_the_model_is_too_sure() -> None:
    """The gradient is 0 at sigmoid(z) = 1 - s; below it pulls up (negative), above it pulls back."""
    turn = math.log(9)  # sigmoid = 0.9
    assert gradient(turn, 1.0, label_smoothing=0.1) == pytest.approx(0, abs=1e-12)
    assert gradient(turn - 1, 1.0, label_smoothing=0.1) < 0 < gradient(turn + 1, 1.0, label_smoothing=0.1)


def test_a_vote_that_contradicts_a_sure_model_loses_its_pull_under_flips_alone() -> None:
    """z = -10, label yes: plain and smoothed losses pull with nearly full force, the flip likelihood hardly at all."""
    assert gradient(-10, 1.0) == pytest.approx(-1, abs=1e-3)
    assert gradient(-10, 1.0, label_smoothing=0.25) == pytest.approx(-0.75, abs=1e-3)
    assert -1e-3 < gradient(-10, 1.0, flip_rate=0.25) < 0


@given(logit=logits, target=st.floats(0, 1))
@settings(deadline=None)
def test_no_noise_is_the_limit_of_little_noise(logit: float, target: float) -> None:
    plain = binary_nll(of(logit), of(target))
    tiny = 1e-15
    torch.testing.assert_close(binary_nll(of(logit), of(target), label_smoothing=tiny), plain, rtol=1e-6, atol=1e-9)
    if abs(logit) < 10:
        torch.testing.assert_close(binary_nll(of(logit), of(target), flip_rate=tiny), plain, rtol=1e-6, atol=1e-9)
    cross_entropy = torch.nn.functional.binary_cross_entropy_with_logits(of(logit), of(target), reduction="none")
    torch.testing.assert_close(plain, cross_entropy)


@pytest.mark.parametrize(("smoothing", "flips"), [(0.0, 0.0), (0.1, 0.0), (0.0, 0.25)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_logits_of_ten_thousand_are_nothing_special(smoothing: float, flips: float, dtype: torch.dtype) -> None:
    leaf = torch.tensor([1e4, -1e4, 1e4, -1e4], dtype=dtype, requires_grad=True)
    loss = binary_nll(leaf, torch.tensor([1.0, 0.0, 0.0, 1.0]), label_smoothing=smoothing, flip_rate=flips)
    (slope,) = torch.autograd.grad(loss.sum(), leaf)
    assert torch.isfinite(loss).all()
    assert torch.isfinite(slope).all()


@pytest.mark.parametrize("rate", [-0.1, 0.5, 1.0, math.nan])
def test_rates_of_a_half_and_beyond_are_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="must be in"):
        binary_nll(of(0), of(1), flip_rate=rate)
    with pytest.raises(ValueError, match="must be in"):
        binary_nll(of(0), of(1), label_smoothing=rate)


def test_vote_logistic_by_hand() -> None:
    """r + b + l = 1 - 2 + (1 + log 3) = log 3: up costs log 4/3, down log 4."""
    for up, cost in ((True, math.log(4 / 3)), (False, math.log(4))):
        loss = vote_logistic(of(1), torch.tensor([up]), leniency=of(1 + LOG3), bias=of(-2)[0])
        assert loss.item() == pytest.approx(cost)


def test_an_up_vote_raises_the_reward_and_the_leniency() -> None:
    reward, leniency = of(0, 0).requires_grad_(), of(0, 0).requires_grad_()
    vote_logistic(reward, torch.tensor([True, False]), leniency=leniency).backward()  # type: ignore[no-untyped-call]
    for leaf in (reward, leniency):
        assert leaf.grad is not None
        assert leaf.grad.tolist() == [-0.25, 0.25]  # (1/2 - up) / 2 votes


def test_shrinking_by_hand() -> None:
    """0.5 x 2 x (1 + 9) / 5 = 2."""
    assert shrink(of(1, -3), 2.0, total=5.0).item() == pytest.approx(2)


def test_leniency_is_told_from_quality() -> None:
    """A mild voter sees only bad answers, a harsh one only good ones; one answer of each kind is seen by both.

    Without leniency the bad answers look better; with it, shrunk, the order is right.
    """
    votes = [  # (answer: 0 bad, 1 good; voter: 0 mild, 1 harsh; up)
        *[(0, 0, True)] * 14,
        *[(0, 0, False)] * 6,
        *[(1, 1, True)] * 8,
        *[(1, 1, False)] * 12,
        *[(0, 1, False)] * 6,
        *[(1, 0, True)] * 6,
    ]
    answer, voter, up = (torch.tensor(column) for column in zip(*votes, strict=True))

    def fit(*, lenient: bool) -> Tensor:
        reward, leniency = torch.zeros(2, requires_grad=True), torch.zeros(2, requires_grad=True)
        optimiser = torch.optim.LBFGS([reward, leniency], max_iter=100, line_search_fn="strong_wolfe")

        def step() -> Tensor:
            optimiser.zero_grad()
            loss = vote_logistic(reward[answer], up, leniency=leniency[voter] if lenient else None)
            loss = loss + shrink(leniency, 1.0, total=len(votes)) + shrink(reward, 0.1, total=len(votes))
            loss.backward()  # type: ignore[no-untyped-call]
            return loss

        optimiser.step(step)  # type: ignore[no-untyped-call]
        return reward.detach()

    blind, seeing = fit(lenient=False), fit(lenient=True)
    assert seeing[1] - seeing[0] > 1.0
    assert seeing[1] - seeing[0] > blind[1] - blind[0] + 1.0
