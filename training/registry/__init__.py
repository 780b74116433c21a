"""Immutable versions of the policy, and which of them serves. Importable without torch.

registry   publish, promote, roll back, mark, prune
reader     list, verify, follow
fences     which attempt at a job may still publish
card       what a version says about itself
versions   what a version is; the start that ships with the package
aliases    champion, candidate, and the history of every move
store      versions on disk
export     a version for other servers (vLLM, llama.cpp)
"""

from training.registry.aliases import CANDIDATE, CHAMPION, Aliases, Move
from training.registry.card import ModelCard, environment
from training.registry.errors import (
    BadCard,
    NoSuchVersion,
    NothingBefore,
    NotPromotable,
    RegistryError,
    StaleWriter,
    VersionDamaged,
)
from training.registry.fences import Fence
from training.registry.reader import RegistryReader
from training.registry.registry import Registry
from training.registry.versions import ADAPTER, BASE, Listed, Mark, Serving, Version, base_version

__all__ = [
    "ADAPTER",
    "BASE",
    "CANDIDATE",
    "CHAMPION",
    "Aliases",
    "BadCard",
    "Fence",
    "Listed",
    "Mark",
    "ModelCard",
    "Move",
    "NoSuchVersion",
    "NotPromotable",
    "NothingBefore",
    "Registry",
    "RegistryError",
    "RegistryReader",
    "Serving",
    "StaleWriter",
    "Version",
    "VersionDamaged",
    "base_version",
    "environment",
]
