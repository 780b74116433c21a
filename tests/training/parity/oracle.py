"""TRL's own methods on objects made by hand, and a model that gives the tensors we chose."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import warnings
from collections import defaultdict
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor


def import_trl(module: str, *, version: str) -> ModuleType:
    """Import a module of TRL, or skip where that release is not installed."""
    if importlib.util.find_spec("trl") is None:
        pytest.skip("TRL is not installed", allow_module_level=True)
    found = importlib.metadata.version("trl")
    if found != version:
        pytest.skip(f"TRL {version} wanted, {found} installed", allow_module_level=True)
    for name in ("HF_HUB_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "TRL_EXPERIMENTAL_SILENCE"):
        os.environ.setdefault(name, "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module(module)


class OneProcess:
    """What trainers ask of accelerate when there is one process."""

    device = torch.device("cpu")
    process_index = 0
    num_processes = 1

    @staticmethod
    def gather(values: Any) -> Any:
        """Give back what this process has."""
        return values

    gather_for_metrics = gather

    @staticmethod
    def reduce(values: Any, reduction: str = "sum") -> Any:
        """Give back what this process has."""
        del reduction
        return values


class Gives:
    """A model that gives the log-probabilities we chose, whatever it is asked."""

    training = True

    def __init__(self, *log_probs: Tensor) -> None:
        self.queue = list(log_probs)

    def __call__(self, **inputs: Any) -> SimpleNamespace:
        log_probs = self.queue.pop(0)
        blank = torch.zeros_like(log_probs)
        return SimpleNamespace(
            log_probs=log_probs, entropy=blank, mean_logits=blank, is_top1=blank.bool(), log_sum_sq_probs=blank
        )


def bare(trainer: type, **attributes: Any) -> Any:
    """Make a trainer without running its constructor."""
    made: Any = object.__new__(trainer)
    made.__dict__.update(
        accelerator=OneProcess(),
        model=SimpleNamespace(training=True),
        aux_loss_enabled=False,
        _metrics={"train": defaultdict(list), "eval": defaultdict(list)},
        _total_train_tokens=0,
        _tp_size=1,
    )
    made.__dict__.update(attributes)
    return made


def answers(rows: int, actions: int, *, seed: int) -> tuple[Tensor, Tensor]:
    """Draw log-probabilities `(rows, actions)` of answers of different lengths, and their mask."""
    source = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, actions + 1, (rows,), generator=source)
    mask = torch.arange(actions)[None] < lengths[:, None]
    logprobs = -3 * torch.rand(rows, actions, generator=source)
    return torch.where(mask, logprobs, 0.0), mask


def agree(ours: Tensor, theirs: Tensor, leaf: Tensor) -> None:
    """Check that two losses are one, and their gradients by a leaf."""
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-7)
    mine, other = (torch.autograd.grad(loss, leaf, retain_graph=True)[0] for loss in (ours, theirs))
    assert mine.any()
    torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-7)
