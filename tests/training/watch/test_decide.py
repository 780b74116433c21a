"""What is decided, and how often wrongly, when it is looked at after every tenth vote."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tests.training.watch.crowd import Crowd
from training.watch.config import TrialConfig
from training.watch.decide import Action, Trial, TrialDecision, decide_trial
from training.watch.guards import BUCKETS, Served, bucket_of, check_guards
from training.watch.observations import Observation

TRIED = Trial("new", "old", "trial")
PROVEN = replace(TRIED, tier="proven")
QUICK = (0, 0, 0, 0, 300, *[0] * (len(BUCKETS) - 4))
WELL = Served(300, 30, 0, QUICK)
BETTER = Crowd(won=0.5, lost=0.1)
EQUAL = Crowd()
BAD = Crowd(won=0.1, lost=0.55)


def decide(trial: Trial, votes: list[Observation], ours: Served = WELL, theirs: Served = WELL) -> TrialDecision:
    return decide_trial(trial, votes, ours, theirs)


def course(trial: Trial, crowd: Crowd, n: int, seed: int, step: int = 10) -> tuple[Action, int]:
    """Look after every `step` votes until something is decided; give what, and after how many."""
    votes = crowd.votes(n, seed)
    for upto in range(step, n + 1, step):
        found = decide(trial, [one for one in votes if one.at < upto])
        if found.action != "watch":
            return found.action, upto
    return "watch", n


def rate(trial: Trial, crowd: Crowd, n: int, action: Action, runs: int = 40, step: int = 10) -> float:
    return sum(course(trial, crowd, n, seed, step)[0] == action for seed in range(runs)) / runs


def test_a_better_candidate_is_promoted_with_evidence_that_the_registry_takes() -> None:
    found = decide(TRIED, BETTER.votes(400, 1))
    assert found.action == "promote", found.reason
    assert found.evidence.proves
    assert found.evidence.test == "superiority"
    assert found.evidence.counts["duels"] > 100
    assert found.reason.startswith("evidence of ")
    assert " to 1 that it is better: where answers differ it wins +" in found.reason
    assert found.missing == ""
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["action"] == "promote"


def test_a_trial_that_nobody_judged_waits_and_says_for_what() -> None:
    found = decide(TRIED, [])
    assert (found.action, found.missing) == ("watch", "0 of 30 judgements on answers that differ")
    assert json.dumps(found.as_dict(), allow_nan=False)
    few = decide(TRIED, Crowd(voters=5, won=1.0, lost=0.0).votes(60, 0))
    assert few.missing == "5 of 8 people"
    unserved = decide(TRIED, BETTER.votes(400, 1), Served())
    assert "0 of 50 answers of each" in unserved.missing


def test_a_proven_candidate_needs_less_and_only_shows_no_harm() -> None:
    votes = Crowd(won=0.4, lost=0.2).votes(80, 0)
    assert decide(TRIED, votes).action == "watch"
    found = decide(PROVEN, votes)
    assert (found.action, found.evidence.test) == ("promote", "no harm")


def test_an_unending_trial_ends() -> None:
    assert decide(replace(TRIED, age_s=8 * 86_400.0), []).action == "rollback"
    votes = EQUAL.votes(1100, 5)
    quiet = replace(TrialConfig(), alpha_futile=1e-9, alpha_better=1e-9)
    assert "1100 judgements decided nothing" in decide_trial(TRIED, votes, WELL, WELL, quiet).reason


@pytest.mark.parametrize("tier", [TRIED, PROVEN])
def test_a_clearly_bad_candidate_is_back_within_200_votes(tier: Trial) -> None:
    """Duels lost three in four of those decided, thumbs 20 points down."""
    runs = [course(tier, BAD, 200, seed) for seed in range(40)]
    assert sum(action == "rollback" for action, _ in runs) >= 38
    assert sum(action == "promote" for action, _ in runs) <= 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "crowd",
    [
        EQUAL,
        replace(EQUAL, won=0.1, lost=0.1),
        replace(EQUAL, pairs=1.0),
        replace(EQUAL, pairs=0.0, share=0.5),
        replace(EQUAL, voters=30, sided=0.6),
        replace(EQUAL, voters=12),
    ],
    ids=["both", "mostly alike", "duels", "thumbs", "thirty, most with a side", "twelve"],
)
def test_an_equal_candidate_is_rarely_promoted_however_often_one_looks(crowd: Crowd) -> None:
    """Stated: 0.2 at most. 60 runs of a rate of 0.2 give more than 19 in one of 40 cases."""
    assert rate(TRIED, crowd, 500, "promote", runs=60, step=20) <= 19 / 60


@pytest.mark.slow
def test_a_worse_candidate_is_hardly_ever_promoted() -> None:
    assert rate(TRIED, Crowd(won=0.2, lost=0.4), 400, "promote", runs=60, step=20) <= 1 / 60
    assert rate(PROVEN, Crowd(won=0.15, lost=0.45), 400, "promote", runs=60) <= 12 / 60


@pytest.mark.slow
def test_a_better_candidate_is_hardly_ever_sent_back() -> None:
    assert rate(TRIED, BETTER, 400, "rollback") <= 2 / 40
    assert rate(TRIED, BETTER, 400, "promote") >= 34 / 40


@pytest.mark.slow
def test_one_voter_in_ten_who_always_prefers_the_candidate_does_not_turn_it() -> None:
    hostile = replace(BAD, loyal=0.1)
    runs = [course(TRIED, hostile, 300, seed) for seed in range(40)]
    assert sum(action == "promote" for action, _ in runs) <= 3
    assert sum(action == "rollback" for action, _ in runs) >= 28


def test_three_accounts_that_vote_a_thousand_times_change_nothing() -> None:
    honest = BAD.votes(200, 2)
    sybils = [
        replace(one, voter=f"sybil-{at % 3}")
        for at, one in enumerate(Crowd(won=1.0, lost=0.0, flipped=0).votes(999, 3))
    ]
    assert decide(TRIED, [*honest, *sybils]).action == "rollback"


def test_a_segment_that_loses_holds_up_a_promotion_and_a_strong_loss_ends_the_trial() -> None:
    votes = [replace(one, segment="en") for one in Crowd(won=0.7, lost=0.05).votes(400, 1)]
    losing = [
        replace(one, segment="de", voter=f"de-{one.voter}", prompt=f"de-{one.prompt}") for one in BAD.votes(400, 4)
    ]
    assert decide(TRIED, votes).action == "promote"
    held = next(
        found for upto in range(20, 400, 2) if (found := decide(TRIED, [*votes, *losing[:upto]])).action != "promote"
    )
    assert held.action == "watch"
    assert held.missing.startswith("segment de looks worse")
    lost = decide(TRIED, [*votes, *losing])
    assert (lost.action, lost.reason[:27]) == ("rollback", "it is worse for segment de:")


SLOW = tuple([0] * 9 + [300] + [0] * (len(BUCKETS) - 9))
UNWELL = {
    "errors": replace(WELL, answers=250, errors=50),
    "silence": replace(WELL, abstained=200),
    "latency": replace(WELL, seconds=SLOW),
}


@pytest.mark.parametrize("name", UNWELL)
def test_each_guard_ends_a_trial_that_voters_love(name: str) -> None:
    found = decide(TRIED, BETTER.votes(400, 1), UNWELL[name])
    assert found.action == "rollback"
    assert found.reason.startswith(f"{name}: ")
    assert [guard.name for guard in found.guards if guard.outcome == "failed"] == [name]


def test_guards_say_nothing_of_few_answers_and_bear_small_differences() -> None:
    few = check_guards(Served(20, 20, 20, QUICK[:4] + (20,) + QUICK[5:]), WELL, TrialConfig())
    assert [guard.outcome for guard in few] == ["too_few"] * 3
    near = Served(300, 50, 3, (0, 0, 0, 0, 200, 90, 10, *[0] * (len(BUCKETS) - 6)))
    assert [guard.outcome for guard in check_guards(near, WELL, TrialConfig())] == ["ok"] * 3
    talks = replace(WELL, abstained=280)
    assert check_guards(WELL, talks, TrialConfig())[1].outcome == "failed"  # it suddenly knows everything


def test_latency_buckets() -> None:
    assert bucket_of(0.0) == 0
    assert bucket_of(BUCKETS[3]) == 3
    assert bucket_of(1e9) == len(BUCKETS)
