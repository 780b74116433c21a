"""`/metrics` for Prometheus: the counters, and the state of things read at the moment of the scrape."""

from __future__ import annotations

import math
import shutil
from typing import Annotated

from fastapi import APIRouter, Depends
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.responses import Response

from service.access import Principal, require
from service.container import Container, container_of
from service.cycles.cycle import UNFINISHED
from service.health import parts_of
from service.jobs.sweep import last_sweep_age_s

DECISIONS = ("promote", "probation", "rollback")
router = APIRouter(tags=["health"])


@router.get("/metrics", summary="Prometheus metrics", response_class=Response)
def metrics(
    principal: Annotated[Principal, Depends(require("operator"))], parts: Annotated[Container, Depends(container_of)]
) -> Response:
    """Give the metrics of the process in Prometheus' text format, and of those that share its port."""
    text = own_metrics(parts) if parts.peers is None else parts.peers.gather()
    return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})


def own_metrics(parts: Container) -> bytes:
    """Give the metrics of this process alone."""
    with parts.metrics.reading:  # gauges are cleared and set anew: one reader at a time
        read_state(parts)
        return generate_latest(parts.metrics.registry)


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
    disk = shutil.disk_usage(parts.settings.home)
    gauges.disk_free.set(disk.free)
    gauges.disk_size.set(disk.total)
    _read_cycles(parts)
    _read_trials(parts)
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
        gauges.index_generation.labels(index.collection_id).set(index.number)
        gauges.index_vectors.labels(index.collection_id).set(index.vectors)
        gauges.index_tombstones_ratio.labels(index.collection_id).set(index.tombstones / max(1, index.vectors))
    for policy in parts.policies.list():
        labels = (policy.version, str(policy.routed).lower(), str(policy.scope), policy.role)
        gauges.model_version_info.labels(*labels).set(1)
    gauges.version_leases.set(parts.policies.leases)
    gauges.versions_draining.set(len(parts.policies.draining))
    if parts.following is not None:
        gauges.version_problems.set(len(parts.following.follower.problems))


def _read_cycles(parts: Container) -> None:
    """Set what the last look at the cycles saw; all of it is unknown while Redis is away."""
    gauges, seen = parts.metrics, parts.reaper.seen
    age = None if seen is None else seen.lease_age_s()
    gauges.cycle_lease_age.set(math.nan if age is None else age)
    for state in UNFINISHED:
        count = math.nan if seen is None else sum(cycle.state == state for cycle in seen.cycles)
        gauges.cycles_unfinished.labels(state).set(count)


def _read_trials(parts: Container) -> None:
    """Set what the last look into Redis saw; no trial is shown while it is away."""
    gauges, seen = parts.metrics, parts.trials.seen
    shown = (gauges.trial_judgements, gauges.trial_evidence, gauges.trial_evidence_needed, gauges.trial_net_share)
    for gauge in (*shown, gauges.watch_decisions):
        gauge.clear()
    archived = None if seen is None else seen.archived_s
    gauges.last_archive_age.set(math.nan if archived is None else archived)
    gauges.redis_memory.set(math.nan if seen is None else seen.memory_bytes)
    if seen is None:
        return
    for action in DECISIONS:  # a series that begins with its first event shows no rise
        gauges.watch_decisions.labels(action).set(0)
    for action, count in seen.decided:
        gauges.watch_decisions.labels(action).set(count)
    for trial in seen.trials:
        if not trial["decision"]:
            continue
        evidence, net = trial["decision"]["evidence"], trial["decision"]["net"]["value"]
        values = (evidence["counts"]["judged"], evidence["log_e"], evidence["needed"], net)
        for gauge, value in zip(shown, values, strict=True):
            gauge.labels(trial["scope"], trial["candidate"]).set(math.nan if value is None else value)
