"""The shapes of `/v1/versions`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Reason = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")]
State = Literal["ok", "marked", "failing", "damaged"]  # failing: it should serve and does not load


class MarkOut(BaseModel):
    """A note beside a version."""

    at: float
    reason: str
    who: str


class VerdictOut(BaseModel):
    """What the gate said, in short; the whole is in the card."""

    tier: str = Field(description="proven, trial or refused")
    passed: bool
    summary: str
    champion: str = Field(description="the version that it was compared with")


class FigureOut(BaseModel):
    """What the gate measured in one check; null where it is not known."""

    value: float | None
    low: float | None
    high: float | None
    threshold: float | None = Field(description="what the end of the interval was held against")
    n: int = Field(description="observations")
    outcome: str = Field(description="passed, failed, too_few or absent")


class VersionOut(BaseModel):
    """A version, as the list shows it."""

    id: str
    object: Literal["version"] = "version"
    scope: str
    kind: str
    number: int
    created_at: float
    aliases: list[str] = Field(description="champion, candidate")
    state: State
    problem: str = Field(description="why it is damaged, or does not load here")
    summary: str
    base: str
    method: str
    parents: list[str]
    verdict: VerdictOut | None
    marks: list[MarkOut]
    loaded: bool = Field(description="in this process, so that it answers at once")
    share: float = Field(description="of the requests of its scope that it answers now")
    figures: dict[str, FigureOut] = Field(
        description="what the gate measured, by the name of its check; differences are candidate minus champion"
    )
    live: dict[str, float] = Field(description="what it answered so far, counted: answers, abstained, errors, ...")


class MoveOut(BaseModel):
    """A move of an alias that concerned the version."""

    sequence: int
    at: float
    alias: str
    before: str | None
    after: str | None
    who: str
    why: str
    kind: str
    forced: bool
    evidence: dict[str, Any] | None = Field(description="what live votes had shown then: of a promotion by the watch")


class ScopeOut(BaseModel):
    """What serves a scope, and how that came to be."""

    scope: str
    sequence: int = Field(description="of the last move; what `expected` of a move is held against")
    champion: str
    candidate: str | None
    before: str | None = Field(description="what a rollback would bring back")
    moves: list[MoveOut] = Field(description="the newest first, at most a hundred")


class VersionWhole(VersionOut):
    """A version with its card and its history."""

    card: dict[str, Any]
    files: dict[str, str] = Field(description="SHA-256 by path")
    moves: list[MoveOut]


class VersionList(BaseModel):
    """All versions, the newest first within each scope."""

    object: Literal["list"] = "list"
    data: list[VersionOut]
    scopes: list[ScopeOut] = Field(description="what serves each scope, and the moves that led to it")
    has_more: bool = False


class MoveBody(BaseModel):
    """Why an alias is moved."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason = Field(default="", description="kept in the history")
    expected: int | None = Field(
        default=None, ge=0, le=2**62, description="sequence that this was decided on; 409 if an alias moved since"
    )


class ForceBody(MoveBody):
    """The same, and whether to overrule the gate."""

    force: bool = Field(default=False, description="although the gate or a mark forbids it; needs a reason")


class RollbackBody(MoveBody):
    """The same, for a scope."""

    scope: str = Field(default="shared", max_length=600, description="shared, segment:<name> or collection:<id>")


class MovedOut(BaseModel):
    """What was moved."""

    object: Literal["version.move"] = "version.move"
    scope: str
    alias: str
    before: str | None
    version: str | None
    sequence: int
    cycle: str | None = Field(description="the cycle that has its end by this; null where there is none, or no Redis")
