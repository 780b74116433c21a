"""Policies over golden questions: rows, figures, comparison."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from training.evaluation.comparison import compare
from training.evaluation.evaluate import evaluate
from training.evaluation.evaluation import Evaluation
from training.evaluation.golden import Expected, GoldenQuestion
from training.policy.base import (
    ABSTENTION,
    Answer,
    Delta,
    PolicyUnavailable,
    Prompt,
    Sampling,
    ShownPassage,
)

PASSAGES = (
    ShownPassage(1, "c1", "office", "", "The office in Berlin opens at 8 am.", 0.5, filename="office.md"),
    ShownPassage(2, "c2", "hr", "", "Employees get 30 days of paid vacation a year.", 0.4, filename="hr.pdf"),
)
GOLDEN = [
    GoldenQuestion("days", "How many days?", answers=("30 days",), documents=(Expected("hr.pdf"),), segment="de"),
    GoldenQuestion("hour", "When does it open?", contains=(("8 am", "8:00"),), documents=(Expected("office"),)),
    GoldenQuestion("cup", "Who won?", unanswerable=True),
]


class Scripted:
    """Says what a test wants."""

    def __init__(self, version: str, said: dict[str, str]) -> None:
        self.version = version
        self.said = said
        self.prompts: list[Prompt] = []

    def stream(self, prompt: Prompt, sampling: Sampling) -> Iterator[Delta]:
        yield Delta(answer=self.sample([prompt], 1, sampling)[0][0])

    def sample(
        self, prompts: Sequence[Prompt], n: int, sampling: Sampling, *, cancelled: object = None
    ) -> list[list[Answer]]:
        self.prompts += prompts
        text = self.said.get(prompts[0].question, ABSTENTION)
        if text == "down":
            raise PolicyUnavailable("no model")
        return [[Answer(text, self.version, "stop", sampling, math.log(0.25), 2)]]

    def close(self) -> None: ...


GOOD = {
    "How many days?": "Employees get 30 days of paid vacation a year. [2]",
    "When does it open?": "The office in Berlin opens at 8 am. [1]",
}


class Half:
    threshold = 0.5

    def score(self, passages: Sequence[str], sentence: str) -> float:
        return 0.5


def run(version: str, said: dict[str, str], golden: Sequence[GoldenQuestion] = GOLDEN) -> Evaluation:
    return evaluate(Scripted(version, said), golden, search=lambda question: PASSAGES, scorer=Half())


def test_good_answers_score_in_every_figure() -> None:
    done: list[int] = []
    found = evaluate(
        Scripted("v1", GOOD), GOLDEN, search=lambda question: PASSAGES, scorer=Half(), progress=done.append
    )
    assert done == [1, 2, 3]
    days, hour, cup = found.rows
    assert days.figures["correct"] == days.figures["containment"] == days.figures["cites_expected"] == 1.0
    assert days.figures["f1"] == pytest.approx(2 * 2 / (2 + 8))
    assert days.figures["reciprocal_rank"] == 0.5
    assert days.figures["ndcg"] == pytest.approx(1 / math.log2(3))
    assert (days.figures["citation_recall"], days.figures["citation_precision"]) == (1.0, 1.0)
    assert days.figures["groundedness"] == 0.5
    assert days.confidence == pytest.approx(0.5)
    assert (days.words, days.cluster, days.segment) == (9, "hr.pdf", "de")
    assert "exact_match" not in hour.figures
    assert cup.figures == {"correct": 1.0}
    assert cup.abstained
    figures = found.figures
    assert figures["correct"].value == 1.0
    assert figures["correct"].n == 3
    assert figures["correct"].low < 1.0
    assert figures["abstention_precision"].value == figures["abstention_recall"].value == 1.0
    assert figures["abstention_f1"].value == 1.0
    assert found.by_segment()["de"].n == 1
    assert set(found.latency_ms) == {"p50", "p95", "p99"}
    assert math.isnan(found.calibration)


def test_wrong_answers_needless_silence_and_failures_cost() -> None:
    said = {"How many days?": "It is 30 days. [1]", "Who won?": "Berlin won the cup. [1]"}
    days, hour, cup = run("v1", said).rows
    assert days.figures["correct"] == 1.0
    assert days.figures["cites_expected"] == days.figures["citation_precision"] == 0.0
    assert hour.abstained
    assert hour.figures["correct"] == hour.figures["containment"] == 0.0
    assert "citation_recall" not in hour.figures
    assert cup.figures["correct"] == 0.0
    broken = run("v1", {**GOOD, "Who won?": "down"})
    assert broken.failed == 1
    assert broken.rows[2].figures == {"correct": 0.0}
    assert "no model" in broken.rows[2].error
    assert "1 without an answer" in broken.markdown()


def test_frozen_passages_and_history_reach_the_policy() -> None:
    policy = Scripted("v1", {})
    evaluate(policy, [replace(GOLDEN[0], passages=PASSAGES[1:])])
    assert policy.prompts[0].passages == PASSAGES[1:]
    with pytest.raises(ValueError, match="'days' has no passages"):
        evaluate(policy, GOLDEN[:1])


def test_calibration_needs_answers_and_sees_overconfidence() -> None:
    many = [replace(GOLDEN[0], id=str(n)) for n in range(20)]
    assert run("v1", GOOD, many).calibration == pytest.approx(0.5)  # always right, half sure


def test_an_evaluation_survives_json() -> None:
    found = run("v1", GOOD)
    again = Evaluation.from_dict(json.loads(json.dumps(found.as_dict())))
    assert again == found
    assert again.figures == found.figures
    with pytest.raises(ValueError, match="format 1"):
        Evaluation.from_dict({"format": 0})


def test_two_evaluations_are_compared_question_by_question() -> None:
    old = run("v1", {"How many days?": GOOD["How many days?"], "Who won?": "Berlin | won the cup. [1]"})
    new = run("v2", GOOD)
    found = compare(old, new)
    assert (found.champion, found.candidate, found.questions) == ("v1", "v2", 3)
    assert found.differences["correct"].value == pytest.approx(2 / 3)
    assert found.differences["abstained"].value == 0.0
    assert [(change.id, change.verdict) for change in found.changes] == [("hour", "better"), ("cup", "better")]
    assert compare(new, old).changes[0].verdict == "worse"
    assert json.loads(json.dumps(found.as_dict()))["changes"][1]["before"].startswith("Berlin | won")
    assert "Berlin \\| won" in found.markdown()
    assert compare(new, new).differences["correct"].value == 0.0
    assert compare(new, new).changes == ()
    with pytest.raises(ValueError, match="same questions"):
        compare(old, Evaluation("v3", ()))
