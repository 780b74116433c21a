"""Checkpoints of a run: whole or absent, checksummed, without pickle.

RUN/checkpoints/
  CURRENT              which one counts, and the one before it
  checkpoint-000007/   tensors.safetensors, and manifest.json: its size and SHA-256, and all that is not a tensor

A run that goes on from a checkpoint takes the same steps as one that was never stopped, bit for bit on a CPU. A damaged
checkpoint gives way to the one before; when none can be read, the run starts over, which costs time and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from retrieval.durable import open_current, prune, publish_generation, write_file_atomic
from retrieval.errors import IndexCorrupt

_log = logging.getLogger(__name__)
CHECKPOINTS = "checkpoints"
_KEPT = 2
_TENSORS = "tensors.safetensors"
_PARTS = ("weights", "good", "optimiser", "random")


class OtherRun(ValueError):
    """The directory holds checkpoints of a run on other data or with another configuration."""


@dataclass(frozen=True)
class Checkpoint:
    """Everything that a step depends on."""

    step: int  # optimiser steps taken
    weights: Mapping[str, Tensor]
    good: Mapping[str, Tensor]  # the weights to keep so far
    optimiser: Mapping[str, Tensor]
    random: Mapping[str, Tensor]  # states of torch's generators, uint8
    state: Mapping[str, Any]  # what JSON can hold: looks, the objective's state, why it stopped


def write_checkpoint(run_dir: Path, checkpoint: Checkpoint, fingerprint: str) -> None:
    """Write a checkpoint and make it count.

    Args:
        run_dir: Directory of the run.
        checkpoint: Where the run is.
        fingerprint: Of data and configuration.

    Raises:
        StorageFull: The disk refused it; the one before still counts.
    """
    tensors = {
        f"{part}/{name}": value.detach().cpu().contiguous()
        for part in _PARTS
        for name, value in getattr(checkpoint, part).items()
    }
    data = save(tensors)  # one file: every file costs three waits for the disk
    publish_generation(
        run_dir / CHECKPOINTS,
        lambda directory: write_file_atomic(directory / _TENSORS, data),
        prefix="checkpoint-",
        metadata={"step": checkpoint.step, "fingerprint": fingerprint, "state": checkpoint.state},
    )
    prune(run_dir / CHECKPOINTS, _KEPT)


def read_checkpoint(run_dir: Path, fingerprint: str) -> Checkpoint | None:
    """Read the newest checkpoint that is whole.

    Args:
        run_dir: Directory of the run.
        fingerprint: Of data and configuration.

    Returns:
        The checkpoint; None where there is none that can be read.

    Raises:
        OtherRun: It belongs to other data or another configuration.
    """
    parent = run_dir / CHECKPOINTS
    if not parent.is_dir():
        return None
    try:
        found = open_current(parent)
    except IndexCorrupt as error:
        _log.warning("no checkpoint of %s can be read, so it starts over: %s", run_dir, error)
        return None
    if found is None:
        return None
    if found.is_fallback:
        _log.warning("the newest checkpoint of %s is damaged; going on from %s", run_dir, found.path.name)
    head = found.manifest.metadata
    if head["fingerprint"] != fingerprint:
        raise OtherRun(
            f"{run_dir} holds checkpoints of a run on other data or with another configuration: give a new directory, "
            f"or remove {parent}"
        )
    parts: dict[str, dict[str, Tensor]] = {part: {} for part in _PARTS}
    for key, value in load_file(found.path / _TENSORS).items():
        part, name = key.split("/", 1)
        parts[part][name] = value
    return Checkpoint(step=head["step"], state=head["state"], **parts)


def fingerprint(settings: Mapping[str, Any], shapes: Mapping[str, Sequence[int]], data: Sequence[str]) -> str:
    """Hash what must be the same for a run to go on.

    Args:
        settings: The configuration.
        shapes: Of the weights, by name.
        data: Keys of what is trained on and looked at, in order.

    Returns:
        A SHA-256 in hexadecimal.
    """
    what = [dict(settings), {name: list(shape) for name, shape in shapes.items()}, list(data)]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


def optimiser_tensors(optimiser: torch.optim.Optimizer, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the state of an optimiser by name of the weight and of the average."""
    return {
        f"{name}|{part}": value
        for name, leaf in weights.items()
        for part, value in optimiser.state.get(leaf, {}).items()
    }


def restore_optimiser(
    optimiser: torch.optim.Optimizer, weights: Mapping[str, Tensor], tensors: Mapping[str, Tensor]
) -> None:
    """Take it back, in place."""
    for key, value in tensors.items():
        name, part = key.rsplit("|", 1)
        leaf = weights[name]
        # Adam counts its steps on the CPU, whatever the device of the weights.
        optimiser.state[leaf][part] = value.clone() if part == "step" else value.to(leaf.device, copy=True)


def random_states() -> dict[str, Tensor]:
    """Give the states of torch's generators; only dropout draws from them."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states |= {f"cuda{number}": state for number, state in enumerate(torch.cuda.get_rng_state_all())}
    return states


def restore_random(states: Mapping[str, Tensor]) -> None:
    """Take them back; those of devices that are not there are left out."""
    torch.set_rng_state(states["cpu"])
    for number in range(torch.cuda.device_count()):
        if (state := states.get(f"cuda{number}")) is not None:
            torch.cuda.set_rng_state(state, number)
