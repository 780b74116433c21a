"""How much each judgement counts: age, who said it, bursts, who votes at all, and last the cap on every voter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from training.datasets.bursts import burst_factors
from training.datasets.config import DatasetConfig
from training.datasets.drafts import Draft
from training.datasets.propensity import Impression, propensity_factors
from training.datasets.standing import decay
from training.records.types import Record


@dataclass(frozen=True, slots=True)
class FactorSummary:
    """What one factor did to the judgements it was applied to."""

    least: float
    mean: float
    most: float
    changed: int  # how many it changed

    @classmethod
    def of(cls, factors: Sequence[float]) -> FactorSummary:
        """Sum up some factors; of none at all it is 1."""
        known = factors or [1.0]
        changed = sum(abs(factor - 1.0) > 1e-12 for factor in factors)
        return cls(min(known), sum(known) / len(known), max(known), changed)


@dataclass(frozen=True)
class Factors:
    """The product of a record's factors by record id, what each factor did, and notes for the data card."""

    product: Mapping[str, float]
    parts: Mapping[str, FactorSummary]
    notes: tuple[str, ...]
    bursts: Mapping[str, float]  # factor of each record that is in a burst


def record_factors(
    records: Sequence[Record], config: DatasetConfig, now: float, impressions: Sequence[Impression]
) -> Factors:
    """Weigh records before any voter is capped.

    Args:
        records: What stands.
        config: Settings.
        now: Time from which age is counted.
        impressions: What was served, judged or not; without any, everybody is taken to vote alike.

    Returns:
        The factors.
    """
    propensity, note = propensity_factors(records, impressions, config.propensity_clip)
    bursts = burst_factors(records, config)
    parts = {
        "age": {record.record_id: decay(record, config, now) for record in records},
        "source": {record.record_id: source_weight(record, config) for record in records},
        "burst": {record.record_id: bursts.get(record.record_id, 1.0) for record in records},
        "propensity": {record.record_id: propensity.get(record.record_id, 1.0) for record in records},
    }
    product = {record.record_id: 1.0 for record in records}
    for factors in parts.values():
        for record_id, factor in factors.items():
            product[record_id] *= factor
    return Factors(product, {name: FactorSummary.of([*part.values()]) for name, part in parts.items()}, (note,), bursts)


def capped(drafts: Sequence[Draft], config: DatasetConfig) -> tuple[tuple[Draft, ...], FactorSummary, float]:
    """Cap every voter at `max(cap_floor, cap_share x all)` effective judgements: the sum of what they weigh.

    Models are few and judge a lot: they are capped together, at `ai_share` of all where people judged too.

    Args:
        drafts: Everything that is to be learned, weighed by all other factors.
        config: Settings.

    Returns:
        The drafts with their final weights, what the cap did by voter, and the cap.
    """
    factors, cap = voter_cap([(draft.voter, draft.weight) for draft in drafts if draft.origin != "ai"], config)
    people = sum(draft.weight * factors[draft.voter] for draft in drafts if draft.origin != "ai")
    models = sum(draft.weight for draft in drafts if draft.origin == "ai")
    room = people * config.ai_share / (1 - config.ai_share)
    shared = min(1.0, room / models) if people and models else 1.0
    final = tuple(
        replace(draft, weight=draft.weight * (shared if draft.origin == "ai" else factors[draft.voter]))
        for draft in drafts
    )
    every = {draft.voter for draft in drafts if draft.origin == "ai"}
    return final, FactorSummary.of([*factors.values(), *(shared for _ in every)]), cap


def voter_cap(weights: Iterable[tuple[str, float]], config: DatasetConfig) -> tuple[dict[str, float], float]:
    """Give the factor that keeps each voter under the cap, and the cap, from (voter, weight) of every judgement."""
    spent: dict[str, float] = defaultdict(float)
    for voter, weight in weights:
        spent[voter] += weight
    cap = max(config.cap_floor, config.cap_share * sum(spent.values()))
    return {voter: min(1.0, cap / total) if total > 0 else 1.0 for voter, total in spent.items()}, cap


def source_weight(record: Record, config: DatasetConfig) -> float:
    """Give what a judgement weighs by where it comes from: a person, a model, a foreign data set."""
    weight = config.ai_weight if record.source == "ai" else 1.0
    return weight * (config.imported_weight if record.imported else 1.0)
