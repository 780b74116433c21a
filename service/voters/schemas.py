"""What the calls about voters take and give."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from service.voters.store import Voter

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Trust = Literal["trusted", "distrusted", "quarantined", "unknown"]


class ExclusionBody(BaseModel):
    """Keep a voter out of training."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason = Field(description="Why; operators see it.")


class ExclusionView(BaseModel):
    """Why a voter is kept out of training."""

    reason: str
    at: float
    by: str = Field(description="Identity of the operator.")


class FindingView(BaseModel):
    """What the newest cycle found of a voter."""

    cycle: str
    judgements: int = Field(description="In its window.")
    used: int = Field(description="Of them, those that it learned from.")
    trust: Trust = Field(
        description="distrusted: agrees with others less often than chance. quarantined: new, and waits. unknown: too "
        "little was judged by others too."
    )
    shared: int = Field(description="Judgements that others gave too.")
    agreed: float | None = Field(description="Share of them on which the majority of the others says the same.")
    chance: float | None = Field(description="Share to be expected by luck.")
    share: float = Field(description="Of its weight that the cap leaves: 1 is all.")


class VoterView(BaseModel):
    """A voter."""

    id: str
    object: Literal["voter"] = "voter"
    judgements: int = Field(description="Ever given, also those replaced and withdrawn since.")
    first_at: float | None
    last_at: float | None
    exclusion: ExclusionView | None
    found: FindingView | None = Field(description="Null before a cycle has read a judgement of this voter.")

    @classmethod
    def of(cls, voter: Voter) -> Self:
        """Show a voter."""
        excluded = voter.exclusion
        return cls(
            id=voter.voter,
            judgements=voter.judgements,
            first_at=voter.first_at,
            last_at=voter.last_at,
            exclusion=excluded and ExclusionView(reason=excluded.reason, at=excluded.at, by=excluded.by),
            found=None if voter.found is None else FindingView.model_validate(voter.found),
        )
