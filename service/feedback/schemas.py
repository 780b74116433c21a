"""Bodies of the feedback calls, checked as far as that needs no Redis."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from service.feedback.records import Outcome, Preference, Vote
from training.records.reasons import Reason

Id = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Criterion = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Score = Annotated[int, Field(ge=1, le=5)]
Comment = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4_000)]
Correction = Annotated[str, StringConstraints(strip_whitespace=True, max_length=20_000)]
MOST_ANSWERS = 4  # in one comparison
What = Literal[
    "recorded",
    "replaced",
    "withdrawn",
    "waiting",  # for the next snapshot
    "underway",  # in the snapshot of a cycle that runs
    "counted",
    "left_out",
    "refused",  # and so on: what became of the version that counted it
    "on_trial",
    "promoted",
    "rolled_back",
    "failed",
]
RANKS_OF: dict[str, tuple[int, int]] = {"first": (1, 2), "second": (2, 1), "tie": (1, 1), "both_bad": (1, 1)}


class EvidenceMark(BaseModel):
    """Whether one passage of the answer helped."""

    model_config = ConfigDict(extra="forbid")

    chunk_id: Id
    relevant: bool


class VoteBody(BaseModel):
    """A judgement of one answer, whole: what is left out is no longer said. `rating: null` withdraws."""

    model_config = ConfigDict(extra="forbid")

    rating: Literal["up", "down"] | None = Field(
        None, description="Thumb. `null` withdraws the vote; leave it out to correct, score or mark without a thumb."
    )
    scores: dict[Criterion, Score] = Field(
        default_factory=dict,
        max_length=8,
        description="1-5 on named criteria, such as helpful, correct, grounded, complete, clear.",
    )
    reasons: list[Reason] = Field(default_factory=list, max_length=8)
    comment: Comment = ""
    correction: Correction = Field("", description="A better answer, in the voter's words.")
    evidence: list[EvidenceMark] = Field(
        default_factory=list, max_length=50, description="Marks on passages of this answer."
    )

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        said = bool(self.scores or self.reasons or self.comment or self.correction or self.evidence)
        if self.rating is None and "rating" in self.model_fields_set and said:
            raise ValueError(
                "`rating: null` withdraws the vote and goes alone; leave `rating` out to keep the rest without a thumb"
            )
        if self.rating is None and "rating" not in self.model_fields_set and not said:
            raise ValueError(
                'say something: `rating` "up" or "down" (null withdraws), scores, a correction or evidence'
            )
        if len({mark.chunk_id for mark in self.evidence}) < len(self.evidence):
            raise ValueError("`evidence` marks a passage twice")
        return self

    def vote(self) -> Vote:
        """Give it as the log takes it; the order of reasons and marks says nothing, so it is fixed."""
        return Vote(
            rating=self.rating,
            scores=self.scores,
            reasons=tuple(sorted(set(self.reasons))),
            comment=self.comment,
            correction=self.correction,
            evidence=tuple(sorted((mark.chunk_id, mark.relevant) for mark in self.evidence)),
        )


# In words of OpenAPI; the marks are described where the reply refers to them too.
VOTE_REQUEST: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    name: part
                    for name, part in VoteBody.model_json_schema(ref_template="#/components/schemas/{model}").items()
                    if name != "$defs"
                }
            }
        },
    }
}


class PreferenceBody(BaseModel):
    """A comparison of two to four answers to one prompt, in the order in which they were shown."""

    model_config = ConfigDict(extra="forbid")

    answers: list[Id] = Field(min_length=2, max_length=MOST_ANSWERS)
    outcome: Literal["first", "second", "tie", "both_bad"] | None = Field(None, description="For two answers.")
    ranks: list[Annotated[int, Field(ge=1, le=4)]] | None = Field(
        None, description="For two to four answers, in their order: 1 is best, equal ranks tie."
    )
    reasons: list[Reason] = Field(default_factory=list, max_length=8)
    comment: Comment = ""

    @model_validator(mode="after")
    def _is_one_comparison(self) -> Self:
        if len(set(self.answers)) < len(self.answers):
            raise ValueError("`answers` names an answer twice")
        if any("," in answer for answer in self.answers):
            raise ValueError("`answers` holds something that is not an answer id")
        if (self.outcome is None) == (self.ranks is None):
            raise ValueError("give either `outcome` (two answers) or `ranks` (two to four answers)")
        if self.outcome is not None and len(self.answers) != 2:
            raise ValueError("`outcome` compares two answers; give `ranks` for more")
        if self.ranks is not None and len(self.ranks) != len(self.answers):
            raise ValueError("`ranks` needs one rank for each answer")
        return self

    def preference(self) -> Preference:
        """Give it as the log takes it, ranks without gaps."""
        reasons = tuple(sorted(set(self.reasons)))
        if self.outcome is not None:
            return Preference(tuple(self.answers), self.outcome, RANKS_OF[self.outcome], reasons, self.comment)
        given = self.ranks or []
        dense = {rank: place for place, rank in enumerate(sorted(set(given)), start=1)}
        ranks = tuple(dense[rank] for rank in given)
        outcomes: dict[tuple[int, ...], Outcome] = {(1, 2): "first", (2, 1): "second", (1, 1): "tie"}
        return Preference(tuple(self.answers), outcomes.get(ranks, "ranked"), ranks, reasons, self.comment)


class VoteView(BaseModel):
    """A vote as it stands."""

    object: Literal["vote"] = "vote"
    id: str | None = Field(description="Entry of the feedback log; null where there was nothing to withdraw.")
    answer_id: str
    rating: Literal["up", "down"] | None
    scores: dict[str, int]
    reasons: list[str]
    comment: str
    correction: str
    evidence: list[EvidenceMark]
    created_at: float | None


class LineageView(BaseModel):
    """One thing that happened to a judgement."""

    at: float
    what: What
    cycle: str | None
    version: str | None
    reason: str | None


class VoteHistoryView(BaseModel):
    """A vote and what became of it. `vote` is null where there is none, or where it was withdrawn."""

    vote: VoteView | None
    version: str | None = Field(None, description="Who gave the answer; null where there is no vote.")
    lineage: list[LineageView]
    summary: str


class PreferenceView(BaseModel):
    """A preference as it stands."""

    object: Literal["preference"] = "preference"
    id: str
    answers: list[str]
    versions: list[str] = Field(description="Who gave each of them.")
    outcome: Outcome
    ranks: list[int]
    reasons: list[str]
    comment: str
    created_at: float


class PreferenceHistoryView(BaseModel):
    """A preference and what became of it. `preference` is null where it was withdrawn."""

    preference: PreferenceView | None
    lineage: list[LineageView]
    summary: str


class FeedbackView(BaseModel):
    """One entry of the log, as operators browse it."""

    id: str
    object: Literal["feedback"] = "feedback"
    kind: Literal["vote", "preference"]
    created_at: float
    current: bool = Field(description="False for what was replaced since.")
    voter: str
    answers: list[str]
    prompt_id: str
    versions: list[str]
    segment: str | None
    consent: bool
    rating: str = Field(description="up, down, none, withdrawn; of a preference its outcome.")
    details: dict[str, Any]


class FeedbackPage(BaseModel):
    """A page of the log. It can end early though more match: go on after `last_id` while `has_more`."""

    object: Literal["list"] = "list"
    data: list[FeedbackView]
    first_id: str | None
    last_id: str | None
    has_more: bool
