"""A bad candidate, planted: it prefers what it should not, and it is put on trial by force."""

from __future__ import annotations

import numpy as np

from bench.whole import Whole
from training.policy.extractive import Prior, Residual, adapter_files
from training.policy.extractive.weights import Start, base_name
from training.registry.card import ModelCard
from training.registry.registry import Registry


def plant(service: Whole, encoder: str, start: Start) -> str:
    """Publish a version that undoes most of what its base knows, and put it on trial.

    Args:
        service: The running service.
        encoder: Its embedding model.
        start: What its policy starts from.

    Returns:
        The version's name.
    """
    prior = Prior.for_encoder(encoder, start)
    bad = Residual(pointer=(-1.2 * prior.pointer).astype(np.float32))
    card = ModelCard(kind="extractive", base=base_name(encoder, start), summary="planted: prefers what it should not")
    registry = Registry(service.home / "registry" / "extractive")
    files = {f"adapter/{name}": content for name, content in adapter_files(bad, {"planted": True}).items()}
    name = registry.publish(files, card).name
    service.post(f"/v1/versions/{name}/trial", {"force": True, "reason": "planted by a benchmark"})
    return name
