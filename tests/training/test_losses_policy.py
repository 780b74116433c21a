"""Losses of a policy on imitation, comparisons and votes."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from training.losses import (
    dpo,
    implicit_margin,
    ipo,
    kto,
    kto_reference_point,
    nll,
    noisy_vote,
    robust_dpo,
)

LOG3 = math.log(3)
logprobs = st.floats(-50, 0)


def of(*numbers: float) -> Tensor:
    """Give numbers in double precision."""
    return torch.tensor(numbers, dtype=torch.float64)


def test_nll_by_hand() -> None:
    """Answers (-1, -2, -3) and (-4): by sequence (2 + 4) / 2 = 3; by token 10 / 4 = 2.5.

    With weights 1 and 3: by sequence (2 + 12) / 4 = 3.5; by token (6 + 12) / (3 + 3) = 3.
    """
    values = torch.tensor([[-1.0, -2, -3], [-4, 99, 99]])
    mask = torch.tensor([[True, True, True], [True, False, False]])
    weights = of(1, 3)
    assert nll(values, mask).item() == pytest.approx(3)
    assert nll(values, mask, normalise="token").item() == pytest.approx(2.5)
    assert nll(values, mask, weights=weights).item() == pytest.approx(3.5)
    assert nll(values, mask, normalise="token", weights=weights).item() == pytest.approx(3)


def test_an_answer_without_actions_costs_nothing_and_is_no_number_short() -> None:
    values, mask = torch.tensor([[-1.0], [-1.0]]), torch.tensor([[True], [False]])
    assert nll(values, mask, normalise="token").item() == 1.0
    assert nll(values, mask).item() == 0.5


def test_dpo_by_hand() -> None:
    """Policy (-1, -3), reference (-2, -2): Delta = 1 - (-1) = 2; beta = log(3) / 2 makes the logit log 3.

    Plain: log 4/3. cDPO s = 1/4: 3/4 log 4/3 + 1/4 log 4. Flips e = 1/4: log 8/5.
    Robust e = 1/4: (3/4 log 4/3 - 1/4 log 4) / (1/2). IPO beta = 1/2: (2 - 1)^2 = 1.
    """
    pair = of(-1), of(-3), of(-2), of(-2)
    beta = LOG3 / 2
    assert implicit_margin(*pair).tolist() == [2.0]
    assert dpo(*pair, beta=beta).item() == pytest.approx(math.log(4 / 3))
    assert dpo(*pair, beta=beta, label_smoothing=0.25).item() == pytest.approx(
        0.75 * math.log(4 / 3) + 0.25 * math.log(4)
    )
    assert dpo(*pair, beta=beta, flip_rate=0.25).item() == pytest.approx(math.log(8 / 5))
    assert robust_dpo(*pair, beta=beta, flip_rate=0.25).item() == pytest.approx(
        (0.75 * math.log(4 / 3) - 0.25 * math.log(4)) / 0.5
    )
    assert ipo(*pair, beta=0.5).item() == pytest.approx(1)


def test_length_normalised_dpo_by_hand() -> None:
    """Log-ratios 6 over 3 actions and -1 over 1: Delta = 2 + 1 = 3; beta = log(3) / 3 gives log 4/3."""
    loss = dpo(of(-1), of(-3), of(-7), of(-2), beta=LOG3 / 3, lengths=(torch.tensor([3]), torch.tensor([1])))
    assert loss.item() == pytest.approx(math.log(4 / 3))


@given(values=st.lists(logprobs, min_size=4, max_size=4), shift=st.floats(-20, 20))
@settings(deadline=None)
def test_dpo_swapped_is_dpo_of_the_other_winner_and_knows_only_ratios(values: list[float], shift: float) -> None:
    chosen, rejected, ref_chosen, ref_rejected = (of(value) for value in values)
    swapped = dpo(rejected, chosen, ref_rejected, ref_chosen, flip_rate=0.2)
    as_loser = dpo(chosen, rejected, ref_chosen, ref_rejected, target=of(0), flip_rate=0.2)
    torch.testing.assert_close(swapped, as_loser)
    shifted = dpo(chosen + shift, rejected, ref_chosen + shift, ref_rejected)
    torch.testing.assert_close(shifted, dpo(chosen, rejected, ref_chosen, ref_rejected), rtol=1e-9, atol=1e-9)


@given(values=st.lists(logprobs, min_size=4, max_size=4))
@settings(deadline=None)
def test_without_noise_all_forms_are_plain_dpo(values: list[float]) -> None:
    pair = tuple(of(value) for value in values)
    plain = -torch.nn.functional.logsigmoid(0.1 * (pair[0] - pair[2] - pair[1] + pair[3])).mean()
    torch.testing.assert_close(dpo(*pair), plain)
    torch.testing.assert_close(dpo(*pair, label_smoothing=0.0, flip_rate=0.0), plain)
    torch.testing.assert_close(robust_dpo(*pair, flip_rate=0.0), plain)


@given(delta=st.floats(-20, 20), rate=st.floats(0, 0.45))
@settings(deadline=None)
def test_robust_dpo_is_unbiased_under_flips(delta: float, rate: float) -> None:
    """(1 - e) L(as given) + e L(flipped) is the loss on the clean label."""
    zero = of(0)
    given_ = robust_dpo(of(delta), zero, zero, zero, flip_rate=rate)
    flipped = robust_dpo(zero, of(delta), zero, zero, flip_rate=rate)
    torch.testing.assert_close(
        (1 - rate) * given_ + rate * flipped, dpo(of(delta), zero, zero, zero), rtol=1e-9, atol=1e-9
    )


def test_dpo_raises_the_chosen_lowers_the_rejected_and_leaves_the_reference() -> None:
    leaves = [of(-5).requires_grad_() for _ in range(4)]
    dpo(*leaves).backward()  # type: ignore[no-untyped-call]
    chosen, rejected, ref_chosen, ref_rejected = leaves
    assert chosen.grad is not None
    assert rejected.grad is not None
    assert chosen.grad.item() == pytest.approx(-0.05)  # -beta x sigmoid(0)
    assert rejected.grad.item() == pytest.approx(0.05)
    assert ref_chosen.grad is None
    assert ref_rejected.grad is None


def test_a_tie_pulls_the_margin_to_zero() -> None:
    chosen = of(-1, -9).requires_grad_()  # above, and below, its reference
    dpo(chosen, of(-5, -5), of(-5, -5), of(-5, -5), beta=1.0, target=of(0.5, 0.5)).backward()  # type: ignore[no-untyped-call]
    assert chosen.grad is not None
    assert chosen.grad[0] > 0 > chosen.grad[1]


def test_pairs_a_sure_policy_calls_mislabelled_lose_their_pull_under_flips() -> None:
    def pull(*, label_smoothing: float = 0.0, flip_rate: float = 0.0) -> float:
        chosen, zero = of(-20).requires_grad_(), of(0)
        loss = dpo(chosen, zero, zero, zero, beta=1.0, label_smoothing=label_smoothing, flip_rate=flip_rate)
        return float(torch.autograd.grad(loss, chosen)[0])

    assert pull(label_smoothing=0.25) == pytest.approx(-0.75, abs=1e-6)
    assert abs(pull(flip_rate=0.25)) < 1e-6


@pytest.mark.parametrize("size", [1e4, -1e4])
def test_huge_margins_stay_finite(size: float) -> None:
    chosen = torch.tensor([size], requires_grad=True)
    zero = torch.zeros(1)
    for loss in (
        dpo(chosen, zero, zero, zero, beta=1.0),
        dpo(chosen, zero, zero, zero, beta=1.0, flip_rate=0.25),
        robust_dpo(chosen, zero, zero, zero, beta=1.0),
        kto(chosen, zero, torch.tensor([True]), torch.tensor(0.0), beta=1.0),
        noisy_vote(chosen, zero, torch.tensor([True])),
    ):
        (slope,) = torch.autograd.grad(loss, chosen)
        assert torch.isfinite(loss)
        assert torch.isfinite(slope).all()


def test_kto_by_hand() -> None:
    """Log-ratio 2, z_0 = 1, beta = log 3: desirable 1 - 3/4; undesirable 1 - 1/4. lambda_D = 2: mean of 1/2 and 3/4."""
    loss = kto(of(-1, -1), of(-3, -3), torch.tensor([True, False]), of(1)[0], beta=LOG3, desirable_weight=2.0)
    assert loss.item() == pytest.approx((2 * 0.25 + 0.75) / 2)


def test_the_reference_point_of_kto_is_never_negative_and_carries_no_gradient() -> None:
    """Mean of (3, -1) is 1; of (-3, 1) it is -1, taken as 0; of nothing it is 0."""
    policy = of(-1, -3).requires_grad_()
    point = kto_reference_point(policy, of(-4, -2))
    assert point.item() == 1.0
    assert not point.requires_grad
    assert kto_reference_point(of(-4, -2), of(-1, -3)).item() == 0.0
    assert kto_reference_point(of(), of()).item() == 0.0
    assert kto_reference_point(of(0, 0), of(-4, -2), weights=of(3, 1)).item() == 3.5
    kl = of(-5)[0].requires_grad_()
    loss = kto(of(0).requires_grad_(), of(0), torch.tensor([True]), kl)
    assert loss.item() == pytest.approx(0.5)
    loss.backward()  # type: ignore[no-untyped-call]
    assert kl.grad is None


@given(policy=logprobs, ref=logprobs, kl=st.floats(0, 10), beta=st.floats(0.01, 2))
@settings(deadline=None)
def test_kto_is_bounded_and_votes_pull_their_own_way(policy: float, ref: float, kl: float, beta: float) -> None:
    leaf = of(policy, policy).requires_grad_()
    loss = kto(leaf, of(ref, ref), torch.tensor([True, False]), of(kl)[0], beta=beta)
    assert 0 <= loss.item() <= 1
    (slope,) = torch.autograd.grad(loss, leaf)
    assert slope[0] <= 0 <= slope[1]
    assert slope[0].item() == pytest.approx(-slope[1].item())


def test_noisy_vote_by_hand() -> None:
    """Log-ratio 2 log 3, beta 1/2, b = 0: sigmoid 3/4, so p = 5/8; up costs log 8/5, down log 8/3.

    With b = -log 3 the sigmoid is 1/2, and p a half whatever e is.
    """
    policy, ref = of(2 * LOG3), of(0)
    for up, cost in ((True, math.log(8 / 5)), (False, math.log(8 / 3))):
        loss = noisy_vote(policy, ref, torch.tensor([up]), beta=0.5)
        assert loss.item() == pytest.approx(cost)
    assert noisy_vote(policy, ref, torch.tensor([True]), beta=0.5, bias=-LOG3).item() == pytest.approx(math.log(2))
    plain = noisy_vote(policy, ref, torch.tensor([True]), beta=0.5, flip_rate=0.0)
    assert plain.item() == pytest.approx(math.log(4 / 3))


def test_the_reference_of_votes_gets_no_gradient() -> None:
    policy, ref, up = of(-1).requires_grad_(), of(-1).requires_grad_(), torch.tensor([True])
    (kto(policy, ref, up, of(0)[0]) + noisy_vote(policy, ref, up)).backward()  # type: ignore[no-untyped-call]
    assert policy.grad is not None
    assert ref.grad is None
