"""`/metrics` for Prometheus: the counters, and the state of things read at the moment of the scrape."""

from __future__ import annotations

import math
from typing import Annotated

from fastapi import APIRouter, Depends
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.responses import Response

from service.access import Principal, require
from service.container import Container, container_of
from service.health import parts_of
from service.jobs.sweep import last_sweep_age_s

router = APIRouter(tags=["health"])


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
def metrics(
    principal: Annotated[Principal, Depends(require("operator"))], parts: Annotated[Container, Depends(container_of)]
) -> Response:
    """Give the metrics of this process in Prometheus' text format."""
    read_state(parts)
    return Response(generate_latest(parts.metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


def read_state(parts: Container) -> None:
    """Set the gauges that describe a state rather than count events."""
    gauges = parts.metrics
    for name, part in parts_of(parts).items():
        gauges.part_up.labels(name).set(part.state == "ready")
    age = last_sweep_age_s(parts.settings.home)
    gauges.last_sweep_age.set(math.nan if age is None else age)
    keeps = parts.journal is not None and parts.journal.state != "waiting"
    gauges.journal_behind.set(parts.journal.behind_s if keeps and parts.journal is not None else math.nan)
    gauges.documents_pending.set(parts.catalog.pending_count())
    if not parts.loaded:
        return
    for gauge in (
        gauges.index_generation,
        gauges.index_vectors,
        gauges.index_tombstones_ratio,
        gauges.model_version_info,
    ):
        gauge.clear()  # collections and versions go away
    for index in parts.searcher.status():
        number = "".join(filter(str.isdigit, index.generation or ""))
        gauges.index_generation.labels(index.collection_id).set(int(number or 0))
        gauges.index_vectors.labels(index.collection_id).set(index.vectors)
        gauges.index_tombstones_ratio.labels(index.collection_id).set(index.tombstones / max(1, index.vectors))
    for policy in parts.policies.list():
        labels = (policy.version, str(policy.routed).lower(), str(policy.scope), policy.role)
        gauges.model_version_info.labels(*labels).set(1)
    gauges.version_leases.set(parts.policies.leases)
    gauges.versions_draining.set(len(parts.policies.draining))
    if parts.following is not None:
        gauges.version_problems.set(len(parts.following.follower.problems))
