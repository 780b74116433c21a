"""What the calls of training cycles take and give."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from service.cycles.cycle import Cycle, State, Trigger
from service.cycles.details import Details
from service.cycles.plan import Planned

ScopeName = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class StartBody(BaseModel):
    """Start a cycle now."""

    model_config = ConfigDict(extra="forbid")

    scope: ScopeName = Field("shared", description="`shared`, `segment:<name>` or `collection:<id>`.")
    force: bool = Field(
        False,
        description="Although there is little new or the last cycle was a moment ago. The floors of the data hold.",
    )


class StepView(BaseModel):
    """One stage that is over, or the one at work."""

    name: str
    started_at: float
    finished_at: float | None
    note: str


class CycleView(BaseModel):
    """A cycle."""

    id: str
    object: Literal["training.cycle"] = "training.cycle"
    scope: str
    state: State
    reason: str = Field(description="Why it waits, is tried again, or ended as it did.")
    trigger: Trigger
    created_at: float
    started_at: float | None
    finished_at: float | None
    settled_at: float | None = Field(description="When its version was promoted or sent back.")
    step: str
    progress: float = Field(description="Of the step, 0 to 1.")
    steps: list[StepView]
    attempts: int
    verdict: dict[str, Any] | None = Field(description="Of the gate, check by check.")
    version: str | None
    counts: dict[str, Any] = Field(description="Records of the snapshot, by what became of them.")
    evidence: dict[str, Any] | None = Field(description="Live votes on which its version was promoted or sent back.")

    @classmethod
    def of(cls, cycle: Cycle) -> Self:
        """Show a cycle."""
        return cls(**_shown(cycle))


class CycleDetails(CycleView):
    """A cycle with what lies in its folder; null where nothing is there yet, or another machine has that folder."""

    metrics: dict[str, Any] | None = Field(description="Of the reward models and the update.")
    data: dict[str, Any] | None = Field(description="The data card: every count, and why records were left out.")
    segments: dict[str, float] = Field(description="Share of the weight that each segment has in the data.")
    log: list[str] = Field(description="The end of its log.")

    @classmethod
    def of_both(cls, cycle: Cycle, details: Details) -> Self:
        """Show a cycle and its folder."""
        verdict = cycle.verdict if cycle.verdict is not None else details.verdict
        return cls(
            **_shown(cycle) | {"verdict": verdict},
            metrics=details.metrics,
            data=details.data,
            segments=(details.data or {}).get("segments", {}),
            log=details.log,
        )


class PlannedView(BaseModel):
    """The next cycle of a scope, which has no id yet."""

    scope: str
    due: bool
    reason: str = Field(description="What it waits for, in a line.")
    waits_for: list[str]
    judgements: int = Field(description="Of this scope, an estimate.")
    judgements_needed: int
    new: int = Field(description="Of them since the last snapshot.")
    new_needed: int
    voters: int
    voters_needed: int
    not_before: float | None

    @classmethod
    def of(cls, plan: Planned) -> Self:
        """Show a plan."""
        return cls(
            scope=str(plan.scope),
            due=plan.due,
            reason=plan.told,
            waits_for=list(plan.reasons),
            judgements=plan.judgements,
            judgements_needed=plan.judgements_needed,
            new=plan.new,
            new_needed=plan.new_needed,
            voters=plan.voters,
            voters_needed=plan.voters_needed,
            not_before=plan.not_before,
        )


class CyclePage(BaseModel):
    """Cycles, the newest first, and what the next ones wait for."""

    object: Literal["list"] = "list"
    data: list[CycleView]
    first_id: str | None
    last_id: str | None
    has_more: bool
    next: list[PlannedView]


def _shown(cycle: Cycle) -> dict[str, Any]:
    return {
        "id": cycle.id,
        "scope": cycle.scope,
        "state": cycle.state,
        "reason": cycle.reason,
        "trigger": cycle.trigger,
        "created_at": cycle.created_at,
        "started_at": cycle.started_at,
        "finished_at": cycle.finished_at,
        "settled_at": cycle.settled_at,
        "step": cycle.step,
        "progress": cycle.progress,
        "steps": [StepView(**{"finished_at": None, "note": "", **step}) for step in cycle.steps],
        "attempts": cycle.attempts,
        "verdict": cycle.verdict,
        "version": cycle.version or None,
        "counts": dict(cycle.counts),
        "evidence": cycle.evidence,
    }
