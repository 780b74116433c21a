"""Choose how strongly the heads are held back, by cross-validation over questions inside the training data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from training.reward.config import RewardConfig
from training.reward.heads import fit_heads
from training.reward.judgements import Judgements

Floats = npt.NDArray[np.float64]
_TRY = 100  # judgements; below that cross-validation chooses at random
_DEFAULT = 100.0


@dataclass(frozen=True)
class Choice:
    """The strengths chosen, and what each answer scored while its prompt was left out."""

    precision: float
    semantic: float  # 0: products are left out
    outside: Floats  # (N,)
    losses: dict[str, float]  # by "precision/semantic": nats a judgement, on left-out prompts

    def precisions(self, columns: int, named: int) -> Floats:
        """Give the precision of each column."""
        return _precisions(self.precision, self.semantic, columns, named)


def choose(
    table: Floats,
    found: Judgements,
    config: RewardConfig,
    named: int,
    *,
    questions: Sequence[str],
    segments: Sequence[str | None] | None = None,
) -> Choice:
    """Try the candidates and keep the best.

    Args:
        table: `(N, D)` standardised rows.
        found: What was judged.
        config: Candidates, folds, seed.
        named: How many of the columns are named features; the others are products.
        questions: Question of each example. One that was asked again is in one fold, or products of its vector would
            look better than they are.
        segments: Segment of each example.

    Returns:
        The choice, with the predictions for left-out prompts that it rests on.
    """
    size = len(found.first) + len(found.answer)
    first = config.precisions if config.precision is None else (config.precision,)
    second = config.semantics if config.semantic is None else (config.semantic,)
    if table.shape[1] == named:
        second = (0.0,)
    if size < _TRY:
        first, second = (config.precision or _DEFAULT,), (config.semantic or 0.0,)
    examples = np.unique(np.concatenate([found.pair_example, found.vote_example]))
    sizes = np.diff(found.offsets).tolist()
    distinct, group = np.unique([questions[at] for at in examples], return_inverse=True)
    folds = min(config.folds, len(distinct))
    place = (np.random.default_rng(config.seed).permutation(len(distinct)) % max(folds, 1))[group]
    by_row = None if segments is None else [name for name, n in zip(segments, sizes, strict=True) for _ in range(n)]
    best, least = Choice(first[0], second[0], np.zeros(len(table)), {}), np.inf
    losses: dict[str, float] = {}
    for precision, semantic in product(first, second):
        outside = np.zeros(len(table))
        loss = 0.0
        columns = table.shape[1] if semantic else named
        strength = _precisions(precision, semantic, columns, named)
        for fold in range(folds if folds > 1 else 0):
            train, test = found.of(examples[place != fold]), found.of(examples[place == fold])
            heads = fit_heads(table[:, :columns], train, config, strength, heads=1, segments=segments)
            rewards = heads.rewards(table[:, :columns], by_row)[:, 0]
            touched = _answers(test)
            outside[touched] = rewards[touched]
            loss += judged_loss(rewards, heads.bias, heads.position, test)
        losses[f"{precision:g}/{semantic:g}"] = loss / max(found.weight, 1e-9)
        if loss < least:
            best, least = Choice(precision, semantic, outside, losses), loss
    return best


def _precisions(precision: float, semantic: float, columns: int, named: int) -> Floats:
    strength = np.full(columns, precision, np.float64)  # a config may say 100
    strength[named:] = semantic if semantic else np.inf
    return strength


def _answers(found: Judgements) -> npt.NDArray[np.int64]:
    rows: npt.NDArray[np.int64] = np.unique(np.concatenate([found.first, found.second, found.answer]))
    return rows


def judged_loss(rewards: Floats, bias: float, position: float, found: Judgements) -> float:
    """Give the summed log-loss of judgements, nats; voters are new, so no leniency is known.

    Args:
        rewards: `(N,)`.
        bias: Of a typical vote.
        position: Advantage of the first place.
        found: What was judged.

    Returns:
        Weighted sum.
    """
    margins = rewards[found.first] - rewards[found.second] + position * found.ordered
    votes = rewards[found.answer] + bias
    total = found.pair_weight @ _nll(margins, found.target) + found.vote_weight @ _nll(votes, found.up)
    return float(total)


def _nll(logits: Floats, targets: Floats) -> Floats:
    values: Floats = np.logaddexp(0.0, -logits) * targets + np.logaddexp(0.0, logits) * (1.0 - targets)
    return values
