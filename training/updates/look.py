"""Looking at a policy in training: its loss on held-out judgements, and what its own answers have become."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from training.losses import sequence_kl
from training.policy.base import Answer, Prompt, PromptTooLong, Sampling
from training.reward.base import RewardModel
from training.updates.config import UpdateConfig
from training.updates.guard import Look
from training.updates.objective import HasGroup, JudgedObjective
from training.updates.terms import Scored, add_up, figures
from training.updates.trainable import CannotScore, Trainable


def look(
    trainable: Trainable,
    config: UpdateConfig,
    *,
    step: int,
    prompts: Sequence[Prompt],
    held_out: JudgedObjective | None,
    reward: RewardModel | None = None,
) -> Look:
    """Evaluate a policy as it is now. Draws with seeds of its own, so that two looks differ by the weights alone.

    Args:
        trainable: The policy.
        config: How much to draw, and what the held-out loss is.
        step: Recorded.
        prompts: What the policy answers.
        held_out: Judgements that are not trained on; None where there are none.
        reward: Scores the policy's own answers, where there is a model for it.

    Returns:
        What was seen.
    """
    sampling = Sampling(temperature=1.0, max_tokens=config.evaluate_tokens)
    # Each prompt has a seed of its own: with one for all, every answer would be drawn by the same luck.
    seeds = np.random.SeedSequence(config.seed).generate_state(len(prompts)).tolist() if prompts else []
    with torch.no_grad():
        asked, answers = _answered(trainable, prompts, sampling, seeds)
        loss, seen = (
            held_out_loss(trainable, held_out, config) if held_out is not None and len(held_out) else (None, {})
        )
        drift = _log_ratios(trainable, asked, answers)
    if reward is not None and answers:
        scores = reward.score(asked, [[answer] for answer in answers])
        seen["reward"] = sum(float(score.mean[0]) for score in scores) / len(answers)
    count = len(answers) or 1
    kl, kl_error = _mean(drift)
    words, words_error = _mean([float(len(answer.text.split())) for answer in answers])
    return Look(
        step=step,
        loss=loss,
        kl=kl,
        words=words,
        abstained=sum(answer.abstained or not answer.text.strip() for answer in answers) / count,
        distinct=len({answer.text for answer in answers}) / count,
        figures=seen,
        answers=len(answers),
        kl_error=kl_error,
        words_error=words_error,
    )


def held_out_loss(
    trainable: Trainable, objective: JudgedObjective, config: UpdateConfig
) -> tuple[float, dict[str, float]]:
    """Give the objective on held-out judgements, without penalties, and its figures.

    Args:
        trainable: The policy.
        objective: Of the held-out items.
        config: How many groups are scored together.

    Returns:
        Nats a judgement, weighted; and accuracy, margin and so on.
    """
    total: float = 0.0
    sums: dict[str, float] = {}
    for chunk in chunks(objective.items(range(len(objective)), 0), config.groups_at_once):
        with torch.no_grad():
            loss, parts = objective.loss(chunk, score(trainable, chunk), 1.0)
        total += float(loss)
        add_up(sums, parts)
    return total, figures(sums)


def score(trainable: Trainable, items: Sequence[HasGroup]) -> Scored:
    """Score the groups of some items under the policy and under the base.

    Args:
        trainable: The policy.
        items: Prepared.

    Returns:
        Their rows, one group after the other.
    """
    logprobs, mask = trainable.logprobs_many([item.group for item in items])
    reference = torch.zeros_like(logprobs, requires_grad=False)
    row = 0
    for item in items:
        values, _ = trainable.reference_logprobs(item.group)
        reference[row : row + len(values), : values.shape[1]] = values
        row += len(values)
    return Scored(logprobs, mask, reference)


def chunks(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Cut items into parts of a size; 0 takes all at once."""
    size = size or len(items) or 1
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _answered(
    trainable: Trainable, prompts: Sequence[Prompt], sampling: Sampling, seeds: Sequence[int]
) -> tuple[list[Prompt], list[Answer]]:
    """Draw an answer to every prompt that the policy can take; the others are left out."""
    asked, answers = [], []
    for prompt, seed in zip(prompts, seeds, strict=True):
        with suppress(PromptTooLong):
            answers += trainable.draw(prompt, 1, replace(sampling, seed=seed))
            asked.append(prompt)
    return asked, answers


def _log_ratios(trainable: Trainable, prompts: Sequence[Prompt], answers: Sequence[Answer]) -> list[float]:
    """Give log pi - log base of the policy's own answers, nats; their mean is KL(policy || base).

    Of few answers the other estimators are ruled by the rare one that the base found far likelier, and would stop a run
    for it.
    """
    found = []
    for prompt, answer in zip(prompts, answers, strict=True):
        try:
            group = trainable.prepare(prompt, [answer])
        except CannotScore:
            continue
        logprobs, mask = trainable.logprobs(group)
        reference, _ = trainable.reference_logprobs(group)
        found.append(float(sequence_kl(logprobs, reference, mask, kind="k1")[0]))
    return found


def _mean(values: Sequence[float]) -> tuple[float, float]:
    """Give the mean and its standard error; zeros where there is nothing."""
    if not values:
        return 0.0, 0.0
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0.0
    return float(np.mean(values)), float(error)
