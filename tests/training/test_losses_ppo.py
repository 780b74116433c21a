"""Advantages, the clipped objective, the critic, entropy and divergences."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from training.losses import (
    categorical_kl,
    clip_fraction,
    entropy,
    gae,
    kl_estimate,
    leave_one_out,
    ppo_clip,
    sequence_kl,
    value_clip_loss,
    whiten,
)


def of(*numbers: float) -> Tensor:
    """Give numbers in double precision."""
    return torch.tensor(numbers, dtype=torch.float64)


def draw(*shape: int, seed: int = 0) -> Tensor:
    """Draw numbers in double precision."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def masked(lengths: list[int], size: int) -> Tensor:
    """Give the mask of answers of these lengths."""
    return torch.arange(size)[None] < torch.tensor(lengths)[:, None]


ROW = masked([1], 1)


def test_leave_one_out_by_hand() -> None:
    """(1, 2, 6): 1 - 4 = -3, 2 - 3.5 = -1.5, 6 - 1.5 = 4.5."""
    torch.testing.assert_close(leave_one_out(torch.tensor([[1.0, 2, 6]])), torch.tensor([[-3.0, -1.5, 4.5]]))
    for shape in ((3,), (3, 1)):
        with pytest.raises(ValueError, match="K >= 2"):
            leave_one_out(torch.zeros(shape))


@given(rewards=st.lists(st.floats(-10, 10), min_size=2, max_size=6), shift=st.floats(-10, 10))
@settings(deadline=None)
def test_leave_one_out_sums_to_zero_and_ignores_the_level(rewards: list[float], shift: float) -> None:
    row = of(*rewards)[None]
    advantages = leave_one_out(row)
    assert advantages.sum().item() == pytest.approx(0, abs=1e-9)
    torch.testing.assert_close(advantages, leave_one_out(row + shift), rtol=1e-9, atol=1e-9)


def test_gae_by_hand() -> None:
    """V = (1, 2), r = (0, 4), gamma 1/2, lambda 1/2.

    delta_2 = 4 - 2 = 2; delta_1 = 0 + 1 - 1 = 0; A_1 = 0 + 1/4 x 2 = 0.5; returns (1.5, 4).
    """
    advantages, returns = gae(of(1, 2)[None], of(0, 4)[None], masked([2], 2), gamma=0.5, lam=0.5)
    torch.testing.assert_close(advantages, of(0.5, 2)[None])
    torch.testing.assert_close(returns, of(1.5, 4)[None])


def test_gae_at_lambda_one_is_return_less_value_and_at_zero_one_step() -> None:
    values, rewards, mask = draw(3, 5), draw(3, 5, seed=1), masked([5, 3, 1], 5)
    advantages, _ = gae(values, rewards, mask, lam=1.0)
    to_go = (rewards * mask).flip(1).cumsum(1).flip(1)
    torch.testing.assert_close(advantages, torch.where(mask, to_go - values, 0.0))
    one_step, _ = gae(values, rewards, mask, lam=0.0)
    following = torch.cat([(values * mask)[:, 1:], torch.zeros(3, 1)], dim=1)
    torch.testing.assert_close(one_step, torch.where(mask, rewards + following - values, 0.0))


def test_gae_does_not_see_the_padding() -> None:
    values, rewards = draw(2, 4), draw(2, 4, seed=1)
    short = gae(values[:, :2], rewards[:, :2], masked([2, 1], 2))
    values[:, 2:], rewards[1, 1:] = math.nan, math.inf
    long = gae(values, rewards, masked([2, 1], 4))
    for padded, plain in zip(long, short, strict=True):
        torch.testing.assert_close(padded[:, :2], plain)
        assert not padded[:, 2:].any()


def test_whitened_actions_have_mean_zero_and_variance_one() -> None:
    values, mask = draw(4, 6) * 5 + 3, masked([6, 4, 2, 1], 6)
    white = whiten(values, mask)
    assert white[mask].mean().item() == pytest.approx(0, abs=1e-9)
    assert white[mask].var().item() == pytest.approx(1, abs=1e-6)
    assert not white[~mask].any()
    kept = whiten(values, mask, shift_mean=False)
    assert kept[mask].mean().item() == pytest.approx(values[mask].mean().item())


def test_one_action_and_equal_actions_can_be_whitened() -> None:
    assert whiten(of(5)[None], ROW).tolist() == [[0.0]]
    assert whiten(of(5)[None], ROW, shift_mean=False).tolist() == [[5.0]]
    assert whiten(torch.full((2, 2), 3.0), masked([2, 2], 2)).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_ppo_by_hand() -> None:
    """Ratios 2 and 1/2, clip 0.2. A = 1: -min(2, 1.2) = -1.2 and -min(.5, .8) = -0.5. A = -1: 2 and max(.5, .8) = 0.8.

    Mean: (-1.2 - 0.5 + 2 + 0.8) / 4 = 0.275. The clip takes the gradient of the first and of the last: half of them.
    """
    logprobs = of(math.log(2), -math.log(2)).repeat(2, 1).requires_grad_()
    old, advantages, mask = torch.zeros(2, 2, dtype=torch.float64), of(1, -1), masked([2, 2], 2)
    loss = ppo_clip(logprobs, old, advantages, mask)
    assert loss.item() == pytest.approx(0.275)
    (slope,) = torch.autograd.grad(loss, logprobs)
    torch.testing.assert_close(slope, torch.tensor([[0, -0.125], [0.5, 0]], dtype=torch.float64))
    assert clip_fraction(logprobs, old, advantages, mask).item() == 0.5


def test_ppo_over_whole_answers_by_hand() -> None:
    """Two actions of ratios 2 and 1/2 make an answer of ratio 1: unclipped, loss -A."""
    logprobs = of(math.log(2), -math.log(2))[None]
    loss = ppo_clip(logprobs, torch.zeros_like(logprobs), of(3), masked([2], 2), level="sequence")
    assert loss.item() == pytest.approx(-3)


def test_ppo_at_the_old_policy_is_the_policy_gradient() -> None:
    logprobs, advantages, mask = draw(3, 4).requires_grad_(), draw(3, seed=1), masked([4, 2, 1], 4)
    (slope,) = torch.autograd.grad(ppo_clip(logprobs, logprobs.detach(), advantages, mask), logprobs)
    torch.testing.assert_close(slope, torch.where(mask, -advantages[:, None] / mask.sum(), 0.0))


@pytest.mark.parametrize("level", ["token", "sequence"])
def test_a_diverged_ratio_stays_finite(level: str) -> None:
    for size in (1e4, -1e4):
        for advantage in (1.0, -1.0):
            logprobs = torch.tensor([[size]], requires_grad=True)
            loss = ppo_clip(logprobs, torch.zeros(1, 1), torch.tensor([advantage]), ROW, level=level)  # type: ignore[arg-type]
            (slope,) = torch.autograd.grad(loss, logprobs)
            assert torch.isfinite(loss)
            assert torch.isfinite(slope).all()


def test_padding_may_hold_anything() -> None:
    logprobs = torch.tensor([[-1.0, math.nan]], requires_grad=True)
    old, mask = torch.tensor([[-1.0, -math.inf]]), masked([1], 2)
    for loss in (
        ppo_clip(logprobs, old, torch.ones(1), mask),
        value_clip_loss(logprobs, old, old, mask) + logprobs[0, 0] * 0,
        sequence_kl(logprobs, old, mask).sum(),
    ):
        (slope,) = torch.autograd.grad(loss, logprobs)
        assert torch.isfinite(loss)
        assert torch.isfinite(slope).all()


def test_critic_by_hand() -> None:
    """V = 2, old 1, clip 0.2, R = 1: max(1, 0.2^2) = 1, half is 0.5. R = 3: max(1, 1.8^2) = 3.24, half is 1.62."""
    for target, cost in ((1, 0.5), (3, 1.62)):
        assert value_clip_loss(of(2)[None], of(1)[None], of(target)[None], ROW).item() == pytest.approx(cost)


def test_entropy_by_hand() -> None:
    """Uniform over 4: log 4. Over 2, the others impossible: log 2. Certain: 0, with a finite gradient."""
    logits = torch.tensor(
        [[1.0, 1, 1, 1], [0, 0, -math.inf, -math.inf], [0, -math.inf, -math.inf, -math.inf]], requires_grad=True
    )
    found = entropy(logits)
    torch.testing.assert_close(found, torch.tensor([math.log(4), math.log(2), 0.0]))
    (slope,) = torch.autograd.grad(found.sum(), logits)
    assert torch.isfinite(slope).all()


def test_divergences_by_hand() -> None:
    """log ref - log policy = log 2: k1 = -log 2, k2 = log(2)^2 / 2, k3 = 2 - 1 - log 2."""
    logprob, ref = of(-1), of(-1 + math.log(2))
    assert kl_estimate(logprob, ref, kind="k1").item() == pytest.approx(-math.log(2))
    assert kl_estimate(logprob, ref, kind="k2").item() == pytest.approx(math.log(2) ** 2 / 2)
    assert kl_estimate(logprob, ref, kind="k3").item() == pytest.approx(1 - math.log(2))
    with pytest.raises(ValueError, match="no estimator"):
        kl_estimate(logprob, ref, kind="k4")  # type: ignore[arg-type]


def test_divergence_of_answers_by_hand() -> None:
    """k1 of log-ratios (1, 2) and (3): 3 and 3 an answer, 1.5 and 3 an action."""
    logprobs, ref, mask = of(1, 2, 3, 7).reshape(2, 2), torch.zeros(2, 2, dtype=torch.float64), masked([2, 1], 2)
    assert sequence_kl(logprobs, ref, mask, kind="k1").tolist() == [3.0, 3.0]
    assert sequence_kl(logprobs, ref, mask, kind="k1", per="action").tolist() == [1.5, 3.0]


def test_estimators_average_to_the_divergence() -> None:
    """Over the whole distribution: k1 and k3 exactly, k2 nearly where the two are close."""
    logits = draw(6)
    policy, ref = torch.log_softmax(logits, 0), torch.log_softmax(logits + 0.05 * draw(6, seed=1), 0)
    exact = categorical_kl(policy, ref)
    brute = sum(math.exp(p) * (p - q) for p, q in zip(policy.tolist(), ref.tolist(), strict=True))
    assert exact.item() == pytest.approx(brute)
    for kind, tolerance in (("k1", 1e-9), ("k3", 1e-9), ("k2", 0.1)):
        mean = (policy.exp() * kl_estimate(policy, ref, kind=kind)).sum()  # type: ignore[arg-type]
        assert mean.item() == pytest.approx(exact.item(), rel=tolerance)


def test_as_losses_only_k2_follows_the_divergence() -> None:
    """E[grad k2] is the gradient of KL(policy || ref); k1's is 0; k3's is that of KL(ref || policy)."""
    logits, ref = draw(5).requires_grad_(), torch.log_softmax(draw(5, seed=1), 0)
    policy = torch.log_softmax(logits, 0)

    def expected(kind: str) -> Tensor:
        weighted = policy.detach().exp() * kl_estimate(policy, ref, kind=kind)  # type: ignore[arg-type]
        return torch.autograd.grad(weighted.sum(), logits, retain_graph=True)[0]

    forward = torch.autograd.grad(categorical_kl(policy, ref), logits, retain_graph=True)[0]
    backward = torch.autograd.grad((ref.exp() * (ref - policy)).sum(), logits, retain_graph=True)[0]
    torch.testing.assert_close(expected("k2"), forward)
    torch.testing.assert_close(expected("k1"), torch.zeros_like(forward), atol=1e-12, rtol=0)
    torch.testing.assert_close(expected("k3"), backward)


@given(logprob=st.floats(-30, 0), ref=st.floats(-30, 0))
@settings(deadline=None)
def test_k2_and_k3_are_never_negative(logprob: float, ref: float) -> None:
    assert kl_estimate(of(logprob), of(ref), kind="k2").item() >= 0
    assert kl_estimate(of(logprob), of(ref), kind="k3").item() >= 0


def test_what_cannot_be_chosen_is_left_out_of_the_divergence() -> None:
    logits = torch.tensor([[0.0, 0, -math.inf], [0, 0, 0]], requires_grad=True)
    ref = torch.tensor([[0.0, math.log(3), -math.inf], [0, 0, -math.inf]])
    found = categorical_kl(logits, ref)
    assert found[0].item() == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(2 / 3))
    assert found[1].item() == math.inf
    (slope,) = torch.autograd.grad(found[0], logits)
    assert torch.isfinite(slope[0]).all()
