"""Versions to publish: a real adapter, and verdicts of both kinds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from training.gate import Check, Verdict
from training.policy.extractive import Residual, adapter_files
from training.policy.extractive.features import HALT_FEATURES, POINTER_FEATURES
from training.registry import BASE, ModelCard, Registry, Version


def verdict(*, passed: bool = True, candidate: str = "trained", champion: str = BASE) -> dict[str, Any]:
    outcome = "passed" if passed else "failed"
    check = Check("win rate", "promotion", outcome, "shown on 300 prompts" if passed else "not shown")
    return Verdict(candidate, champion, (check,)).as_dict()


def card(**fields: Any) -> ModelCard:
    given: dict[str, Any] = {"kind": "extractive", "base": "all-MiniLM-L6-v2", "verdict": verdict(), **fields}
    return ModelCard(**given)


def adapter(seed: int = 0) -> dict[str, bytes]:
    """Give the files of a real adapter, different for every seed."""
    rng = np.random.default_rng(seed)
    residual = Residual(
        rng.normal(size=len(POINTER_FEATURES)).astype(np.float32),
        rng.normal(size=len(HALT_FEATURES)).astype(np.float32),
    )
    return {f"adapter/{name}": data for name, data in adapter_files(residual, {"seed": seed}).items()}


def published(registry: Registry, seed: int = 0, **fields: Any) -> Version:
    """Publish a version judged against the present champion."""
    judged = verdict(champion=registry.alias("champion") or BASE)
    return registry.publish(adapter(seed), card(**{"verdict": judged, "seed": seed, **fields}))


def promoted(registry: Registry, seed: int = 0) -> Version:
    """Publish and promote."""
    version = published(registry, seed)
    registry.promote(version.name, who="test")
    return version


def flip_bit(path: Path, at: int, bit: int = 0) -> None:
    """Flip one bit of a file."""
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= 1 << bit
    path.write_bytes(data)
