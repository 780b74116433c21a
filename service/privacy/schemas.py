"""What the calls about people take and answer with."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from service.privacy.consent import Consent
from service.privacy.erasure import Erasure


class ConsentBody(BaseModel):
    """What a person allows."""

    model_config = ConfigDict(extra="forbid")

    training: bool = Field(description="Whether what this person asks and says may be used for training.", strict=True)


class ConsentView(BaseModel):
    """What holds for a person."""

    object: Literal["consent"] = "consent"
    user: str
    training: bool
    changed_at: float | None = Field(description="Seconds since the epoch; null where the default holds.")
    by: Literal["self", "operator"] | None

    @classmethod
    def of(cls, user: str, consent: Consent) -> ConsentView:
        """Show a consent."""
        return cls(user=user, training=consent.training, changed_at=consent.at, by=consent.by)


class ErasureView(BaseModel):
    """An erasure, without the name of the person."""

    id: str
    object: Literal["erasure"] = "erasure"
    state: Literal["waiting", "running", "done"]
    step: str
    reason: str = Field(description="Why it waits.")
    requested_at: float
    started_at: float | None
    finished_at: float | None
    requested_by: str
    deleted: dict[str, int] = Field(description="What was taken away, by kind.")
    versions: list[str] = Field(
        description="Versions that learned from it, as `<registry> <version>`; they are marked, and serve until the "
        "next cycle replaces them."
    )
    cycles: list[str] = Field(description="Cycles that were stopped for it.")
    file_rewritten_at: float | None = Field(
        description="Since when Redis's append-only file holds nothing of it; null until then."
    )

    @classmethod
    def of(cls, erasure: Erasure, rewritten: bytes | None) -> ErasureView:
        """Show an erasure; `rewritten` is when the file was rewritten last, in ms, for any of them."""
        at = erasure.rewritten_at
        later = None if rewritten is None else int(rewritten) / 1000
        if at is None and later is not None and erasure.finished_at is not None and later >= erasure.finished_at:
            at = later
        return cls(
            id=erasure.id,
            state=erasure.state,
            step=erasure.step,
            reason=erasure.reason,
            requested_at=erasure.requested_at,
            started_at=erasure.started_at,
            finished_at=erasure.finished_at,
            requested_by=erasure.by,
            deleted={kind: count for kind, count in sorted(erasure.counts.items()) if count},
            versions=list(erasure.versions),
            cycles=list(erasure.cycles),
            file_rewritten_at=at,
        )


class DataView(BaseModel):
    """What is kept of a person."""

    object: Literal["user_data"] = "user_data"
    user: str
    answers: int = Field(description="Answers given to this person that are in Redis; old ones are in the archive.")
    judgements: int = Field(description="Votes and preferences of this person, also those replaced since.")
    erasure: ErasureView | None
