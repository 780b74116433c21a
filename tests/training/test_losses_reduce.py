"""What all losses share: the weighted mean, shapes, precision, gradients against finite differences."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from training import losses

MASK = torch.tensor([[True, True, True], [True, True, False], [True, False, False], [True, True, True]])
BITS = torch.tensor([True, False, True, True])
HALF = torch.tensor([1.0, 0.0, 0.5, 1.0], dtype=torch.float64)


def draw(*shape: int, seed: int = 0) -> Tensor:
    """Draw numbers in double precision."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# Every loss as a function of what it is differentiated by, and of the weights: (N,) or (N, T) inputs, N = 4, T = 3.
LOSSES: dict[str, tuple[Callable[..., Tensor], tuple[Tensor, ...]]] = {
    "bradley_terry": (
        lambda a, b, c, weights=None, total=None: losses.bradley_terry(
            a, b, HALF, position=c, centre=0.1, label_smoothing=0.1, flip_rate=0.2, weights=weights, total=total
        ),
        (draw(4), draw(4, seed=1), draw(4, seed=2)),
    ),
    "vote_logistic": (
        lambda a, b, c, weights=None, total=None: losses.vote_logistic(
            a, BITS, leniency=b, bias=c, flip_rate=0.1, weights=weights, total=total
        ),
        (draw(4), draw(4, seed=1), draw(4, seed=2)),
    ),
    "nll_sequence": (
        lambda a, weights=None, total=None: losses.nll(a, MASK, weights=weights, total=total),
        (draw(4, 3),),
    ),
    "nll_token": (
        lambda a, weights=None, total=None: losses.nll(a, MASK, normalise="token", weights=weights, total=total),
        (draw(4, 3),),
    ),
    "dpo": (
        lambda a, b, weights=None, total=None: losses.dpo(
            a, b, draw(4, seed=3), draw(4, seed=4), target=HALF, flip_rate=0.2, weights=weights, total=total
        ),
        (draw(4), draw(4, seed=1)),
    ),
    "dpo_lengths": (
        lambda a, b, weights=None, total=None: losses.dpo(
            a,
            b,
            draw(4, seed=3),
            draw(4, seed=4),
            beta=5.0,
            lengths=(torch.tensor([1, 2, 3, 4]), torch.tensor([4, 3, 2, 1])),
            label_smoothing=0.1,
            weights=weights,
            total=total,
        ),
        (draw(4), draw(4, seed=1)),
    ),
    "robust_dpo": (
        lambda a, b, weights=None, total=None: losses.robust_dpo(
            a, b, draw(4, seed=3), draw(4, seed=4), weights=weights, total=total
        ),
        (draw(4), draw(4, seed=1)),
    ),
    "ipo": (
        lambda a, b, weights=None, total=None: losses.ipo(
            a, b, draw(4, seed=3), draw(4, seed=4), weights=weights, total=total
        ),
        (draw(4), draw(4, seed=1)),
    ),
    "kto": (
        lambda a, weights=None, total=None: losses.kto(
            a, draw(4, seed=3), BITS, torch.tensor(0.3), beta=0.7, desirable_weight=1.3, weights=weights, total=total
        ),
        (draw(4),),
    ),
    "noisy_vote": (
        lambda a, b, weights=None, total=None: losses.noisy_vote(
            a, draw(4, seed=3), BITS, bias=b, weights=weights, total=total
        ),
        (draw(4), draw(4, seed=1)),
    ),
    "ppo_token": (
        lambda a, weights=None, total=None: losses.ppo_clip(
            a, draw(4, 3, seed=3), draw(4, 3, seed=4), MASK, weights=weights, total=total
        ),
        (draw(4, 3),),
    ),
    "ppo_sequence": (
        lambda a, weights=None, total=None: losses.ppo_clip(
            a, draw(4, 3, seed=3), draw(4, seed=4), MASK, level="sequence", weights=weights, total=total
        ),
        (draw(4, 3),),
    ),
    "value_clip": (
        lambda a, weights=None, total=None: losses.value_clip_loss(
            a, draw(4, 3, seed=3), draw(4, 3, seed=4), MASK, weights=weights, total=total
        ),
        (draw(4, 3),),
    ),
}
every_loss = pytest.mark.parametrize("name", LOSSES)
PER_ACTION = {"nll_token", "ppo_token", "value_clip"}


@every_loss
def test_gradients_agree_with_finite_differences(name: str) -> None:
    loss, inputs = LOSSES[name]
    leaves = tuple(tensor.clone().requires_grad_() for tensor in inputs)
    assert torch.autograd.gradcheck(lambda *given: loss(*given, weights=HALF + 0.1), leaves)


@every_loss
def test_no_weights_are_equal_weights(name: str) -> None:
    loss, inputs = LOSSES[name]
    torch.testing.assert_close(loss(*inputs), loss(*inputs, weights=torch.full((4,), 7.0)))


@every_loss
def test_an_item_without_weight_is_an_item_that_is_not_there(name: str) -> None:
    """Changing what has weight 0 changes nothing, and it gets no gradient."""
    loss, inputs = LOSSES[name]
    weights = torch.tensor([1.0, 2.0, 0.0, 0.5])
    changed = tuple(tensor.clone() for tensor in inputs)
    for tensor in changed:
        tensor[2] += 1.0
    leaves = tuple(tensor.requires_grad_() for tensor in changed)
    value = loss(*leaves, weights=weights)
    torch.testing.assert_close(value, loss(*inputs, weights=weights))
    value.backward()  # type: ignore[no-untyped-call]
    for leaf in leaves:
        assert leaf.grad is not None
        assert not leaf.grad[2].any()


@every_loss
def test_nothing_with_weight_gives_zero_and_no_gradient(name: str) -> None:
    loss, inputs = LOSSES[name]
    leaves = tuple(tensor.clone().requires_grad_() for tensor in inputs)
    value = loss(*leaves, weights=torch.zeros(4))
    value.backward()  # type: ignore[no-untyped-call]
    assert value.item() == 0.0
    assert all(leaf.grad is not None and not leaf.grad.any() for leaf in leaves)


@every_loss
def test_parts_of_a_step_add_up_under_a_common_total(name: str) -> None:
    """Two micro-batches, one holding one item and one three: dividing each by the step's total gives the whole."""
    loss, inputs = LOSSES[name]
    weights = torch.tensor([0.5, 2.0, 1.0, 0.25], dtype=torch.float64)
    total = (weights[:, None] * MASK).sum() if name in PER_ACTION else weights.sum()
    first, rest = weights.clone(), weights.clone()
    first[1:], rest[:1] = 0.0, 0.0
    parts = loss(*inputs, weights=first, total=total) + loss(*inputs, weights=rest, total=total)
    torch.testing.assert_close(parts, loss(*inputs, weights=weights))


def test_weighted_mean_by_hand() -> None:
    """(1 x 2 + 3 x 4) / (1 + 3) = 3.5; over a total of 7 it is 2."""
    values, weights = torch.tensor([2.0, 4.0]), torch.tensor([1.0, 3.0])
    assert losses.weighted_mean(values, weights).item() == 3.5
    assert losses.weighted_mean(values, weights, total=7.0).item() == 2.0
    assert losses.weighted_mean(torch.empty(0)).item() == 0.0


def test_sums_over_actions_by_hand() -> None:
    """Row 1: -1 - 2 = -3 over 2 actions; row 2: nothing; NaN under a false mask does not count."""
    logprobs = torch.tensor([[-1.0, -2.0, math.nan], [math.nan, -5.0, -5.0]], requires_grad=True)
    mask = torch.tensor([[True, True, False], [False, False, False]])
    assert losses.sequence_sum(logprobs, mask).tolist() == [-3.0, 0.0]
    assert losses.sequence_mean(logprobs, mask).tolist() == [-1.5, 0.0]
    assert losses.sequence_lengths(mask).tolist() == [2, 0]
    losses.sequence_sum(logprobs, mask).sum().backward()  # type: ignore[no-untyped-call]
    assert logprobs.grad is not None
    assert logprobs.grad.tolist() == [[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]


def test_half_precision_is_computed_in_single() -> None:
    """8 sums of 200 x -0.01 in bfloat16 would stall; in float32 they do not."""
    logprobs = torch.full((8, 200), -0.01, dtype=torch.bfloat16)
    total = losses.sequence_sum(logprobs, torch.ones(8, 200, dtype=torch.bool))
    assert total.dtype == torch.float32
    torch.testing.assert_close(total, logprobs.float().sum(1))


def test_shapes_that_would_broadcast_are_refused() -> None:
    column = torch.zeros(4, 1)
    row = torch.zeros(4)
    with pytest.raises(ValueError, match="shapes differ"):
        losses.bradley_terry(column, row, row)
    with pytest.raises(ValueError, match="shapes differ"):
        losses.dpo(row, row, column, row)
    with pytest.raises(ValueError, match="shapes differ"):
        losses.kto(row, row, column, torch.tensor(0.0))
    with pytest.raises(ValueError, match="shapes differ"):
        losses.nll(torch.zeros(4, 3), torch.ones(4, 2, dtype=torch.bool))
    with pytest.raises(ValueError, match="shapes differ"):
        losses.weighted_mean(row, column)


@given(
    values=st.lists(st.floats(-100, 100), min_size=1, max_size=8),
    scale=st.floats(0.01, 100),
    data=st.data(),
)
@settings(max_examples=50, deadline=None)
def test_the_mean_lies_within_its_values_and_ignores_the_scale_of_weights(
    values: list[float], scale: float, data: st.DataObject
) -> None:
    weights = data.draw(st.lists(st.floats(0.1, 10), min_size=len(values), max_size=len(values)))
    items, mass = torch.tensor(values, dtype=torch.float64), torch.tensor(weights, dtype=torch.float64)
    mean = losses.weighted_mean(items, mass)
    assert min(values) - 1e-9 <= mean.item() <= max(values) + 1e-9
    torch.testing.assert_close(mean, losses.weighted_mean(items, mass * scale))
