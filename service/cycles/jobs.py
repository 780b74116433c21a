"""Cycles as `/v1/jobs` shows them, beside ingestions; `/v1/training/cycles` says more."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field
from redis.asyncio import Redis

from service.cycles import store
from service.cycles.cycle import STATES, Cycle, State
from service.files.shapes import Status
from service.redis.calls import ask_async

KIND = "train"
PIECE = 100
STATUS_OF: dict[State, Status] = {
    **dict.fromkeys(STATES, "completed"),
    "waiting": "in_progress",
    "running": "in_progress",
    "failed": "failed",
    "cancelled": "cancelled",
}


class TrainingJob(BaseModel):
    """One cycle of learning."""

    id: str
    object: Literal["job"] = "job"
    kind: Literal["train"] = "train"
    status: Status
    stage: str = Field(description="The step at work, else the state of the cycle.")
    percent: int = Field(description="Of the step at work.")
    attempts: int
    created_at: int
    updated_at: int
    reason: str = Field(description="Why it waits, is tried again, or ended as it did.")
    cycle_id: str
    scope: str
    version: str | None

    @classmethod
    def of(cls, cycle: Cycle) -> TrainingJob:
        """Show a cycle as a job."""
        times = (cycle.created_at, cycle.started_at, cycle.finished_at, cycle.settled_at)
        renewed = cycle.lease.until - cycle.lease.length_s if cycle.lease is not None else 0.0
        return cls(
            id=f"{KIND}:{cycle.id}",
            status=STATUS_OF[cycle.state],
            stage=cycle.step if cycle.lease is not None and cycle.step else cycle.state,
            percent=100 if cycle.finished else int(100 * cycle.progress),
            attempts=cycle.attempts,
            created_at=int(cycle.created_at),
            updated_at=int(max(renewed, *(at or 0.0 for at in times))),
            reason=cycle.reason,
            cycle_id=cycle.id,
            scope=cycle.scope,
            version=cycle.version or None,
        )


async def training_jobs(
    client: Redis, *, status: Status | None, after: str | None, limit: int, newest_first: bool
) -> list[TrainingJob] | None:
    """Give training jobs by when they were asked for.

    Args:
        client: Of Redis.
        status: Only those with this status.
        after: Id of the cycle to go on after.
        limit: How many at most.
        newest_first: Else the oldest come first.

    Returns:
        The jobs; None when there is no such cycle to go on after.

    Raises:
        redis.exceptions.RedisError: Redis does not answer.
    """
    found: list[Cycle] = []
    last = after if newest_first and after else ""
    while True:
        piece = await ask_async(client, store.newest(PIECE, after=last))
        if piece is None:
            return None
        found += [one for one in piece if status in (None, STATUS_OF[one.state]) or one.id == after]
        if len(piece) < PIECE or (newest_first and len(found) >= limit):
            break
        last = piece[-1].id
    if not newest_first:
        found.reverse()
        if after:
            at = next((place for place, one in enumerate(found) if one.id == after), None)
            if at is None:
                return None
            found = found[at + 1 :]
    return [TrainingJob.of(one) for one in found[:limit]]
