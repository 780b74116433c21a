"""OpenAI's way of paging, shared by every list of documents."""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeVar

from fastapi import Query
from pydantic import BaseModel

from service.errors import ApiError

T = TypeVar("T", bound=BaseModel)
After = Annotated[str | None, Query(description="id of the last item of the page before", max_length=256)]
Before = Annotated[
    str | None, Query(description="not supported; page with `after` and the other order", max_length=256)
]
Limit = Annotated[int, Query(ge=1, le=100)]
Order = Annotated[Literal["asc", "desc"], Query(description="by creation; `desc` is newest first")]


class ListOf(BaseModel, Generic[T]):
    """A page of a list."""

    object: Literal["list"] = "list"
    data: list[T]
    first_id: str | None = None
    last_id: str | None = None
    has_more: bool

    @classmethod
    def of(cls, items: list[T], has_more: bool) -> ListOf[T]:
        """Make a page; the items have an `id`."""
        ids = [str(item.id) for item in items]  # type: ignore[attr-defined]
        return cls(data=items, first_id=ids[0] if ids else None, last_id=ids[-1] if ids else None, has_more=has_more)


def refuse_before(before: str | None) -> None:
    """Say so rather than give the wrong page."""
    if before is not None:
        raise ApiError(400, "`before` is not supported; page with `after` and the other `order`", param="before")
