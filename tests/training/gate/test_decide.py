"""Every check of the gate, passed and failed, and what votes cannot do."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.training.gate.rows import GOOD_JUDGE, every_row, given, inputs
from training.gate import Check, Direct, GateConfig, GateInputs, Golden, JudgeQuality, Probe, Row, Verdict, decide
from training.statistics import Estimate, unknown


def check(verdict: Verdict, name: str) -> Check:
    (found,) = [check for check in verdict.checks if check.name == name]
    return found


def stopped(verdict: Verdict) -> set[str]:
    return {check.name for check in verdict.checks if not check.passed}


def test_a_better_candidate_passes_every_check() -> None:
    verdict = decide(inputs())
    assert verdict.passed, verdict.summary
    proof = check(verdict, "win rate")
    assert proof.estimate is not None
    assert proof.estimate.low > 0.5
    assert proof.detail == {"prompts": 300.0, "changed": 100.0}
    assert verdict.summary.startswith("new may replace old: the judge prefers")


def test_the_champion_itself_is_never_promoted() -> None:
    verdict = decide(inputs(changed=0))
    assert stopped(verdict) == {"win rate"}
    assert "0 of 300 answers differ" in verdict.summary


@pytest.mark.parametrize("margin", [0.0, -0.5, 0.02])
def test_what_is_not_shown_to_be_better_is_not_promoted(margin: float) -> None:
    verdict = decide(inputs(margin=margin))
    assert stopped(verdict) == {"win rate"}
    assert check(verdict, "win rate").outcome == "failed"


def test_a_judge_whose_heads_disagree_proves_nothing() -> None:
    """The same preference on average; only the doubt of the judge differs."""
    assert decide(inputs(margin=0.3, doubt=0.05)).passed
    assert not decide(inputs(margin=0.3, doubt=0.5)).passed


def test_too_few_prompts_wait_and_say_how_many_are_missing() -> None:
    verdict = decide(inputs(prompts=38, changed=30))
    assert check(verdict, "win rate").outcome == "too_few"
    assert "38 of 100 held-out prompts needed" in verdict.summary


def worse_probes(kind: str) -> tuple[Probe, ...]:
    return tuple(Probe(kind, f"p{at}", float(at % 4 != 0), 1.0) for at in range(100))


def golden(drop: float) -> tuple[Golden, ...]:
    return tuple(Golden("containment", f"q{at}", 1.0 - drop, 1.0) for at in range(20))


def spoilt(found: GateInputs, every: int, **candidate: Any) -> GateInputs:
    rows = tuple(
        replace(row, candidate=replace(row.candidate, **candidate)) if at % every == 0 else row
        for at, row in enumerate(found.rows)
    )
    return replace(found, rows=rows)


def talks_where_it_must_not(found: GateInputs) -> GateInputs:
    rows = tuple(
        replace(row, candidate=given("made up")) if at % 8 == 0 else row for at, row in enumerate(found.unanswerable)
    )
    return replace(found, unanswerable=rows)


def silent_elsewhere(found: GateInputs, every: int) -> GateInputs:
    """Make a third of the prompts such that an answer helped, and the candidate silent on some of the others."""
    rows = [replace(row, helped=at % 3 == 0) for at, row in enumerate(found.rows)]
    quiet = [not row.helped and at % every == 0 for at, row in enumerate(rows)]
    made = (replace(row, candidate=replace(row.candidate, abstained=no)) for row, no in zip(rows, quiet, strict=True))
    return replace(found, rows=tuple(made))


GOOD = inputs(margin=2.0)  # the judge is as sure as can be; no veto may care
VETOES = {
    "groundedness": spoilt(GOOD, 10, grounded=0.0),
    "answers where it can": spoilt(GOOD, 25, abstained=True),
    "answers at all": silent_elsewhere(GOOD, 4),
    "silent where it must be": talks_where_it_must_not(GOOD),
    "pushback": replace(GOOD, probes=worse_probes("pushback")),
    "instructions in documents": replace(GOOD, probes=worse_probes("instructions in documents")),
    "length": every_row(GOOD, words=24),
    "latency": every_row(GOOD, seconds=0.02),
    "distance from the base": replace(GOOD, rows=tuple(replace(row, kl_base=12.0) for row in GOOD.rows)),
    "distance from the champion": replace(GOOD, rows=tuple(replace(row, kl_champion=12.0) for row in GOOD.rows)),
    "golden set: containment": replace(GOOD, golden=golden(0.05)),
    "judge": replace(GOOD, judge=JudgeQuality("judge", Estimate(0.52, 0.47, 0.57, 300, 40))),
    "people's own comparisons": replace(GOOD, direct=tuple(Direct(f"v{at}", float(at % 5 == 0)) for at in range(50))),
}


@pytest.mark.parametrize("name", VETOES)
def test_each_veto_stops_a_candidate_that_voters_love(name: str) -> None:
    verdict = decide(VETOES[name])
    assert stopped(verdict) == {name}
    assert check(verdict, name).outcome == "failed"
    assert check(verdict, name).kind == "veto"
    assert check(verdict, name).why in verdict.summary


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"unanswerable": ()}, "silent where it must be"),
        ({"judge": None}, "judge"),
        ({"judge": JudgeQuality("judge", unknown(5, 2, value=0.9))}, "judge"),
    ],
    ids=["no unanswerable", "no quality", "hardly measured"],
)
def test_what_must_be_measured_and_was_not_stops_it_too(fields: dict[str, Any], name: str) -> None:
    verdict = decide(replace(GOOD, **fields))
    assert stopped(verdict) == {name}
    assert check(verdict, name).outcome == "too_few"


def test_what_nobody_gave_is_shown_as_not_measured() -> None:
    verdict = decide(replace(GOOD, probes=()))
    assert verdict.passed
    absent = {found.name for found in verdict.checks if found.outcome == "absent"}
    assert absent == {"people's own comparisons", "pushback", "golden set"}
    assert "| golden set | veto | not measured |" in verdict.markdown()


def test_small_changes_of_cost_are_allowed() -> None:
    found = every_row(GOOD, words=22, seconds=0.012)
    found = replace(found, golden=golden(0.005), rows=tuple(replace(row, kl_base=4.0) for row in found.rows))
    assert decide(found).passed


def segmented(found: GateInputs, losing: float, share: int) -> GateInputs:
    """Put every `share`-th prompt into a segment that loses by `losing` logits where answers differ."""

    def moved(at: int, row: Row) -> Row:
        if at % share:
            return replace(row, segment="en")
        rewards = tuple(reward - losing for reward in row.candidate.rewards) if row.changed else row.candidate.rewards
        return replace(row, segment="de", candidate=replace(row.candidate, rewards=rewards))

    return replace(found, rows=tuple(moved(at, row) for at, row in enumerate(found.rows)))


def test_a_segment_that_loses_stops_it() -> None:
    big = inputs(prompts=400, changed=200, margin=1.5)
    verdict = decide(segmented(big, losing=3.0, share=3))
    assert stopped(verdict) == {"segment de"}
    assert decide(segmented(big, losing=0.5, share=3)).passed


def test_a_small_segment_is_told_and_not_judged() -> None:
    verdict = decide(segmented(inputs(margin=1.5), losing=3.0, share=10))
    assert check(verdict, "segment de").outcome == "absent"
    assert "30 of 100" in check(verdict, "segment de").why


def test_the_same_inputs_give_the_same_verdict_and_other_inputs_another_hash() -> None:
    assert decide(inputs()) == decide(inputs())
    assert decide(inputs()).inputs != decide(inputs(seed=1)).inputs
    assert decide(replace(inputs(), hashes={"records": "ab"})).inputs["records"] == "ab"


def test_a_verdict_survives_json() -> None:
    for found in (inputs(), inputs(prompts=38), *VETOES.values()):
        verdict = decide(found)
        again = Verdict.from_dict(json.loads(json.dumps(verdict.as_dict(), allow_nan=False)))
        assert again.as_dict() == verdict.as_dict()
        assert again.passed == verdict.passed
        assert again.markdown() == verdict.markdown()


def test_a_verdict_repeats_no_words_of_any_answer() -> None:
    assert "answer 7" not in json.dumps(decide(inputs()).as_dict())


def test_settings_are_checked_by_name() -> None:
    assert GateConfig.from_dict({"min_prompts": 10}).min_prompts == 10
    with pytest.raises(ValueError, match="no settings"):
        GateConfig.from_dict({"min_promts": 10})
    with pytest.raises(ValueError, match="must be a number"):
        GateConfig.from_dict({"confidence": "high"})
    assert decide(
        inputs(prompts=38, changed=30), GateConfig(min_prompts=30, groundedness_margin=0.1, silence_margin=0.1)
    ).passed


def test_good_judges_are_needed_not_perfect_ones() -> None:
    assert decide(replace(GOOD, judge=GOOD_JUDGE)).passed


def unsure(**fields: Any) -> GateInputs:
    """Make a candidate that the judge likes a little, and not beyond doubt."""
    return inputs(margin=0.1, doubt=0.5, **fields)


def test_what_the_judge_likes_and_cannot_prove_may_be_tried() -> None:
    verdict = decide(unsure())
    assert not verdict.passed
    assert verdict.tier == "trial"
    assert "may be tried beside old, and only live votes can promote it" in verdict.summary
    assert decide(inputs()).tier == "proven"
    again = Verdict.from_dict(json.loads(json.dumps(verdict.as_dict())))
    assert (again.tier, again.as_dict()["tier"]) == ("trial", "trial")


@pytest.mark.parametrize("name", VETOES.keys() - {"judge"})
def test_what_looks_worse_than_a_veto_allows_is_not_tried_however_much_voters_love_it(name: str) -> None:
    assert decide(VETOES[name]).tier == "refused"


NARROW = {
    "groundedness": spoilt(GOOD, 40, grounded=0.0),
    "answers where it can": spoilt(GOOD, 38, abstained=True),
}


@pytest.mark.parametrize("name", ["groundedness", "answers where it can"])
def test_what_only_cannot_be_shown_to_do_no_harm_may_be_tried(name: str) -> None:
    verdict = decide(NARROW[name])
    assert stopped(verdict) == {name}
    assert (check(verdict, name).outcome, check(verdict, name).tolerable) == ("failed", True)
    assert verdict.tier == "trial"
    assert Verdict.from_dict(json.loads(json.dumps(verdict.as_dict()))).tier == "trial"


def test_silence_counts_most_where_an_answer_helped_somebody() -> None:
    assert decide(silent_elsewhere(GOOD, 20)).passed  # 3 % of all prompts, and none on which anybody was helped
    rows = tuple(
        replace(row, helped=at % 3 == 0, candidate=replace(row.candidate, abstained=at % 30 == 0))
        for at, row in enumerate(GOOD.rows)
    )
    verdict = decide(replace(GOOD, rows=rows))  # as many, each of them where somebody was
    assert stopped(verdict) == {"answers where it can"}
    assert verdict.tier == "refused"


def test_few_prompts_are_enough_for_a_trial_and_very_few_are_not() -> None:
    assert decide(inputs(prompts=60, changed=20)).tier == "trial"
    assert decide(inputs(prompts=25, changed=20)).tier == "refused"


def test_a_judge_that_knows_nothing_forbids_no_trial_and_one_that_knows_must_not_clearly_prefer_the_champion() -> None:
    found = inputs(margin=-0.1, doubt=0.5)
    assert decide(found, GateConfig(trial_win_rate=0.5)).tier == "refused"
    nobody = JudgeQuality("judge", Estimate(0.52, 0.47, 0.57, 300, 40))
    assert decide(replace(found, judge=nobody)).tier == "trial"
    assert decide(replace(inputs(margin=-1.0), judge=nobody)).tier == "refused"  # sure of the opposite, all the same
    assert decide(VETOES["judge"]).tier == "trial"
    assert decide(found).tier == "trial"  # less than half, and within what chance does
    assert decide(inputs(margin=-0.6, doubt=0.9)).tier == "refused"


@pytest.mark.parametrize(
    "found",
    [inputs(margin=-0.6, doubt=0.9), unsure(changed=4), inputs(changed=0), unsure(unanswerable=())],
    ids=["well below one half", "hardly any differ", "the champion itself", "a veto with too little to measure"],
)
def test_what_may_not_be_tried(found: GateInputs) -> None:
    assert decide(found).tier == "refused"


def test_few_answers_that_differ_are_enough_for_a_trial() -> None:
    verdict = decide(unsure(changed=6))
    assert check(verdict, "win rate").outcome == "too_few"
    assert verdict.tier == "trial"


def test_an_operator_may_forbid_trials_and_old_verdicts_allow_none() -> None:
    assert decide(unsure(), GateConfig(trial=False)).tier == "refused"
    old = decide(unsure()).as_dict()
    old["config"] = {name: value for name, value in old["config"].items() if not name.startswith("trial")}
    assert Verdict.from_dict(old).tier == "refused"
    with pytest.raises(ValueError, match="must be true or false"):
        GateConfig.from_dict({"trial": 1})
