"""`/v1/vector_stores`: collections as OpenAI's vector stores."""

from __future__ import annotations

import contextlib
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from retrieval.errors import CollectionNotFound
from retrieval.types import Collection
from service.access import Principal, require
from service.container import Container, container_of
from service.errors import ApiError
from service.files.paging import After, Before, Limit, ListOf, Order, refuse_before
from service.files.shapes import ChunkingStrategy, Metadata, VectorStore, VectorStoreDeleted
from service.restricting import mark_closed
from service.scopes import EVERYONE

router = APIRouter(prefix="/v1/vector_stores", tags=["vector stores"])
Reader = Annotated[Principal, Depends(require("user"))]
Writer = Annotated[Principal, Depends(require("operator"))]
Parts = Annotated[Container, Depends(container_of)]
StoreId = Annotated[str, Path(max_length=256)]
PrincipalName = Annotated[str, Field(max_length=256, pattern=r"^(\*|(key|user|group):[^\x00]+)$")]
Readers = Annotated[
    list[PrincipalName], Field(max_length=256, description="ours: `*`, `key:<id>`, `user:<id>` or `group:<name>`")
]


class NewStore(BaseModel):
    """A collection to be made."""

    model_config = ConfigDict(extra="ignore")

    name: str | None = Field(default=None, max_length=256)
    description: str | None = Field(default=None, max_length=512)
    file_ids: list[str] = Field(default=[], max_length=500)
    metadata: Metadata | None = None
    chunking_strategy: ChunkingStrategy | None = None
    expires_after: dict[str, object] | None = Field(default=None, description="not supported")
    id: str | None = Field(default=None, description="ours: an id of your choice")
    readers: Readers = ["*"]
    embedding_model: str | None = Field(
        default=None, min_length=1, max_length=512, description="ours: default by setting"
    )


class StoreChange(BaseModel):
    """What to change; what is left out stays."""

    model_config = ConfigDict(extra="ignore")

    name: str | None = Field(default=None, max_length=256)
    metadata: Metadata | None = None
    expires_after: dict[str, object] | None = Field(default=None, description="not supported")
    readers: Readers | None = None
    embedding_model: str | None = Field(
        default=None, min_length=1, max_length=512, description="ours: re-embeds in the background"
    )


@router.post("", summary="Make a vector store")
def create_store(body: NewStore, principal: Writer, parts: Parts) -> VectorStore:
    """Make a collection, and attach files to it if any are named."""
    _refuse_expiry(body.expires_after)
    catalog, caller = parts.catalog, principal.caller
    for file_id in body.file_ids:
        catalog.file(caller, file_id)  # all of them exist, or nothing is made
    metadata = dict(body.metadata or {})
    if body.description:
        metadata.setdefault("description", body.description)
    collection = catalog.create_collection(
        body.name or "untitled",
        embedding_model=body.embedding_model or parts.settings.embedding_model,
        collection_id=body.id,
        readers=frozenset(body.readers),
        attributes=metadata,
    )
    for file_id in body.file_ids:
        catalog.attach(caller, collection.collection_id, file_id)
    if body.file_ids:
        parts.enqueue_ingest()
        collection = catalog.collection(caller, collection.collection_id)
    return _show(collection, principal, parts)


@router.get("", summary="List vector stores")
def list_stores(
    principal: Reader,
    parts: Parts,
    after: After = None,
    before: Before = None,
    limit: Limit = 20,
    order: Order = "desc",
) -> ListOf[VectorStore]:
    """List the collections that the caller may read."""
    refuse_before(before)
    page = parts.catalog.collections(principal.caller, limit=limit, after=after, order=order)
    return ListOf[VectorStore].of([_show(item, principal, parts) for item in page.items], page.has_more)


@router.get("/{vector_store_id}", summary="Look at a vector store")
def get_store(vector_store_id: StoreId, principal: Reader, parts: Parts) -> VectorStore:
    """Show one collection."""
    return _show(parts.catalog.collection(principal.caller, vector_store_id), principal, parts)


@router.post("/{vector_store_id}", summary="Change a vector store")
def update_store(vector_store_id: StoreId, body: StoreChange, principal: Writer, parts: Parts) -> VectorStore:
    """Change a collection's name, metadata, readers or embedding model."""
    _refuse_expiry(body.expires_after)
    before = parts.catalog.collection(principal.caller, vector_store_id).readers
    collection = parts.catalog.update_collection(
        principal.caller,
        vector_store_id,
        name=body.name,
        attributes=body.metadata,
        readers=None if body.readers is None else frozenset(body.readers),
        embedding_model=body.embedding_model,
    )
    if body.embedding_model is not None:
        parts.enqueue_ingest()
    if EVERYONE in before - collection.readers:
        mark_closed(parts.settings, {vector_store_id: collection.readers}, who=principal.owner)
    return _show(collection, principal, parts)


@router.delete("/{vector_store_id}", summary="Delete a vector store")
def delete_store(vector_store_id: StoreId, principal: Writer, parts: Parts) -> VectorStoreDeleted:
    """Delete a collection with its index; the files stay."""
    parts.catalog.delete_collection(principal.caller, vector_store_id)
    return VectorStoreDeleted(id=vector_store_id)


def _show(collection: Collection, principal: Principal, parts: Container) -> VectorStore:
    move = None
    with contextlib.suppress(CollectionNotFound):  # deleted since it was read
        move = parts.catalog.reembedding(principal.caller, collection.collection_id)
    return VectorStore.of(collection, move, with_readers=principal.has("operator"))


def _refuse_expiry(expires_after: object) -> None:
    if expires_after is not None:
        raise ApiError(
            400, "vector stores do not expire here; delete them when they are done with", param="expires_after"
        )
