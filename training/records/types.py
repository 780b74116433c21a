"""A record: any judged answer joined with its prompt, as `records.jsonl` holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from training.policy.base import Answer, Prompt

RecordKind = Literal["vote", "preference", "correction"]
Rating = Literal["up", "down"]
Outcome = Literal["first", "second", "tie", "both_bad", "ranked"]
Source = Literal["human", "ai"]


@dataclass(frozen=True, slots=True)
class JudgedAnswer:
    """An answer as it was served."""

    answer_id: str
    answer: Answer
    user: str = ""  # who asked
    position: int = 0  # place on the screen among the answers of one request, from 0
    served_at: float = 0.0  # seconds since the epoch


@dataclass(frozen=True, slots=True)
class Record:
    """One judgement by one voter. `answers` is the order in which they were shown; a vote has one."""

    record_id: str
    kind: RecordKind
    judged_at: float  # seconds since the epoch
    voter: str
    prompt_id: str
    prompt: Prompt
    answers: tuple[JudgedAnswer, ...]
    segment: str | None = None
    rating: Rating | None = None  # votes and corrections; None where the thumb was left out
    outcome: Outcome | None = None  # preferences
    ranks: tuple[int, ...] = ()  # preferences, in the order of `answers`; 1 is best
    scores: Mapping[str, int] = field(default_factory=dict)  # criterion -> 1-5
    reasons: tuple[str, ...] = ()
    comment: str = ""
    correction: str = ""
    evidence: tuple[tuple[str, bool], ...] = ()  # (chunk id, relevant)
    source: Source = "human"
    consent: bool = True  # may be used for training
    excluded: str = ""  # why an operator took it out; empty when nobody did
    imported: bool = False  # from a foreign data set: who judged and in which order is not known
