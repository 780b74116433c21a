"""Many voters who say the same about the same words within minutes: a campaign, or one person with many names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from training.datasets.config import DatasetConfig
from training.datasets.keys import question_key, text_key
from training.records.types import Record


def burst_factors(records: Iterable[Record], config: DatasetConfig) -> Mapping[str, float]:
    """Weigh down judgements that come in bursts.

    Judgements of the same question and answers with the same verdict, each at most `burst_gap_s` after the one before,
    are one burst. However many voters it has, together they weigh as much as `burst_voters`.

    Args:
        records: What stands.
        config: Settings.

    Returns:
        The factor of each record that is in a burst, by record id.
    """
    groups: dict[tuple[object, ...], list[Record]] = defaultdict(list)
    for record in records:
        groups[_said(record)].append(record)
    factors: dict[str, float] = {}
    for group in groups.values():
        for run in _runs(sorted(group, key=lambda record: record.judged_at), config.burst_gap_s):
            if len(run) > config.burst_voters:
                factors |= {record.record_id: config.burst_voters / len(run) for record in run}
    return factors


def _runs(records: Sequence[Record], gap_s: float) -> list[list[Record]]:
    runs: list[list[Record]] = []
    for record in records:
        if runs and record.judged_at - runs[-1][-1].judged_at <= gap_s:
            runs[-1].append(record)
        else:
            runs.append([record])
    return runs


def _said(record: Record) -> tuple[object, ...]:
    names = [text_key(judged.answer.text) for judged in record.answers]
    ranked = tuple(sorted(zip(names, record.ranks, strict=False)))
    correction = text_key(record.correction) if record.correction else ""
    return question_key(record.prompt), tuple(sorted(names)), ranked, record.outcome, record.rating, correction
