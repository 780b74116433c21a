"""An automatic judge compares two answers to one prompt: always asked in both orders.

Judges favour a place: the first or the second answer, whatever stands there (Wang et al. 2023, arXiv 2305.17926; Zheng
et al. 2023, arXiv 2306.05685). So each pair is asked twice with the places swapped, and the chances are averaged. Where
the two orders name different winners the judgement is a tie, marked as not agreed; `place_bias` says how often, and
where to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal, Protocol

from training.policy.base import Answer, Prompt
from training.statistics import Estimate, mean_estimate, win_rate

Verdict = Literal["first", "second", "tie"]
_DECIDED = 0.5  # above it an order names the first


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a judge thinks of two answers, both orders averaged."""

    p_first: float  # chance that the first is better
    outcome: Verdict
    agreed: bool  # whether both orders name the same winner, or both none
    p_by_order: tuple[float, float]  # chance for the first as asked, and with the places swapped
    criteria: Mapping[str, float] = field(default_factory=dict)  # -1 to 1 by criterion: above 0 the first is better
    rationale: str = ""


class Judge(Protocol):
    """Anything that compares answers. Thread-safe."""

    @property
    def name(self) -> str:
        """Name recorded with its judgements."""
        ...

    def compare(self, prompt: Prompt, first: Answer, second: Answer) -> Judgement:
        """Compare two answers in both orders; `JudgeError` where it gives no judgement."""
        ...


class JudgeError(Exception):
    """A judge gave no judgement.

    JudgeError
    ├── JudgeUnavailable   it cannot be reached, or is overloaded, after every attempt
    ├── JudgeRefused       it will not judge: bad key, bad request, no such model
    └── JudgeUnreadable    what it said is no judgement, even when asked again
    """


class JudgeUnavailable(JudgeError):
    """It cannot be reached, or is overloaded, after every attempt."""


class JudgeRefused(JudgeError):
    """It will not judge: bad key, bad request, no such model."""


class JudgeUnreadable(JudgeError):
    """What it said is no judgement, even when asked again."""


@dataclass(frozen=True, slots=True)
class OneOrder:
    """What was said in one order."""

    p_shown_first: float  # chance that the answer shown first is better
    criteria: Mapping[str, float] = field(default_factory=dict)  # above 0 the answer shown first is better
    rationale: str = ""


def both_orders(ask: Callable[[Answer, Answer], OneOrder], first: Answer, second: Answer) -> Judgement:
    """Ask in both orders and average.

    Args:
        ask: Judges two answers in the order shown.
        first: An answer.
        second: Another. One with the same text is a tie, and nobody is asked.

    Returns:
        The judgement. Where the orders disagree the outcome is a tie.
    """
    if first.text.split() == second.text.split():
        return Judgement(0.5, "tie", agreed=True, p_by_order=(0.5, 0.5))
    as_asked, swapped = ask(first, second), ask(second, first)
    chances = (as_asked.p_shown_first, 1 - swapped.p_shown_first)
    named = [_verdict(chance) for chance in chances]
    names = [name for name in as_asked.criteria if name in swapped.criteria]
    agreed = named[0] == named[1]
    return Judgement(
        p_first=sum(chances) / 2,
        outcome=named[0] if agreed else "tie",
        agreed=agreed,
        p_by_order=chances,
        criteria={name: (as_asked.criteria[name] - swapped.criteria[name]) / 2 for name in names},
        rationale=as_asked.rationale,
    )


def compare_all(
    judge: Judge,
    items: Sequence[tuple[Prompt, Answer, Answer]],
    *,
    at_once: int = 4,
    progress: Callable[[int], None] | None = None,
) -> list[Judgement | JudgeError]:
    """Compare many pairs, several at a time.

    Args:
        judge: Compares.
        items: Prompt and two answers.
        at_once: Most comparisons in flight.
        progress: Told after each pair, in order, how many are done.

    Returns:
        For each item its judgement, or why there is none.
    """

    def one(item: tuple[Prompt, Answer, Answer]) -> Judgement | JudgeError:
        try:
            return judge.compare(*item)
        except JudgeError as error:
            return error

    found: list[Judgement | JudgeError] = []
    with ThreadPoolExecutor(max_workers=max(1, at_once)) as pool:
        for result in pool.map(one, items):
            found.append(result)
            if progress is not None:
                progress(len(found))
    return found


def win_rate_by_judge(
    judgements: Iterable[Judgement | JudgeError], clusters: Sequence[str] | None = None
) -> tuple[Estimate, int]:
    """Estimate how often the first answers win.

    Args:
        judgements: Of candidate (first) against champion (second). A pair on which the orders disagree is half a win.
        clusters: Whom each prompt comes from, or its document; None if they are independent.

    Returns:
        The win rate, and how many pairs have no judgement and are left out.

    Raises:
        ValueError: If there are not as many clusters as judgements.
    """
    every = list(judgements)
    groups = list(clusters) if clusters is not None else [str(place) for place in range(len(every))]
    pairs = [(one, group) for one, group in zip(every, groups, strict=True) if isinstance(one, Judgement)]
    wins = [{"first": 1.0, "tie": 0.5, "second": 0.0}[one.outcome] for one, _ in pairs]
    return win_rate(wins, [group for _, group in pairs]), len(every) - len(pairs)


def place_bias(judgements: Iterable[Judgement | JudgeError]) -> tuple[Estimate, Estimate]:
    """Measure a judge's bias for a place.

    Args:
        judgements: Of any pairs.

    Returns:
        The share of pairs on which the orders disagree; and the mean chance given to the answer shown first, 0.5
        without bias. Pairs of equal texts, on which nobody was asked, are left out.
    """
    asked = [one for one in judgements if isinstance(one, Judgement) and one.p_by_order != (0.5, 0.5)]
    disagreed = mean_estimate([float(not one.agreed) for one in asked])
    shown_first = mean_estimate([(one.p_by_order[0] + 1 - one.p_by_order[1]) / 2 for one in asked])
    return disagreed, shown_first


def _verdict(p_first: float) -> Verdict:
    return "tie" if abs(p_first - _DECIDED) < 1e-9 else "first" if p_first > _DECIDED else "second"
