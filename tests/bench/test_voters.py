"""The simulated voters: the same by seed, wrong as often as they should be, on what was really answered."""

from __future__ import annotations

import pytest

from bench.voters import Asked, Population, Voters, right
from retrieval.embed import HashingEmbedder
from tests.training.conftest import make_prompt
from training.policy.base import ABSTENTION
from training.policy.extractive import ExtractivePolicy, Prior
from training.policy.extractive.questions import Labelled
from training.records.types import Record

HONEST = Population(flipped=0.0, wrong=0.0)


def asked(answer: str = "thirty days", rows: frozenset[int] = frozenset({0})) -> Asked:
    return Asked(Labelled("When are refunds paid?", rows, "a", answer), make_prompt(), (0, 1, 2), "set: a")


def judgements(population: Population, count: int, *, seed: int = 0, question: Asked | None = None) -> list[Record]:
    policy = ExtractivePolicy(HashingEmbedder(), prior=Prior.similarity())
    voters = Voters(population, seed)
    return [voters.judge(policy, question or asked()) for _ in range(count)]


def agreeing(records: list[Record], *, worth: str = "thirty days") -> float:
    """Share of decided judgements that favour the answer that opens with the gold answer."""
    fair = []
    for record in records:
        opens = [worth in one.answer.text.split("[")[0] for one in record.answers]
        if record.kind == "vote":
            fair.append((record.rating == "up") == opens[0])
        elif record.outcome in ("first", "second") and opens[0] != opens[1]:
            fair.append((record.outcome == "first") == opens[0])
    return sum(fair) / len(fair)


def test_the_same_seed_gives_the_same_records() -> None:
    assert judgements(Population(), 30, seed=3) == judgements(Population(), 30, seed=3)
    assert judgements(Population(), 30, seed=3) != judgements(Population(), 30, seed=4)


@pytest.mark.slow
def test_honest_voters_are_right_and_others_as_wrong_as_they_should_be() -> None:
    assert agreeing(judgements(HONEST, 100)) == 1.0
    assert 0.70 < agreeing(judgements(Population(), 600)) < 0.84  # 0.95 x 0.8 + 0.05 x 0.2
    assert agreeing(judgements(Population(flipped=0.0, wrong=1.0), 100)) == 0.0
    assert agreeing(judgements(Population(hostile=0.3), 600)) < agreeing(judgements(Population(), 600))


def test_half_are_preferences_of_two_answers_that_open_differently() -> None:
    records = judgements(HONEST, 200)
    compared = [record for record in records if record.kind == "preference"]
    assert 70 < len(compared) < 130
    for record in compared:
        assert len({one.answer.actions[0] for one in record.answers}) == 2
        assert sorted(one.position for one in record.answers) == [0, 1]
        assert record.outcome in ("first", "second", "tie", "both_bad")
    first_is_greedy = [record.answers[0].answer.sampling.temperature == 0.0 for record in compared]
    assert 0.3 < sum(first_is_greedy) / len(compared) < 0.7  # in no fixed order


def test_silence_is_right_only_where_the_answer_is_not_shown() -> None:
    policy = ExtractivePolicy(HashingEmbedder())
    for rows, rating in ((frozenset({0}), "down"), (frozenset({9}), "up")):
        question = Asked(
            Labelled("Which enzyme unwinds the helix?", rows, "a", "helicase"),
            make_prompt("Which enzyme unwinds the helix?"),
            (0, 1, 2),
            "set: a",
        )
        votes = Voters(Population(flipped=0.0, wrong=0.0, preferences=0.0), 0)
        record = votes.judge(policy, question)
        assert record.answers[0].answer.text == ABSTENTION
        assert record.rating == rating
        assert right(policy, question, record.answers[0].answer) == (False, False)


def test_a_part_of_a_long_answer_counts_only_in_its_passage() -> None:
    long = "Refunds are paid within thirty days of purchase. Opened software is excluded from refunds."
    question = asked(answer=long)
    assert question.holds(0, "Refunds are paid within thirty days of purchase.")
    assert not question.holds(1, "Refunds are paid within thirty days of purchase.")
    assert not question.holds(0, "Refunds are paid.")
