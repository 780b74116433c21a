"""Published versions for tests: one learned weight and one move of questions each, for the encoder without weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from retrieval.embed.adapter import QueryAdapter
from service.scopes import SHARED, Scope
from service.settings import Settings
from service.versions.loading import QUERY
from service.versions.standing import registry_of
from training.policy.extractive import Residual, adapter_files
from training.registry import ADAPTER, ModelCard, Registry


def publish(
    settings: Settings,
    scope: Scope = SHARED,
    *,
    base: str = "hashing",
    kind: str = "extractive",
    query_for: str = "hashing",
    weight: float = 1.5,
    adapter: Path | None = None,
) -> str:
    """Publish a version and give its name; `adapter` is the folder of a causal one."""
    files: dict[str, bytes | Path] = {}
    if adapter is not None:
        files[ADAPTER] = adapter
    else:
        residual = Residual()
        residual.pointer[0] = weight
        files |= {f"{ADAPTER}/{name}": content for name, content in adapter_files(residual, {}).items()}
        query = QueryAdapter(query_for, np.eye(1, 384, dtype=np.float32), np.eye(1, 384, 1, dtype=np.float32))
        files |= {f"{QUERY}/{name}": content for name, content in query.files().items()}
    return registry_of(settings, scope).publish(files, ModelCard(kind=kind, base=base)).name


def promote(settings: Settings, name: str, scope: Scope = SHARED) -> None:
    """Let a version serve; there is no gate here."""
    registry_of(settings, scope).promote(name, who="test", why="there is no gate here", force=True)


def serve(settings: Settings, scope: Scope = SHARED, *, weight: float = 1.5) -> str:
    """Publish a version and let it serve."""
    name = publish(settings, scope, weight=weight)
    promote(settings, name, scope)
    return name


def damage(registry: Registry, name: str) -> None:
    """Flip a bit of what a version learned."""
    (path,) = (registry.root / "versions" / name / ADAPTER).glob("*.safetensors")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
