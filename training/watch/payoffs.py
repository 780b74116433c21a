"""From observations to numbers one can bet on: fair, or worse, as long as the candidate is not better.

A duel pays 1, -1 or 0. A thumb pays (A / q - (1 - A) / (1 - q)) (y - m), where A says whose answer it was, q is the
probability with which the candidate was given, y the thumb, and m what thumbs were like so far: inverse propensity
weighting, so that a share that changed during the trial does no harm, and a baseline known beforehand, so that a kind
or a severe voter pays nobody. Its mean is the difference of the thumb rates. It is scaled by min(q, 1 - q) into
[-1, 1].

Both means are one figure: the share of the prompts that candidate wins less that which it loses, where the two differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from training.watch.observations import Duel, Observation


@dataclass(frozen=True, slots=True)
class Payoff:
    """What one judgement pays whoever bets on the candidate."""

    voter: str
    value: float  # in [-bound, bound]
    bound: float  # known before the judgement
    scale: float  # mean of `value` when the net share won is 1


def payoffs(observations: Sequence[Observation]) -> tuple[Payoff, ...]:
    """Give what each judgement pays.

    Args:
        observations: In time order, each voter once a prompt.

    Returns:
        One payoff each, in their order.

    Raises:
        ValueError: If a share is not between 0 and 1.
    """
    made = []
    up, seen = 1.0, 2.0  # one thumb of each kind before the first
    for one in observations:
        if isinstance(one, Duel):
            made.append(Payoff(one.voter, float(one.outcome), 1.0, 1.0))
            continue
        if not 0.0 < one.share < 1.0:
            raise ValueError(f"the candidate was given with a probability between 0 and 1, not {one.share}")
        rare = min(one.share, 1.0 - one.share)
        weight = rare / one.share if one.candidate else -rare / (1.0 - one.share)
        made.append(Payoff(one.voter, weight * (float(one.up) - up / seen), abs(weight), rare))
        up, seen = up + float(one.up), seen + 1.0
    return tuple(made)
