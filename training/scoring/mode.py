"""Evaluation mode for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def evaluating(model: torch.nn.Module) -> Iterator[None]:
    """Turn dropout and gradient checkpointing off (which drops key-value caches without a word), then back on.

    Module by module, so that a part which was in evaluation mode stays in it. Not thread-safe.

    Args:
        model: Any module.

    Yields:
        None: While the model is in evaluation mode.
    """
    training = [module for module in model.modules() if module.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True
