"""What was served is read line by line, and weighs judgements by how seldom answers like theirs are judged."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from tests.training.datasets.samples import NOW, make_shown, make_vote
from training.datasets.build import build_examples
from training.datasets.config import DatasetConfig
from training.datasets.impressions import read_impressions
from training.policy.base import Answer, Sampling


def line(number: int, judged: bool, words: int) -> bytes:
    prompt = make_shown(f"Question {number}?")
    answer = Answer("word " * words + "[1]", "v1", "stop", Sampling(), -1.0, 2)
    served = {"answer_id": f"ans-{number}", **asdict(answer), "user": "key:a", "position": 0, "served_at": NOW}
    row = {"judged": judged, "prompt_id": f"p{number}", "prompt": asdict(prompt), "answer": served}
    return json.dumps(row).encode() + b"\n"


def test_what_cannot_be_used_is_left_out() -> None:
    lines = [line(1, True, 3), b"not json\n", b'{"judged": 1}\n', b"\n", line(2, False, 5)]
    found = read_impressions(lines)
    assert [(one.judged, one.shown.answer_id) for one in found] == [(True, "ans-1"), (False, "ans-2")]
    assert found[0].prompt == make_shown("Question 1?")
    assert read_impressions([]) == ()


def test_answers_that_are_seldom_judged_weigh_more() -> None:
    # Long answers are judged one time in two, short ones one time in ten.
    served = [line(n, n % 20 < (10 if n % 2 else 2), 60 if n % 2 else 3) for n in range(400)]
    votes = [make_vote("up", "word " * words + "[1]", voter=f"v{words}", prompt_id=f"p{words}") for words in (60, 3)]
    votes.append(replace(votes[0], record_id="other", voter="v2", rating="down"))
    config = DatasetConfig(half_life_days=None, burst_voters=99)
    built = build_examples(votes, config, now=NOW, impressions=read_impressions(served))
    weights = {thumb.voter: thumb.weight for example in built.examples for thumb in example.thumbs}
    assert weights["v3"] > 1.5 * weights["v60"]
    assert any("Propensity weights from 400 impressions" in note for note in built.card.notes)
