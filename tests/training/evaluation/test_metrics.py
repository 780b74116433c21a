"""Reference metrics against the published algorithms and by hand."""

from __future__ import annotations

import collections
import math
import re
import string

import pytest

from training.evaluation.citation_metrics import citation_scores, statements
from training.evaluation.metrics import (
    abstention,
    containment,
    contains,
    exact_match,
    ndcg_at,
    normalise_answer,
    recall_at,
    reciprocal_rank,
    token_f1,
)
from training.policy.base import ABSTENTION, ShownPassage

PAIRS = [
    ("The Eiffel Tower!", "eiffel tower"),
    ("in 1889, by a  an the", "1889"),
    ("A cat; an owl", "the cat and the owl"),
    ("theatre", "the atre"),
    ("", "something"),
    ("one two two three", "two two two"),
    ("U.S.A.", "usa"),
    ("Gustave Eiffel's company", "Gustave Eiffel"),
]


def squad_normalise(s: str) -> str:
    """The official script's `normalize_answer` (evaluate-v1.1.py), as published."""

    def remove_articles(text: str) -> str:
        return re.sub(r"\b(a|an|the)\b", " ", text)

    def white_space_fix(text: str) -> str:
        return " ".join(text.split())

    def remove_punc(text: str) -> str:
        exclude = set(string.punctuation)
        return "".join(ch for ch in text if ch not in exclude)

    return white_space_fix(remove_articles(remove_punc(s.lower())))


def squad_f1(prediction: str, ground_truth: str) -> float:
    """The official script's `f1_score`, as published."""
    prediction_tokens = squad_normalise(prediction).split()
    ground_truth_tokens = squad_normalise(ground_truth).split()
    common = collections.Counter(prediction_tokens) & collections.Counter(ground_truth_tokens)
    num_same = sum(common.values())
    if num_same == 0:
        return 0
    precision = 1.0 * num_same / len(prediction_tokens)
    recall = 1.0 * num_same / len(ground_truth_tokens)
    return (2 * precision * recall) / (precision + recall)


@pytest.mark.parametrize(("answer", "expected"), PAIRS)
def test_squad_figures_equal_the_official_script(answer: str, expected: str) -> None:
    assert normalise_answer(answer) == squad_normalise(answer)
    assert token_f1(answer, [expected]) == pytest.approx(squad_f1(answer, expected))
    assert exact_match(answer, [expected]) == float(squad_normalise(answer) == squad_normalise(expected))


def test_the_best_of_several_expected_answers_counts() -> None:
    assert token_f1("two days", ["a week", "two whole days"]) == pytest.approx(0.8)
    assert exact_match("The week.", ["two days", "week"]) == 1.0
    assert exact_match("anything", []) == token_f1("anything", []) == 0.0


@pytest.mark.parametrize(
    ("answer", "span", "held"),
    [
        ("It takes 30 days.", "30 days", True),
        ("It takes 130 days.", "30 days", False),
        ("It is 3.5 percent", "3.5", True),
        ("It is 3.55 percent", "3.5", False),
        ("It is 3.5 percent", "3", False),
        ("the “Blue” house", '"blue" house.', True),
        ("category", "cat", False),
        ("休暇は30日です", "30日", True),
        ("anything", " ", False),
    ],
)
def test_containment_respects_words_and_numbers(answer: str, span: str, held: bool) -> None:
    assert contains(answer, span) is held


def test_every_part_is_wanted_and_any_of_its_spellings_does() -> None:
    assert containment("30 days, until March", [["30 days", "thirty days"], ["April"]]) == 0.5
    assert math.isnan(containment("anything", []))


def test_rankings_by_hand() -> None:
    ranked = ["x", "a", "a", "y", "b"]
    assert recall_at(ranked, {"a", "b"}, 3) == 0.5
    assert reciprocal_rank(ranked, {"a", "b"}) == 0.5
    best = 1 + 1 / math.log2(3)
    assert ndcg_at(ranked, {"a", "b"}, 5) == pytest.approx((1 / math.log2(3) + 1 / math.log2(6)) / best)
    assert ndcg_at(["a", "b"], {"a", "b"}, 5) == pytest.approx(1.0)
    assert reciprocal_rank(["x"], {"a"}) == 0.0
    assert all(math.isnan(figure) for figure in (recall_at(["x"], [], 1), ndcg_at(["x"], [], 1)))


def test_abstention_by_hand() -> None:
    scores = abstention([True, True, False, False], [True, False, True, False])
    assert (scores.precision, scores.recall, scores.f1) == (0.5, 0.5, 0.5)
    never = abstention([False, False], [True, False])
    assert math.isnan(never.precision)
    assert (never.recall, never.f1) == (0.0, 0.0)
    with pytest.raises(ValueError, match="shorter"):
        abstention([True], [])


def shown(*texts: str) -> list[ShownPassage]:
    return [ShownPassage(n, f"c{n}", f"d{n}", "", text, 1.0) for n, text in enumerate(texts, 1)]


PASSAGES = shown(
    "Employees get 30 days of paid vacation a year. Unused days expire in March.",
    "The office in Berlin opens at 8 am.",
)


def test_citations_that_carry_the_answer_score_one() -> None:
    text = "Employees get 30 days of paid vacation a year. [1] The office in Berlin opens at 8 am. [2]"
    scores = citation_scores(text, PASSAGES)
    assert (scores.recall, scores.precision, scores.statements, scores.citations) == (1.0, 1.0, 2, 2)


def test_missing_wrong_and_needless_citations_cost() -> None:
    missing = citation_scores("Employees get 30 days of paid vacation a year.", PASSAGES)
    assert (missing.recall, missing.citations) == (0.0, 0)
    assert math.isnan(missing.precision)
    wrong = citation_scores("The office in Berlin opens at 8 am. [1]", PASSAGES)
    assert (wrong.recall, wrong.precision) == (0.0, 0.0)
    needless = citation_scores("The office in Berlin opens at 8 am. [1][2]", PASSAGES)
    assert (needless.recall, needless.precision) == (1.0, 0.5)


def test_support_by_a_caller_decides_and_sees_the_cited_passages_together() -> None:
    asked: list[int] = []

    def both(sentence: str, passages: object) -> bool:
        asked.append(len(list(passages)))  # type: ignore[call-overload]
        return asked[-1] == 2

    scores = citation_scores("Vacation and opening hours are both generous. [1][2]", PASSAGES, both)
    assert (scores.recall, scores.precision) == (1.0, 1.0)  # neither suffices alone, so both are needed
    assert 2 in asked


def test_questions_courtesies_and_abstentions_state_nothing() -> None:
    text = "Sure! Do you want to know more about vacation? Days expire in March. [1]"
    assert [statement.factual for statement in statements(text, PASSAGES)] == [False, False, True]
    silent = citation_scores(ABSTENTION, PASSAGES)
    assert silent.statements == 0
    assert math.isnan(silent.recall)
