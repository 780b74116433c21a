"""What is heavy: the encoders, the search and the policies.

`load_models` is the only code of the API that imports FAISS and what runs models. Torch is among it only where the
encoder or the policy runs on it: an embedded encoder on OpenVINO with the extractive policy does without.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval.catalog import Catalog
from service.encoders import Encoders
from service.indexes import index_backend
from service.policies import PolicyBook
from service.settings import Settings

if TYPE_CHECKING:
    from retrieval.search import Searcher
    from service.versions.follower import Follower

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Models:
    """The heavy parts, whole."""

    searcher: Searcher
    policies: PolicyBook
    close: Callable[[], None]
    follower: Follower | None = None  # keeps the policies at what the registry says; None: they stay as they are


def load_models(settings: Settings, catalog: Catalog) -> Models:
    """Load everything that answers; takes seconds, so it runs in a thread of its own.

    Args:
        settings: Which models, and how.
        catalog: Where the documents are.

    Returns:
        The parts, warm: the first question is as quick as the second.
    """
    from retrieval.search import Searcher
    from service.versions.follower import Follower
    from service.versions.loading import Loader

    with contextlib.ExitStack() as stack:
        encoders = Encoders(settings)
        stack.callback(encoders.close)
        for name in {settings.embedding_model, *(c.embedding_model for c in catalog.all_collections())}:
            _load_if_possible(encoders, name, required=name == settings.embedding_model)
        searcher = Searcher(catalog, settings.home / "indexes", encoders.query, opener=index_backend(settings).open)
        stack.callback(searcher.close)
        loader = Loader(settings, encoders)
        stack.callback(loader.close)
        follower = Follower(settings, loader)
        stack.callback(follower.book.close)
        stack.callback(loader.leave)
        encoders.query(settings.embedding_model).encode("warm")
        searcher.warm()
        return Models(searcher, follower.book, stack.pop_all().close, follower)


def _load_if_possible(encoders: Encoders, name: str, *, required: bool) -> None:
    """One collection whose model has gone must not keep the others from being served."""
    try:
        encoders.load(name)
    except Exception:
        if required:
            raise
        log.exception("the embedding model %r does not load; its collections cannot be searched", name)
