"""`/healthz` tells that the process lives, `/readyz` how each part is.

It is 503 while one that is needed is loading, down or draining; a part that is `degraded` is not needed for answers.
They are the only routes without a key, so they name parts and states and nothing else.
"""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import JSONResponse

from service.container import Container, container_of
from service.jobs.sweep import late_sweep

State = Literal["ready", "loading", "down", "unsafe", "failed", "draining", "degraded"]
router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """The answer of `/healthz`."""

    status: Literal["ok"] = "ok"


class Part(BaseModel):
    """One part of the service."""

    state: State
    detail: str = ""


class Readiness(BaseModel):
    """The answer of `/readyz`."""

    status: Literal["ready", "not_ready", "draining"]
    parts: dict[str, Part]


def parts_of(container: Container) -> dict[str, Part]:
    """Look at every part; quick, and never raises."""
    models = Part(state="ready")
    if not container.loaded:
        failed = container.load_error is not None
        models = Part(state="failed", detail="the log says why") if failed else Part(state="loading")
    link = container.link
    parts = {
        "catalog": _catalog(container),
        "keys": Part(state="ready"),
        "search": models,
        "policy": models,
        "versions": _versions(container) if container.loaded else models,
        "schedule": _schedule(container),
        "redis": Part(state="ready") if link.state == "up" else Part(state=link.state, detail=link.detail),
    }
    if container.journal is not None and container.journal.state != "waiting":
        following = container.journal.state == "following"
        parts["journal"] = Part(state="ready") if following else Part(state="degraded", detail=container.journal.state)
    if container.draining:
        parts["server"] = Part(state="draining")
    return parts


@router.get("/healthz", summary="The process lives")
async def healthz() -> Alive:
    """Answer; depends on nothing."""
    return Alive()


@router.get("/readyz", summary="Every part is ready", response_model=Readiness, responses={503: {"model": Readiness}})
async def readyz(request: Request) -> JSONResponse:
    """Name the state of each part."""
    container = container_of(request)
    parts = parts_of(container)
    ready = all(part.state in ("ready", "degraded") for part in parts.values())
    status: Literal["ready", "not_ready", "draining"] = (
        "draining" if container.draining else "ready" if ready else "not_ready"
    )
    body = Readiness(status=status, parts=parts).model_dump()
    return JSONResponse(body, 200) if ready else JSONResponse(body, 503, {"Retry-After": "2"})


def _versions(container: Container) -> Part:
    following = container.following
    if following is None or not following.follower.problems:
        return Part(state="ready")
    return Part(state="degraded", detail="a version that should serve does not load; GET /v1/versions names it")


def _schedule(container: Container) -> Part:
    settings = container.settings
    late = late_sweep(settings.home, settings.sweep_interval_s)
    return Part(state="ready") if late is None else Part(state="degraded", detail=late)


def _catalog(container: Container) -> Part:
    try:
        container.catalog.version()
    except Exception as error:  # whatever the disk says, readiness is what reports it
        return Part(state="down", detail=type(error).__name__)
    return Part(state="ready")
