"""Which judgements stand: consented, not excluded, not said again later. What falls gets its reason here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from training.datasets.config import DAY_S, DatasetConfig
from training.datasets.keys import question_key, text_key
from training.datasets.trust import Agreement, agreements, distrusted, vouched
from training.records.types import Record

USED = "used"
NO_CONSENT = "not given for training"
EXCLUDED = "taken out by an operator"
VOTER_EXCLUDED = "its voter is excluded"
AI_OFF = "judged by a model, and such judgements are off"
FUTURE = "judged in the future: a clock is wrong"
TOO_OLD = "too old to count"
REPLACED = "replaced: the voter judged the same again later"
DISTRUSTED = "its voter agrees with others less often than chance"
QUARANTINED = "its voter is new and waits"


@dataclass(frozen=True)
class Standing:
    """Records that count, oldest first, and the reason for each that does not."""

    records: tuple[Record, ...]
    fate: dict[str, str]
    agreements: Mapping[str, Agreement] = field(default_factory=dict)  # by voter
    repeated_ids: int = 0  # records whose id an earlier one had; the first stands


def standing(records: Iterable[Record], config: DatasetConfig, now: float) -> Standing:
    """Decide which records count. The order in which they come does not matter.

    Args:
        records: What was read.
        config: Settings.
        now: Time from which age is counted, in seconds since the epoch.

    Returns:
        What stands and what does not.
    """
    kept: list[Record] = []
    fate: dict[str, str] = {}
    repeated = 0
    for record in sorted(records, key=_age):
        if record.record_id in fate:
            repeated += 1
            continue
        reason = _refusal(record, config, now)
        if reason is None:
            kept.append(record)
        fate[record.record_id] = reason or USED
    first_seen: dict[str, float] = {}
    for record in kept:
        first_seen.setdefault(record.voter, record.judged_at)
    latest = {_said_about(record): record for record in kept}  # the last one wins
    found = agreements(latest.values())
    suspects, known = distrusted(found, config), vouched(found, config)
    standing = []
    for record in kept:
        if latest[_said_about(record)] is not record:
            fate[record.record_id] = REPLACED
        elif record.voter in suspects:
            fate[record.record_id] = DISTRUSTED
        elif record.voter not in known and now - first_seen[record.voter] < config.quarantine_days * DAY_S:
            fate[record.record_id] = QUARANTINED
        else:
            standing.append(record)
    return Standing(tuple(standing), fate, found, repeated)


def decay(record: Record, config: DatasetConfig, now: float) -> float:
    """Give 0.5 to the power of the age in half-lives."""
    if config.half_life_days is None:
        return 1.0
    age_days = max(0.0, now - record.judged_at) / DAY_S
    return float(0.5 ** (age_days / config.half_life_days))


def _age(record: Record) -> tuple[float, str, str, str]:
    return record.judged_at, record.record_id, record.voter, record.prompt_id


def _refusal(record: Record, config: DatasetConfig, now: float) -> str | None:
    if not record.consent:
        return NO_CONSENT
    if record.excluded:
        return EXCLUDED
    if record.voter in config.excluded_voters:
        return VOTER_EXCLUDED
    if record.source == "ai" and not config.use_ai:
        return AI_OFF
    if record.judged_at > now + DAY_S:
        return FUTURE
    if decay(record, config, now) < config.least_weight:
        return TOO_OLD
    return None


def _said_about(record: Record) -> tuple[str, str, str, frozenset[str]]:
    """Name what a record judges: a voter has one standing judgement of it. An answer that was given again to the same
    question is the same answer.
    """
    answers = frozenset(text_key(judged.answer.text) for judged in record.answers)
    slot = "preference" if record.kind == "preference" else "vote"
    return record.voter, slot, question_key(record.prompt), answers
