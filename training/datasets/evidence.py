"""Which passages people called right or wrong for a question: what retrieval may learn from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from training.citations.markers import take_apart
from training.datasets.bursts import burst_factors
from training.datasets.config import DatasetConfig
from training.datasets.focus import Focus, focus_factors
from training.datasets.standing import decay, standing
from training.datasets.weights import source_weight, voter_cap
from training.policy.base import Prompt
from training.records.types import Record


@dataclass(frozen=True, slots=True)
class EvidenceMark:
    """One passage called right or wrong for a prompt by one voter. `chunk_id` is among the prompt's passages."""

    prompt: Prompt
    chunk_id: str
    relevant: bool
    voter: str
    weight: float
    prompt_id: str = ""
    implied: bool = False  # by a reason such as wrong_source for what the answer cites, not by a mark


def evidence_marks(
    records: Iterable[Record], config: DatasetConfig | None = None, *, now: float, focus: Focus | None = None
) -> tuple[EvidenceMark, ...]:
    """Collect marks on passages under the same rules as examples: consent, exclusion, age, one standing judgement of a
    thing by a voter, and the cap on every voter.

    A mark counts in full. `wrong_source` and `good_sources` without marks mean the passages that the answer cites, at
    `implied_mark_weight`; what was shown and not cited is not blamed.

    Args:
        records: Judgements as read, in any order.
        config: Settings.
        now: Time from which age is counted, in seconds since the epoch.
        focus: The segment or collection whose marks weigh more.

    Returns:
        The marks, oldest judgement first.
    """
    config = config or DatasetConfig()
    stands = standing(records, config, now).records
    bursts = burst_factors(stands, config)
    found: list[EvidenceMark] = []
    for record in stands:
        factor = decay(record, config, now) * source_weight(record, config) * bursts.get(record.record_id, 1.0)
        found += (replace(mark, weight=mark.weight * factor) for mark in _marks(record, config))
    factors, _ = voter_cap([(mark.voter, mark.weight) for mark in found], config)
    marks = tuple(replace(mark, weight=mark.weight * factors[mark.voter]) for mark in found)
    if focus is None:
        return marks
    inside = [focus.holds(mark.prompt) for mark in marks]
    ours, others = focus_factors([mark.weight for mark in marks], inside, config.focus_weight)
    return tuple(
        replace(mark, weight=mark.weight * (ours if one else others)) for mark, one in zip(marks, inside, strict=True)
    )


def _marks(record: Record, config: DatasetConfig) -> Iterator[EvidenceMark]:
    if record.kind == "preference":
        return
    for chunk_id, relevant in record.evidence:
        yield EvidenceMark(record.prompt, chunk_id, relevant, record.voter, 1.0, record.prompt_id)
    wrong, good = "wrong_source" in record.reasons, "good_sources" in record.reasons
    if record.evidence or wrong == good or not config.implied_mark_weight:
        return
    if (wrong and record.rating == "up") or (good and record.rating == "down"):
        return  # the reason and the thumb contradict each other
    numbers = {passage.number: passage.chunk_id for passage in record.prompt.passages}
    markers = take_apart(record.answers[0].answer.text, numbers).markers
    for chunk_id in dict.fromkeys(numbers[marker.number] for marker in markers):
        weight = config.implied_mark_weight
        yield EvidenceMark(record.prompt, chunk_id, good, record.voter, weight, record.prompt_id, implied=True)
