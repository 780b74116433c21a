"""The win rate by a learned judge: the interval must hold the truth as often as it says, judges being judged too."""

from __future__ import annotations

import numpy as np
import pytest

from training.gate.winning import judged_win_rate
from training.statistics.quantiles import student_quantile


def test_by_hand_two_prompts_two_heads() -> None:
    """Chances 0.5 and 0.8 for one head, 0.6 and 0.9 for the other: mean 0.7.

    prompts: deviations of the prompts' means (0.55, 0.85) are -0.15 and 0.15: 2 / 1 x (0.0225 + 0.0225) / 4 = 0.0225;
             of the log-odds 0.0225 / (0.7 x 0.3)^2 = 0.5102
    judge:   log-odds of the heads' means 0.65 and 0.75 are 0.6190 and 1.0986: variance 0.11499, x 1.5 = 0.17248
    df:      0.6827^2 / (0.5102^2 + 0.1725^2) = 1.6, taken as 1
    """
    chances = np.array([[0.5, 0.6], [0.8, 0.9]])
    found = judged_win_rate(np.log(chances / (1 - chances)), ["a", "b"])
    half = student_quantile(0.975, 1) * np.sqrt(0.5102 + 0.17248)
    assert found.value == pytest.approx(0.7)
    assert found.low == pytest.approx(1 / (1 + np.exp(half - 0.8588)), rel=1e-3)
    assert found.high == pytest.approx(1 / (1 + np.exp(-half - 0.8588)), rel=1e-3)
    assert (found.n, found.clusters) == (2, 2)


def test_prompts_of_one_voter_count_as_one_observation() -> None:
    rng = np.random.default_rng(0)
    by_voter = np.repeat(rng.normal(size=20), 10)
    margins = by_voter[:, None] + rng.normal(size=(200, 8)) * 0.01
    alone = judged_win_rate(margins, [str(at) for at in range(200)])
    together = judged_win_rate(margins, [str(at // 10) for at in range(200)])
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_more_prompts_do_not_make_a_doubtful_judge_sure() -> None:
    lean = np.linspace(-0.5, 0.5, 8)
    small = judged_win_rate(np.tile(lean, (50, 1)) + 0.2, [str(at) for at in range(50)])
    large = judged_win_rate(np.tile(lean, (5000, 1)) + 0.2, [str(at) for at in range(5000)])
    assert large.low == pytest.approx(small.low)
    assert large.low < 0.5


@pytest.mark.parametrize("judge_error", [0.0, 0.3, 1.0])
def test_equal_policies_are_called_better_as_seldom_as_promised(judge_error: float) -> None:
    """Judges that err alike on all prompts: each head is the truth plus the judge's error plus its own draw of it."""
    rng = np.random.default_rng(7)
    promoted = 0
    for _ in range(1000):
        shared = rng.normal() * judge_error
        heads = shared + rng.normal(size=8) * judge_error
        margins = rng.normal(size=(60, 1)) * 0.5 + heads + rng.normal(size=(60, 8)) * 0.2
        promoted += judged_win_rate(margins, [str(at // 2) for at in range(60)]).low > 0.5
    assert promoted <= 40  # 25 expected of a two-sided 95 % interval; 40 is three standard deviations more


@pytest.mark.parametrize(
    ("margins", "clusters"),
    [(np.zeros((0, 8)), []), (np.zeros((5, 1)), list("abcde")), (np.zeros((5, 8)), ["a"] * 5)],
    ids=["nothing", "one head", "one voter"],
)
def test_where_nothing_can_be_known_nothing_is_claimed(margins: np.ndarray, clusters: list[str]) -> None:
    assert not np.isfinite(judged_win_rate(margins, clusters).low)


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="clusters"):
        judged_win_rate(np.zeros((3, 8)), ["a"])
    with pytest.raises(ValueError, match="finite"):
        judged_win_rate(np.full((2, 8), np.nan), ["a", "b"])
