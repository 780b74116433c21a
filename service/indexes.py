"""What holds the published indexes, as the settings say. Imports the search engines when asked, not before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.settings import Settings

if TYPE_CHECKING:
    from retrieval.index.base import Backend


def index_backend(settings: Settings) -> Backend:
    """Give the backend of this home; nothing is connected or opened yet."""
    indexes = settings.home / "indexes"
    if settings.index == "local":
        from retrieval.index.local import LocalIndex

        return LocalIndex(indexes)
    from retrieval.milvus import MilvusIndex, MilvusOptions, MilvusStore

    token = settings.milvus_token
    options = MilvusOptions(
        settings.milvus_uri or "",
        token.get_secret_value() if token else "",
        settings.milvus_prefix,
        settings.milvus_timeout_s,
    )
    return MilvusIndex(indexes, MilvusStore(options))
