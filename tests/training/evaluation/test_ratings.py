"""Ratings: by hand, the known order found again, and intervals that hold the truth."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest

from tests.training.conftest import make_prompt
from training.datasets.examples import PairOutcome
from training.evaluation.ratings import Comparison, comparisons, rate_versions
from training.policy.base import Answer, Sampling
from training.records.types import JudgedAnswer, Outcome, Record, Source


def repeat(first: str, second: str, outcome: PairOutcome, times: int) -> list[Comparison]:
    """Let that many voters say the same."""
    return [Comparison(first, second, outcome, f"{first}{second}{outcome}{number}") for number in range(times)]


def record(
    versions: list[str],
    outcome: Outcome,
    *,
    ranks: tuple[int, ...] = (),
    excluded: str = "",
    source: Source = "human",
) -> Record:
    """Make a preference over answers of these versions."""
    judged = tuple(
        JudgedAnswer(f"ans_{number}", Answer("Yes.", version, "stop", Sampling(), None, 1), position=number)
        for number, version in enumerate(versions)
    )
    return Record(
        record_id="rec_1",
        kind="preference",
        judged_at=0.0,
        voter="anna",
        prompt_id="prm_1",
        prompt=make_prompt(),
        answers=judged,
        outcome=outcome,
        ranks=ranks,
        excluded=excluded,
        source=source,
    )


def simulate(
    strengths: dict[str, float], voters: int, each: int, *, ties: float = 0.0, seed: int = 0
) -> list[Comparison]:
    """Let voters compare random pairs under the model; a share of comparisons is tied at random."""
    rng = np.random.default_rng(seed)
    pairs = list(combinations(strengths, 2))
    games = []
    for voter in range(voters):
        for _ in range(each):
            first, second = pairs[rng.integers(len(pairs))]
            if rng.random() < 0.5:
                first, second = second, first
            chance = 1 / (1 + math.exp(strengths[second] - strengths[first]))
            outcome: PairOutcome = "tie" if rng.random() < ties else "first" if rng.random() < chance else "second"
            games.append(Comparison(first, second, outcome, f"voter-{voter}"))
    return games


def test_two_versions_by_hand() -> None:
    """300 wins of 400: log 3 = 1.0986, less what the imaginary ties take (under 1 %). Wins 300, games 400."""
    rated = rate_versions([*repeat("b", "a", "first", 300), *repeat("a", "b", "first", 100)], reference="a")
    assert [rating.version for rating in rated.ratings] == ["b", "a"]
    best = rated.of("b")
    assert best.strength.value == pytest.approx(math.log(3), rel=0.01)
    assert best.strength.low < math.log(3) < best.strength.high
    assert (best.wins, best.games, best.strength.n) == (300, 400, 400)
    assert (rated.of("a").strength.value, rated.of("a").strength.low) == (0.0, 0.0)
    with pytest.raises(KeyError):
        rated.of("c")


def test_ties_and_two_bad_answers_are_half_a_win_for_each() -> None:
    rated = rate_versions([*repeat("a", "b", "tie", 20), *repeat("a", "b", "both_bad", 10)])
    assert [rating.wins for rating in rated.ratings] == [15.0, 15.0]
    assert rated.of("a").strength.value == pytest.approx(0)


def test_the_side_does_not_matter() -> None:
    games = simulate({"a": 0, "b": 1, "c": -1}, 10, 5)
    swap: dict[PairOutcome, PairOutcome] = {"first": "second", "second": "first", "tie": "tie", "both_bad": "both_bad"}
    turned = [Comparison(game.second, game.first, swap[game.outcome], game.voter) for game in games]
    assert rate_versions(turned) == rate_versions(games)


def test_a_version_that_never_lost_is_finite_and_uncertain() -> None:
    """5 of 5: about log 11 = 2.4 above strength 0, by hand 5 (1 - p) = p - 1/2, yet five votes do not prove it."""
    rated = rate_versions(repeat("new", "old", "first", 5), reference="old")
    strength = rated.of("new").strength
    assert 1 < strength.value < 6
    assert math.isfinite(strength.high)
    assert strength.low < 0.5
    assert rate_versions(repeat("new", "old", "first", 50), reference="old").of("new").strength.low > 0


def test_a_single_voter_gives_no_interval() -> None:
    rated = rate_versions([Comparison("a", "b", "first", "anna")] * 100)
    assert rated.of("a").strength.value > 0
    assert rated.of("a").strength.low == -math.inf


def test_the_known_order_is_found_again() -> None:
    truth = {"v1": 0.0, "v2": 0.6, "v3": 1.2, "v4": 1.8}
    rated = rate_versions(simulate(truth, voters=100, each=20), reference="v1")
    assert [rating.version for rating in rated.ratings] == ["v4", "v3", "v2", "v1"]
    for version, strength in truth.items():
        assert rated.of(version).strength.value == pytest.approx(strength, abs=0.25)
    assert len(rated.components) == 1


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """120 simulated studies, three strengths each about their mean: at least 92 % of 360 intervals at 95 %."""
    truth = {"a": -0.5, "b": 0.0, "c": 0.5}
    held = 0
    for seed in range(120):
        rated = rate_versions(simulate(truth, voters=30, each=4, seed=seed), draws=200)
        held += sum(r.strength.low <= truth[r.version] <= r.strength.high for r in rated.ratings)
    assert held / 360 >= 0.92


def test_one_loud_voter_widens_the_interval() -> None:
    """A quarter of the voters has the opposite taste and votes most: clusters must show it."""
    rng = np.random.default_rng(0)
    games = []
    for voter in range(20):
        mine, each = (0.2, 40) if voter % 4 == 0 else (0.8, 5)
        games += [Comparison("a", "b", "first" if rng.random() < mine else "second", f"v{voter}") for _ in range(each)]
    alone = [Comparison(g.first, g.second, g.outcome, f"v{number}") for number, g in enumerate(games)]
    wide, narrow = rate_versions(games).of("a").strength, rate_versions(alone).of("a").strength
    assert wide.value == narrow.value
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


def test_versions_that_were_never_linked_are_told_apart() -> None:
    rated = rate_versions([*repeat("a", "b", "first", 3), *repeat("c", "d", "first", 3)])
    assert rated.components == (("a", "b"), ("c", "d"))


def test_nothing_compared_gives_nothing_and_a_stranger_is_refused() -> None:
    assert rate_versions([]).ratings == ()
    assert rate_versions([Comparison("a", "a", "first", "anna")]).ratings == ()
    with pytest.raises(ValueError, match="never compared"):
        rate_versions(repeat("a", "b", "first", 2), reference="c")


def test_records_become_comparisons_of_different_versions() -> None:
    kept = [record(["a", "b"], "second"), record(["a", "b"], "both_bad")]
    left = [
        record(["a", "a"], "first"),
        record(["a", "b"], "first", excluded="spam"),
        record(["a", "b"], "first", source="ai"),
    ]
    assert [(c.first, c.second, c.outcome) for c in comparisons([*kept, *left])] == [
        ("a", "b", "second"),
        ("a", "b", "both_bad"),
    ]
    assert len(list(comparisons(left, sources=("ai",)))) == 1


def test_a_ranking_gives_its_pairs_at_shared_weight() -> None:
    """Ranks 2, 1, 2 of a, b, c: b beats both, a and c tie; three pairs at 2/3 make two comparisons."""
    found = list(comparisons([record(["a", "b", "c"], "ranked", ranks=(2, 1, 2))]))
    assert [(c.first, c.second, c.outcome) for c in found] == [
        ("a", "b", "second"),
        ("a", "c", "tie"),
        ("b", "c", "first"),
    ]
    assert sum(c.weight for c in found) == pytest.approx(2)
