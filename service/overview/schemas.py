"""What `GET /v1/overview` answers."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

from service.cycles.schemas import PlannedView
from service.health import State


class PartOut(BaseModel):
    """One part of the service, as `/readyz` names it."""

    name: str
    state: State
    detail: str


class QueueOut(BaseModel):
    """What waits."""

    name: Literal["documents", "questions", "cycles", "erasures", "messages"] = Field(
        description="documents: waiting for or in ingestion; questions: for their turn in the process that was asked; "
        "cycles: of learning, for a worker; erasures: of people; messages: for any worker"
    )
    waiting: int


class CollectionOut(BaseModel):
    """A vector store and its index."""

    id: str
    name: str
    documents: int = Field(description="whatever their status")
    failed: int
    pending: int = Field(description="documents that wait for ingestion or are in it")
    chunks: int | None = Field(description="that searches find; null while the search loads")
    generation: int | None = Field(description="of the published index, 0 before the first one")


class ServingOut(BaseModel):
    """Who answers in one scope."""

    scope: str
    champion: str
    candidate: str | None


class DayOut(BaseModel):
    """One day (UTC), by Redis's clock."""

    day: date
    answers: int
    up: int = Field(description="thumbs, each on the day of its voter's last word")
    down: int
    preferences: int


class OverviewOut(BaseModel):
    """The overview. What Redis knows is empty, or null, while it is away; `parts` says so."""

    object: Literal["overview"] = "overview"
    parts: list[PartOut]
    queues: list[QueueOut]
    workers: int | None = Field(description="workers heard of in the last seconds; null while Redis is away")
    collections: list[CollectionOut] = Field(description="the newest first")
    collections_more: bool = Field(description="there are more: GET /v1/vector_stores lists them")
    versions: list[ServingOut] = Field(description="what serves in the process that was asked; empty while it loads")
    days: list[DayOut] = Field(description="the last 30, oldest first")
    next: list[PlannedView] = Field(description="what the next cycle of each scope waits for")
    trials: int = Field(description="scopes with a candidate on trial")
