"""Which examples a step takes: a pure function of seed and step, so that a resumed run takes the same."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from training.updates.config import UpdateConfig


def step_size(config: UpdateConfig, size: int) -> int:
    """Give how many of `size` prompts a step takes."""
    return min(config.groups_per_step or size, size)


def step_count(config: UpdateConfig, size: int) -> int:
    """Give how many optimiser steps a run over `size` prompts has, one for each set of prompts."""
    if config.steps:
        return config.steps
    return max(-(-round(config.epochs * size) // step_size(config, size)), 1)


def places(config: UpdateConfig, size: int, step: int) -> list[int]:
    """Give the places that a step takes.

    Every epoch has its own order. A step that reaches the end of one goes on in the next, so that all steps are of one
    size and all examples are seen equally often.

    Args:
        config: Seed and size of a step.
        size: Number of prompts.
        step: From 0.

    Returns:
        Places in [0, size), ascending: the order within a step is of no account, and a step that takes everything is
        the same each time, so that what was packed for one serves the next.
    """
    each = step_size(config, size)
    return sorted(_epoch(config.seed, at // size, size)[at % size] for at in range(step * each, (step + 1) * each))


@lru_cache(maxsize=4)
def _epoch(seed: int, epoch: int, size: int) -> list[int]:
    order: list[int] = np.random.default_rng((seed, epoch)).permutation(size).tolist()
    return order
