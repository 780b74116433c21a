"""The heads: linear rewards over a representation, fitted together with the nuisances of judging.

One posterior for all judgements: Bradley-Terry on pairs with an advantage of the first place, logistic on votes with a
leniency per voter and a common bias. Each head sees its own Bayesian bootstrap of the prompts (Rubin 1981) and is drawn
to its own sample of the prior (randomised prior functions, Osband et al. 2018, arXiv 1806.03335, section 3): where
there was nothing to learn from the heads keep disagreeing, which is what an uncertainty is for. Convex without a flip
rate, solved by L-BFGS in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from training.losses import bradley_terry, shrink, vote_logistic
from training.reward.config import RewardConfig
from training.reward.judgements import Judgements
from training.reward.look import Look
from training.reward.representation import Record

Array = npt.NDArray[np.float64]
_STEPS = 200  # of L-BFGS; about 30 suffice


@dataclass(frozen=True)
class Heads:
    """Rewards and nuisances as fitted. Only `weights`, `bias` and `segments` score; the rest is reported."""

    weights: Array  # (H, D) over standardised columns
    bias: float  # logit of an up vote from a typical voter on an average answer; 0 without votes
    position: float  # advantage of the first place, logits
    leniency: dict[str, float]  # by voter, logits
    segments: dict[str, Array]  # by segment (D,), added to every head

    def rewards(self, rows: Array, segments: Sequence[str | None] | None = None) -> Array:
        """Give the rewards of standardised rows without bias, `(N, H)`; `segments` has the segment of each row."""
        found: Array = rows @ self.weights.T
        for name, delta in self.segments.items():
            mine = np.array([segment == name for segment in segments or ()], bool)
            if mine.any():
                found[mine] += (rows[mine] @ delta)[:, None]
        return found


def fit_heads(
    rows: Array,
    found: Judgements,
    config: RewardConfig,
    precision: Array,
    *,
    heads: int | None = None,
    segments: Sequence[str | None] | None = None,
    record: Record | None = None,
    look: Look | None = None,
) -> Heads:
    """Fit all heads at once.

    Args:
        rows: `(N, D)` standardised representation of every answer.
        found: What was judged; rows point into `rows`.
        config: Strength of the priors, noise, seed.
        precision: `(D,)` inverse variance of the prior of each column; infinite keeps a weight at zero.
        heads: How many; 1 gives the plain posterior mode without bootstrap. None takes the number of the config.
        segments: Segment of each example, where segments are to be learnt.
        record: Told the loss each time it is computed.
        look: Shown the weights and the bias each time.

    Returns:
        The fitted heads.
    """
    count = config.heads if heads is None else heads
    open_ = np.isfinite(precision)
    table = torch.from_numpy(np.ascontiguousarray(rows[:, open_], dtype=np.float64))
    strength = torch.from_numpy(precision[open_])
    boot, prior = _draws(count, len(found.offsets) - 1, strength, config.seed)
    voters = sorted({*found.vote_voter})
    named = sorted({name for name in segments or () if name is not None}) if config.segments else []
    problem = _Problem(table, found, config, boot, prior, strength, voters, _places(segments, named, found), len(named))

    def now() -> Array:
        weights = np.zeros((count, rows.shape[1]))
        weights[:, open_] = problem.weights.detach().numpy()
        return weights

    def watch(computed: int, loss: float) -> None:
        if record is not None:
            record("loss", computed, loss)
        if look is not None:
            look(computed, now(), float(problem.bias.detach()))

    problem.solve(watch)
    deltas = {}
    for at, name in enumerate(named):
        deltas[name] = np.zeros(rows.shape[1])
        deltas[name][open_] = problem.deltas.detach().numpy()[at]
    return Heads(
        weights=now(),
        bias=float(problem.bias.detach()) if len(found.answer) else 0.0,
        position=float(problem.position.detach()),
        leniency=dict(zip(voters, problem.leniency.detach().tolist(), strict=True)),
        segments=deltas,
    )


class _Problem:
    """The objective and its unknowns, all heads beside each other."""

    def __init__(
        self,
        table: Tensor,
        found: Judgements,
        config: RewardConfig,
        boot: Tensor,
        prior: Tensor,
        strength: Tensor,
        voters: list[str],
        places: Tensor | None,
        segments: int,
    ) -> None:
        self._found, self._config, self._prior, self._strength = found, config, prior, strength
        count = len(prior)
        place = {voter: at for at, voter in enumerate(voters)}
        self._voter = torch.tensor([place[voter] for voter in found.vote_voter], dtype=torch.int64)
        self._table, self._places = table, places
        self._total = max(found.weight, 1e-9)
        self._pair_weight = boot[:, torch.from_numpy(found.pair_example)] * torch.from_numpy(found.pair_weight)
        self._vote_weight = boot[:, torch.from_numpy(found.vote_example)] * torch.from_numpy(found.vote_weight)
        self._rows = [torch.from_numpy(rows) for rows in (found.first, found.second, found.answer)]
        self._target = torch.from_numpy(found.target).expand(count, -1).reshape(-1)
        self._up = torch.from_numpy(found.up).expand(count, -1).reshape(-1)
        self._ordered = torch.from_numpy(found.ordered).expand(count, -1).reshape(-1)
        size = table.shape[1]
        self.weights = prior.clone().requires_grad_()
        self.bias = torch.zeros((), dtype=torch.float64, requires_grad=True)
        self.position = torch.zeros((), dtype=torch.float64, requires_grad=True)
        self.leniency = torch.zeros(len(voters), dtype=torch.float64, requires_grad=True)
        self.deltas = torch.zeros((segments, size), dtype=torch.float64, requires_grad=True)

    def solve(self, watch: Callable[[int, float], None]) -> None:
        """Minimise; `watch` is told how often the loss was computed, and the loss."""
        computed = 0
        unknown = [self.weights, self.bias, self.position, self.leniency, self.deltas]
        solver = torch.optim.LBFGS(
            unknown, max_iter=_STEPS, tolerance_grad=1e-8, tolerance_change=1e-12, line_search_fn="strong_wolfe"
        )

        def closure() -> Tensor:
            nonlocal computed
            solver.zero_grad()
            loss = self._loss()
            loss.backward()  # type: ignore[no-untyped-call]
            computed += 1
            watch(computed, float(loss.detach()))
            return loss

        solver.step(closure)  # type: ignore[no-untyped-call]

    def _loss(self) -> Tensor:
        config, count = self._config, len(self.weights)
        rewards = self.weights @ self._table.T  # (H, N)
        if self._places is not None and len(self.deltas):
            with_none = torch.cat([self.deltas, torch.zeros_like(self.deltas[:1])])  # the last row: no segment
            rewards = rewards + (self._table * with_none[self._places]).sum(-1)
        first, second, judged = (rewards[:, rows].reshape(-1) for rows in self._rows)
        pairs = bradley_terry(
            first,
            second,
            self._target,
            position=self.position * self._ordered,
            weights=self._pair_weight.reshape(-1),
            label_smoothing=config.label_smoothing,
            flip_rate=config.flip_rate,
            total=self._total * count,
        )
        votes = vote_logistic(
            judged,
            self._up,
            leniency=self.leniency[self._voter].expand(count, -1).reshape(-1),
            bias=self.bias,
            weights=self._vote_weight.reshape(-1),
            label_smoothing=config.label_smoothing,
            flip_rate=config.flip_rate,
            total=self._total * count,
        )
        held = 0.5 * (self._strength * (self.weights - self._prior).square()).sum() / (self._total * count)
        nuisance = shrink(self.leniency, config.voter_precision, total=self._total)
        nuisance = nuisance + shrink(self.position, config.position_precision, total=self._total)
        nuisance = nuisance + shrink(self.deltas, config.segment_precision, total=self._total)
        nuisance = nuisance + shrink(self.bias, 0.01, total=self._total)
        return pairs + votes + held + nuisance


def _draws(count: int, examples: int, strength: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Give the weight of each example for each head `(H, E)` and each head's sample of the prior `(H, D)`."""
    if count == 1:
        return torch.ones((1, examples), dtype=torch.float64), torch.zeros((1, len(strength)), dtype=torch.float64)
    rng = np.random.default_rng(seed)
    boot = rng.standard_exponential((count, examples))
    boot /= boot.mean(axis=1, keepdims=True)
    drawn = rng.standard_normal((count, len(strength)))
    drawn -= drawn.mean(axis=0)  # the heads disagree about what is unknown, but lean nowhere together
    return torch.from_numpy(boot), torch.from_numpy(drawn) / strength.sqrt()


def _places(segments: Sequence[str | None] | None, named: list[str], found: Judgements) -> Tensor | None:
    """Give for each answer row the number of its segment, the number of segments where it has none."""
    if segments is None or not named:
        return None
    place = {name: at for at, name in enumerate(named)}
    of_example = np.array([place.get(name or "", len(named)) for name in segments], np.int64)
    return torch.from_numpy(np.repeat(of_example, np.diff(found.offsets)))
