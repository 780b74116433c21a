"""What decides which judgements are learned from and how much each counts."""

from __future__ import annotations

import math
from dataclasses import dataclass

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class DatasetConfig:
    """Settings of `build_examples`. The defaults are for few, noisy votes by people who cannot all be trusted."""

    half_life_days: float | None = 75.0  # a judgement of that age counts half; None: age does not matter
    least_weight: float = 0.01  # what age has brought below this is left out
    cap_floor: float = 5.0  # effective judgements that any voter may have
    cap_share: float = 0.005  # ... or this share of the window, whichever is more
    thumbs_pair_weight: float = 0.5  # of a pair that one voter's thumbs up and down on two answers make
    both_bad_weight: float = 0.5  # of the thumb down that "both bad" means for each of the two; 0: none
    use_ai: bool = False  # whether judgements by a model count at all
    ai_weight: float = 0.5  # of a model's judgement against a person's
    ai_share: float = 0.5  # most of the window that models may hold together where people judged too; no cap on each
    imported_weight: float = 1.0  # of a judgement from a file of other people's preferences
    excluded_voters: frozenset[str] = frozenset()  # names as in the records; none of their judgements counts
    quarantine_days: float = 0.0  # a voter's judgements wait until the first of them is this old
    quarantine_agreements: int = 20  # ... or they share so many with others and agree beyond chance; 0: they wait
    trust_judgements: int = 20  # judgements shared with others before agreement says anything; 0: never asked
    burst_voters: int = 5  # same question, same answer, same verdict: this many voters in a row count in full
    burst_gap_s: float = 600.0  # ... "in a row" means at most this far apart
    propensity_clip: float = 5.0  # most by which answers of a kind seldom judged weigh more, or often judged less
    focus_weight: float = 4.0  # of a judgement from the segment or collection that is trained for, against any other
    implied_mark_weight: float = 0.25  # of the marks that a reason such as wrong_source means for cited passages

    def __post_init__(self) -> None:
        """Raise ValueError for a setting that makes no sense."""
        if self.half_life_days is not None and self.half_life_days <= 0:
            raise ValueError("half_life_days must be positive, or None where age does not matter")
        if self.cap_floor <= 0 or not 0 <= self.cap_share <= 1:
            raise ValueError("cap_floor must be positive and cap_share between 0 and 1")
        if self.burst_voters < 1 or self.burst_gap_s < 0:
            raise ValueError("burst_voters must be at least 1 and burst_gap_s not negative")
        if self.propensity_clip < 1:
            raise ValueError("propensity_clip must be at least 1")
        if self.focus_weight < 1:
            raise ValueError("focus_weight must be at least 1")
        if not 0 < self.ai_share < 1:
            raise ValueError("ai_share must lie between 0 and 1")
        shares = (self.thumbs_pair_weight, self.both_bad_weight, self.ai_weight, self.imported_weight)
        if any(not 0 <= share <= 1 for share in (*shares, self.implied_mark_weight)):
            raise ValueError("weights of kinds of judgements lie between 0 and 1")

    @property
    def window_s(self) -> float | None:
        """Age in seconds from which on a judgement is too old to count; None when none ever is."""
        if self.half_life_days is None or self.least_weight <= 0:
            return None
        return self.half_life_days * DAY_S * max(0.0, -math.log2(self.least_weight))
