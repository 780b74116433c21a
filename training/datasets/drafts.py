"""What one record teaches, before anything is weighed against anything else.

A pair is only what somebody compared: a preference, a ranking, a correction over the answer it corrects. A thumb stays
a thumb.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

from training.citations.abstention import is_abstention
from training.citations.markers import strip_markers
from training.datasets.config import DatasetConfig
from training.datasets.examples import PairOrigin, PairOutcome
from training.datasets.keys import text_key
from training.datasets.signals import about_sources_alone
from training.policy.base import ABSTENTION, Answer, Sampling
from training.records.types import JudgedAnswer, Record

SAME_ANSWER = "the answers say the same"
SAME_CORRECTION = "the correction says what the answer says"
SOURCES_ALONE = "about the sources alone: teaches retrieval, not answering"
NOTHING_SAID = "scores or a comment without a thumb: nothing to learn to answer from"


@dataclass(frozen=True, slots=True)
class Draft:
    """A pair, thumb or target over answers named by what they say. A thumb or a target has no `second`."""

    what: Literal["pair", "thumb", "target"]
    first: str
    weight: float
    voter: str
    record_ids: tuple[str, ...]
    second: str = ""
    outcome: PairOutcome = "first"
    up: bool = False
    origin: PairOrigin = "preference"
    ordered: bool = False
    implied: bool = False  # a thumb that "both bad" means: an own thumb of the voter goes before it


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a record teaches; `reason` says why when that is nothing. `new` holds answers that nobody was shown."""

    drafts: tuple[Draft, ...]
    reason: str = ""
    new: tuple[Answer, ...] = ()


def lesson(record: Record, config: DatasetConfig) -> Lesson:
    """Say what a record teaches a policy.

    Args:
        record: A judgement that stands.
        config: Settings.

    Returns:
        Its pairs, thumbs and targets; the weights tell the parts of one record apart and nothing else.
    """
    taught = _from_preference(record, config) if record.kind == "preference" else _from_vote(record)
    if record.source == "human":
        return taught
    return replace(taught, drafts=tuple(replace(draft, origin="ai") for draft in taught.drafts))


def abstains(judged: JudgedAnswer) -> bool:
    """Tell whether an answer declined."""
    return judged.answer.abstained or is_abstention(strip_markers(judged.answer.text))


def written(text: str, *, abstained: bool = False) -> Answer:
    """Make an answer that no policy drew."""
    return Answer(text, "written", "stop", Sampling(), None, 0, abstained)


def _from_preference(record: Record, config: DatasetConfig) -> Lesson:
    """Give every two answers that were compared. A ranking of K answers holds K - 1 independent comparisons, so its
    pairs weigh 2 / K each, which sum to K - 1.
    """
    names = [text_key(judged.answer.text) for judged in record.answers]
    origin: PairOrigin = "imported" if record.imported else "preference"
    drafts = []
    for (one, rank), (other, other_rank) in combinations(zip(names, record.ranks, strict=True), 2):
        if one == other:
            continue
        equal: PairOutcome = "both_bad" if record.outcome == "both_bad" else "tie"
        outcome: PairOutcome = equal if rank == other_rank else "first" if rank < other_rank else "second"
        weight, ids = 2 / len(names), (record.record_id,)
        drafts.append(Draft("pair", one, weight, record.voter, ids, other, outcome, False, origin, not record.imported))
    if not drafts:
        return Lesson((), SAME_ANSWER)
    if record.outcome == "both_bad" and config.both_bad_weight:
        drafts += [
            Draft("thumb", name, config.both_bad_weight, record.voter, (record.record_id,), implied=True)
            for name in dict.fromkeys(names)
        ]
    return Lesson(tuple(drafts))


def _from_vote(record: Record) -> Lesson:
    judged, ids = record.answers[0], (record.record_id,)
    name, declined = text_key(judged.answer.text), abstains(judged)
    unfounded = "should_have_refused" in record.reasons and not declined and record.rating != "up"
    timid = "should_not_have_refused" in record.reasons and declined and record.rating != "up"
    if about_sources_alone(record) and record.rating != "up":
        return Lesson((), SOURCES_ALONE)  # the shown passages hold no better answer, so neither does a correction
    drafts: list[Draft] = []
    new: list[Answer] = []
    reason = SOURCES_ALONE if record.evidence else NOTHING_SAID
    if record.correction:
        better = text_key(record.correction)
        if better == name:
            reason = SAME_CORRECTION
        else:
            drafts.append(Draft("pair", better, 1.0, record.voter, ids, name, origin="correction"))
            drafts.append(Draft("target", better, 1.0, record.voter, ids))
            new.append(written(record.correction, abstained=is_abstention(strip_markers(record.correction))))
    if record.rating is not None or unfounded or timid:
        drafts.append(Draft("thumb", name, 1.0, record.voter, ids, up=record.rating == "up", origin="thumbs"))
    if unfounded and not record.correction:
        drafts.append(Draft("target", text_key(ABSTENTION), 1.0, record.voter, ids))
        new.append(written(ABSTENTION, abstained=True))
    return Lesson(tuple(drafts), "" if drafts else reason, tuple(new))
