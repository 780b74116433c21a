"""The bets: by hand, at their bounds, and that looking after every vote does not spoil them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.training.watch.crowd import Crowd
from training.watch.betting import Bets
from training.watch.observations import Duel, Thumb, counts, once_each
from training.watch.payoffs import Payoff, payoffs


def wealth(*values: float, voters: int = 0, **how: Any) -> float:
    paid = [Payoff(f"v{at % voters if voters else at}", value, 1.0, 1.0) for at, value in enumerate(values)]
    return math.exp(Bets.of(paid).log_wealth(**how))


def test_wealth_by_hand() -> None:
    """Two voters for it, one against, at a stake of 0.2: 1.2 * 1.2 * 0.8; all of one voter: 1 + 0.2 (1 + 1 - 1)."""
    assert wealth(1, 1, -1, stakes=(0.2,)) == pytest.approx(1.2 * 1.2 * 0.8)
    assert wealth(1, 1, -1, voters=1, stakes=(0.2,)) == pytest.approx(1.2)
    mixed = (1.2 * 1.2 * 0.8 + 1.4 * 1.4 * 0.6) / 2
    assert wealth(1, 1, -1, stakes=(0.2, 0.4)) == pytest.approx(mixed)
    assert wealth(1, 0, above=False, stakes=(0.2,)) == pytest.approx(0.8)
    assert wealth(1, -1, net=0.5, stakes=(0.3,)) == pytest.approx((1 + 0.2 * 0.5) * (1 - 0.2 * 1.5))
    assert wealth() == 1.0


def test_no_voter_moves_it_by_more_than_a_factor_of_1_9() -> None:
    assert wealth(*[1.0] * 500, voters=1) <= 1.9
    assert wealth(*[-1.0] * 500, voters=1) >= 0.1 - 1e-9


def test_a_thumb_pays_by_how_rarely_its_arm_was_given() -> None:
    """With a share of 0.2 and a baseline of 1/2, the candidate's thumbs pay 1/2, the champion's an eighth."""
    first = payoffs([Thumb("a", "p", 1.0, True, True, 0.2)])[0]
    assert (first.value, first.bound, first.scale) == (0.5, 1.0, 0.2)
    other = payoffs([Thumb("a", "p", 1.0, True, False, 0.2)])[0]
    assert (other.value, other.bound) == (-0.125, 0.25)
    with pytest.raises(ValueError, match="between 0 and 1"):
        payoffs([Thumb("a", "p", 1.0, True, True, 1.0)])


def test_a_share_that_changed_and_kind_voters_pay_nothing_on_average() -> None:
    """Everybody likes everything more once the share was raised; the arms are equal."""
    rng = np.random.default_rng(0)
    totals = []
    for _ in range(200):
        thumbs = []
        for at in range(400):
            share, kindness = (0.1, 0.3) if at < 200 else (0.6, 0.8)
            thumbs.append(Thumb(f"v{at}", "p", at, bool(rng.random() < kindness), bool(rng.random() < share), share))
        totals.append(sum(one.value for one in payoffs(thumbs)))
    assert abs(np.mean(totals)) < 3 * np.std(totals) / math.sqrt(200)


def test_the_interval_holds_the_truth_and_shrinks() -> None:
    """Net share shown: (0.45 - 0.15) less the flips of 20 % and 5 % contrary voters, 0.3 * 0.54."""
    crowd = Crowd(won=0.45, lost=0.15, contrary=0.05)
    held, widths = 0, []
    for seed in range(20):
        votes = crowd.votes(600, seed)
        low, high = Bets.of(payoffs(once_each(votes))).interval(0.05)
        held += low <= 0.3 * 0.54 <= high
        few = Bets.of(payoffs(once_each(votes[:100]))).interval(0.05)
        widths.append((high - low) / (few[1] - few[0]))
    assert held >= 19
    assert max(widths) < 1.0
    assert Bets.of(()).interval(0.05) == (-1.0, 1.0)


def test_each_voter_counts_once_a_prompt_and_a_duel_before_a_thumb() -> None:
    thumb = Thumb("a", "p", 1.0, True, True, 0.2)
    duel = Duel("a", "p", 2.0, -1, candidate_first=True)
    again = Thumb("a", "p", 0.5, False, True, 0.2)
    other = Thumb("b", "p", 0.1, True, False, 0.2)
    assert once_each([thumb, duel, again, other]) == (other, duel)
    assert once_each([thumb, again]) == (again,)
    told = counts([duel, other])
    assert (told["judged"], told["voters"], told["lost"], told["champion_up"], told["first_won"]) == (2, 2, 1, 1, 0)
