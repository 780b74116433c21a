"""What was learned here and serves: the champion of the registry, if it fits the policy that is set.

A champion for another kind of policy or another base model is not an error: somebody changed a setting. It is told in
the log, and the base serves.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from service.scopes import registry_folder, registry_kind

if TYPE_CHECKING:
    from retrieval.embed.adapter import QueryAdapter
    from service.settings import Settings

QUERY = "query"  # folder of the query adapter inside a version
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Learned:
    """A version that serves."""

    version: str
    adapter: Path | None  # of the policy
    query: QueryAdapter | None  # of retrieval


def find_learned(settings: Settings) -> Learned | None:
    """Look for a champion; a damaged one gives way to the one before it, which is told in the log.

    Args:
        settings: Which policy, which models, and where the home is.

    Returns:
        The champion, every file of it checked; None when the base serves.
    """
    from training.registry.registry import Registry

    if settings.policy == "remote":
        return None
    serving = Registry(registry_folder(settings), kind=registry_kind(settings)).champion()
    for problem in serving.problems:
        log.error("registry: %s", problem)
    version = serving.version
    if version.path is None:
        return None
    base = settings.embedding_model if settings.policy == "extractive" else settings.causal_model
    if version.kind != settings.policy or version.card.base != base:
        log.warning(
            "the champion %s is for the %s policy on %r; %s on %r is set, so its base serves",
            version.name,
            version.kind,
            version.card.base,
            settings.policy,
            base,
        )
        return None
    query = version.path / QUERY
    return Learned(version.name, version.adapter, _query_adapter(query, settings) if query.is_dir() else None)


def _query_adapter(directory: Path, settings: Settings) -> QueryAdapter | None:
    from retrieval.embed.adapter import load_query_adapter

    adapter = load_query_adapter(directory)
    if adapter.model_name != settings.embedding_model:
        log.warning("a query adapter for %r is left out", adapter.model_name)
        return None
    return adapter
