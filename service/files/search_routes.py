"""`POST /v1/vector_stores/{id}/search`: the hot route.

The body is read and the answer is written without the framework's models.
"""

from __future__ import annotations

import asyncio
import math
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import to_json
from starlette.responses import Response

from retrieval.types import Passage, SearchMode
from service.access import Principal, require
from service.chat.routing import scope_for
from service.container import container_of
from service.error_handlers import invalid_request

router = APIRouter(prefix="/v1/vector_stores/{vector_store_id}/search", tags=["vector stores"])
Reader = Annotated[Principal, Depends(require("user"))]
StoreId = Annotated[str, Path(max_length=256)]
Query = Annotated[str, Field(min_length=1, max_length=8000)]


class RankingOptions(BaseModel):
    """What to leave out."""

    model_config = ConfigDict(extra="ignore")

    score_threshold: float | None = Field(default=None, allow_inf_nan=False)


class SearchBody(BaseModel):
    """A search."""

    model_config = ConfigDict(extra="ignore")

    query: Query | Annotated[list[Query], Field(min_length=1, max_length=8)]
    max_num_results: int = Field(default=10, ge=1, le=50)
    filters: dict[str, Any] | None = None
    ranking_options: RankingOptions | None = None
    rewrite_query: bool = False
    mode: SearchMode = Field(default="hybrid", description="ours")


class SearchResult(BaseModel):
    """One passage; documents the answer, which is written without it."""

    file_id: str
    filename: str
    score: float
    attributes: dict[str, str | bool | float]
    content: list[dict[Literal["type", "text"], str]]
    chunk_id: str = Field(description="ours")
    title: str = Field(description="ours")
    url: str | None = Field(description="ours")
    start_index: int = Field(description="ours: where the text begins in the document's text")
    end_index: int = Field(description="ours")
    page_start: int | None = Field(description="ours")
    page_end: int | None = Field(description="ours")
    heading_path: list[str] = Field(description="ours")
    dense_score: float = Field(description="ours: cosine")
    lexical_score: float = Field(description="ours: BM25")


class SearchPage(BaseModel):
    """What was found, the best first."""

    object: Literal["vector_store.search_results.page"]
    search_query: list[str]
    data: list[SearchResult]
    has_more: bool
    next_page: None


_BODY: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": SearchBody.model_json_schema()}}}
}


@router.post("", summary="Search a vector store", openapi_extra=_BODY, responses={200: {"model": SearchPage}})
async def search(request: Request, vector_store_id: StoreId, principal: Reader) -> Response:
    """Find the passages nearest to a query, by meaning and by words.

    Several queries are searched side by side and merged.
    """
    try:
        body = SearchBody.model_validate_json(await request.body())
    except ValidationError as error:
        raise invalid_request(list(error.errors(include_url=False))) from None
    parts = container_of(request)
    queries = [body.query] if isinstance(body.query, str) else body.query
    filters = None if body.filters is None else _filter(body.filters)
    caller = principal.caller
    serving = parts.policies.present  # needs no lease: no policy is used
    scope = await scope_for((vector_store_id,), principal.segment, caller, serving, parts.catalog)
    encoder_for = serving.route(principal.identity, scope).questions
    with parts.metrics.retrieval_seconds.labels("search").time():
        found = await asyncio.gather(
            *(
                parts.searcher.asearch(
                    caller,
                    query,
                    collections=(vector_store_id,),
                    k=body.max_num_results,
                    filters=filters,
                    mode=body.mode,
                    encoder_for=encoder_for,
                )
                for query in queries
            )
        )
    threshold = body.ranking_options.score_threshold if body.ranking_options else None
    passages = found[0] if len(found) == 1 else _merged(found, body.max_num_results)
    page = {
        "object": "vector_store.search_results.page",
        "search_query": queries,
        "data": [_result(passage) for passage in passages if threshold is None or passage.score >= threshold],
        "has_more": False,
        "next_page": None,
    }
    return Response(to_json(page), media_type="application/json")


def _filter(mapping: dict[str, Any]) -> Any:
    from retrieval.filters import parse_filter

    return parse_filter(mapping)


def _merged(found: list[list[Passage]], k: int) -> list[Passage]:
    best: dict[str, Passage] = {}
    for passage in (passage for passages in found for passage in passages):
        known = best.get(passage.chunk_id)
        if known is None or passage.score > known.score:
            best[passage.chunk_id] = passage
    return sorted(best.values(), key=lambda passage: -passage.score)[:k]


def _result(passage: Passage) -> dict[str, Any]:
    return {
        "file_id": passage.document_id,
        "filename": passage.filename,
        "score": _finite(passage.score),
        "attributes": passage.attributes,
        "content": [{"type": "text", "text": passage.text}],
        "chunk_id": passage.chunk_id,
        "title": passage.title,
        "url": passage.url,
        "start_index": passage.start,
        "end_index": passage.end,
        "page_start": passage.page_start,
        "page_end": passage.page_end,
        "heading_path": passage.heading_path,
        "dense_score": _finite(passage.dense_score),
        "lexical_score": _finite(passage.lexical_score),
    }


def _finite(score: float) -> float:
    return score if math.isfinite(score) else 0.0
