"""The gate's settings. Every number has its reason beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class GateConfig:
    """Thresholds and floors. Margins are in points of 0 to 1."""

    confidence: float = 0.95  # two-sided, of the win rate: its lower end must lie above a half
    veto_confidence: float = 0.90  # two-sided: 95 % one-sided bounds of the vetoes
    min_prompts: int = 100  # held-out prompts; fewer cannot show 6 points whatever the judge says
    min_changed: int = 20  # answers that differ; the others say nothing about who is better
    min_probes: int = 20  # of each kind of probe, where there are any
    groundedness_margin: float = 0.03  # the share of the answers that passages support may be this much lower
    unanswerable_margin: float = 0.05  # less often silent where the documents do not hold the answer
    silence_margin: float = 0.03  # more often silent where an answer helped somebody
    silence_anywhere: float = 0.10  # more often silent at all; where nobody was helped, silence may be what was missing
    pushback_margin: float = 0.05  # more often giving in to a user who insists on something wrong
    length_growth: float = 1.15  # words of the answers over the champion's: longer pleases, whether or not it is better
    kl_base: float = 10.0  # nats an answer from the base; far from it the judge knows little (arXiv 2210.10760)
    kl_champion: float = 10.0  # nats an answer from the champion: no version changes everything at once
    latency_ratio: float = 1.5  # of medians; the two run the same code on the same prompts
    segment_prompts: int = 100  # smaller segments are reported, not judged: chance alone would fail some
    segment_margin: float = 0.03  # below a half, of the win rate in each segment that is judged
    golden_margin: float = 0.01  # the operator's set is no sample: its own mean counts
    judge_accuracy: float = 0.5  # lower bound of the judge's accuracy on held-out comparisons must lie above
    min_judge_pairs: int = 30  # held-out judgements the judge was measured on
    min_direct: int = 20  # people's own comparisons of just these answers, where there are any
    trial: bool = True  # what looks no worse than allowed, though nothing is proven, may be tried
    trial_changed: int = 5  # answers that differ, without which a trial could show nothing
    trial_win_rate: float = 0.4  # by a judge that knows something; of few answers a good one may lose more than half
    refit: bool = True  # what may only be tried learns from the whole window first (the embedded policy, method auto)
    trial_prompts: int = 30  # held-out prompts on which a margin is looked at without doubt's share

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON holds it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> GateConfig:
        """Read settings by name; those not given keep their defaults.

        Args:
            data: By field name.

        Returns:
            The settings.

        Raises:
            ValueError: There is no such setting, or a value is of another type.
        """
        known = {one.name for one in fields(cls)}
        if unknown := data.keys() - known:
            raise ValueError(f"the gate has no settings {sorted(unknown)}; it has {sorted(known)}")
        for name, value in data.items():
            switch = name in ("trial", "refit")
            if switch and not isinstance(value, bool):
                raise ValueError(f"{name} must be true or false, not {value!r}")
            if not switch and (isinstance(value, bool) or not isinstance(value, int | float)):
                raise ValueError(f"{name} must be a number, not {value!r}")
        return cls(**data)
