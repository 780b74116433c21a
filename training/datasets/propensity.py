"""Who votes is not who reads: weights that undo it, from answers that were served and whether anybody judged them.

P(judged | features) by logistic regression, fitted by Newton's method with a small ridge; the weight is its inverse,
clipped and then divided by the mean, so that weighting changes who counts but not how much all count together
(self-normalised inverse propensity; Swaminathan and Joachims 2015, arXiv 1512.07480).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.policy.base import Prompt
from training.records.types import JudgedAnswer, Record

Array = npt.NDArray[np.float64]
_RIDGE = 1.0
_MOST_STEPS = 50


@dataclass(frozen=True, slots=True)
class Impression:
    """An answer that was served, and whether anybody judged it."""

    prompt: Prompt
    shown: JudgedAnswer
    judged: bool


def propensity_factors(
    records: Sequence[Record], impressions: Sequence[Impression], clip: float
) -> tuple[dict[str, float], str]:
    """Weigh records by how unlikely answers like theirs are to be judged.

    Args:
        records: What stands.
        impressions: A sample of what was served in the same time, judged or not.
        clip: Largest inverse propensity before normalising.

    Returns:
        The factor by record id, mean 1 (empty when nothing can be fitted), and a sentence for the data card.
    """
    judged = sum(impression.judged for impression in impressions)
    if not impressions:
        return {}, "Propensity weights are off: no impressions were given."
    if not records or judged in (0, len(impressions)):
        return {}, f"Propensity weights are off: {judged} of {len(impressions)} impressions were judged."
    rows = np.array([_features(seen.prompt, seen.shown) for seen in impressions])  # (n, features)
    centre, scale = rows.mean(axis=0), rows.std(axis=0)
    scale[scale < 1e-9] = 1.0
    weights = _fit((rows - centre) / scale, np.array([seen.judged for seen in impressions], np.float64))
    asked = np.array([_features(record.prompt, record.answers[0]) for record in records])
    chance = _sigmoid(_with_one((asked - centre) / scale) @ weights)  # (records,)
    # Relative to the average chance: an answer as likely to be judged as any weighs 1 before the clip.
    inverse = np.clip((judged / len(impressions)) / np.maximum(chance, 1e-9), 1 / clip, clip)
    inverse /= inverse.mean()
    note = f"Propensity weights from {len(impressions)} impressions, {judged} of them judged; clipped at {clip:g}."
    return {record.record_id: float(factor) for record, factor in zip(records, inverse, strict=True)}, note


def summary(factors: Mapping[str, float]) -> dict[str, float]:
    """Give least, mean and most of some factors."""
    values = list(factors.values()) or [1.0]
    return {"least": min(values), "mean": sum(values) / len(values), "most": max(values)}


def _fit(rows: Array, judged: Array) -> Array:
    """Give intercept and weights, `(features + 1,)`, by iteratively reweighted least squares; the intercept is free."""
    design = _with_one(rows)
    ridge = np.diag([1e-6] + [_RIDGE] * rows.shape[1])
    weights: Array = np.zeros(design.shape[1])
    for _ in range(_MOST_STEPS):
        chance = _sigmoid(design @ weights)
        slope = design.T @ (judged - chance) - ridge @ weights
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design + ridge
        change = np.linalg.solve(curvature, slope)
        weights = weights + change
        if float(np.abs(change).max()) < 1e-8:
            break
    return weights


def _features(prompt: Prompt, shown: JudgedAnswer) -> list[float]:
    """Give what is known of any served answer and may move people to judge it."""
    scores = [passage.score for passage in prompt.passages] or [0.0]
    return [
        math.log1p(len(shown.answer.text)),
        math.log1p(len(prompt.question)),
        float(shown.answer.abstained),
        float(len(prompt.passages)),
        max(scores),
        float(shown.position),
        float(len(prompt.history) > 0),
    ]


def _with_one(rows: Array) -> Array:
    return np.concatenate([np.ones((len(rows), 1)), rows], axis=1)


def _sigmoid(logits: Array) -> Array:
    result: Array = 0.5 * (1 + np.tanh(logits / 2))
    return result
