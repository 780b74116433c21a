"""The report of a reward model: its figures against a count by hand, and its warnings."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.training.reward.world import ENCODER, pairs_world, thumbs_world
from training.datasets.examples import decided_pairs
from training.reward.config import RewardConfig
from training.reward.model import TrainedReward
from training.reward.report import report_reward
from training.reward.train import train_reward

PLAIN = RewardConfig(precision=30.0, semantic=0.0, heads=4)


@pytest.fixture(scope="module")
def model() -> TrainedReward:
    return train_reward([*pairs_world(30), *thumbs_world(20)], PLAIN, encoder=ENCODER)


def test_accuracy_is_what_a_count_gives(model: TrainedReward) -> None:
    held_out = [
        replace(e, prompt=replace(e.prompt, segment=("no", "de")[at % 2]))
        for at, e in enumerate(pairs_world(30, seed=1))
    ]
    report = report_reward(model, held_out, draws=200)
    scores = model.score([e.prompt for e in held_out], [e.answers for e in held_out])
    points = [
        float(np.heaviside(s.mean[a] - s.mean[b], 0.5))
        for s, e in zip(scores, held_out, strict=True)
        for a, b, _ in decided_pairs(e)
    ]
    longer = [
        float(np.heaviside(len(e.answers[a].text.split()) - len(e.answers[b].text.split()), 0.5))
        for e in held_out
        for a, b, _ in decided_pairs(e)
    ]
    assert report.pairs is not None
    assert report.pairs.accuracy.value == pytest.approx(np.mean(points))
    assert report.pairs.accuracy.clusters == 8  # voters
    assert report.pairs.length_only == pytest.approx(np.mean(longer), abs=0.05)
    assert report.accuracy_low == report.pairs.accuracy.low < report.pairs.accuracy.value
    assert set(report.segments) == {"de", "no"}
    assert report.segments["de"].n + report.segments["no"].n == len(points)
    assert report.votes is None
    assert report.heads == model.heads
    assert report.disagreement == pytest.approx(np.mean([s.std.mean() for s in scores]), rel=1e-5)


def test_votes_have_their_own_figures(model: TrainedReward) -> None:
    report = report_reward(model, thumbs_world(30, seed=1), draws=200)
    assert report.pairs is None
    assert report.accuracy_low is None
    assert report.votes is not None
    assert report.votes.auc.value > 0.6
    assert report.votes.auc.low < report.votes.auc.value < report.votes.auc.high


def test_it_can_be_stored_and_read_by_people(model: TrainedReward) -> None:
    report = report_reward(model, [*pairs_world(20, seed=1), *thumbs_world(20, seed=2)], draws=100)
    stored = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert stored["pairs"]["accuracy"]["value"] == pytest.approx(report.pairs.accuracy.value)  # type: ignore[union-attr]
    text = report.markdown()
    assert model.version in text
    for word in ("accuracy", "AUC", "length", "calibration", "disagreement"):
        assert word in text


def test_too_good_is_called_a_leak(model: TrainedReward) -> None:
    sure = [
        replace(e, pairs=tuple(p for p in e.pairs if {p.first, p.second} == {0, 2} or {p.first, p.second} == {0, 3}))
        for e in pairs_world(200, seed=3, strength=40.0)
    ]
    report = report_reward(model, sure, draws=200)
    assert report.pairs is not None
    assert report.pairs.accuracy.value > 0.82
    assert "leaked" in report.warnings[0]
    assert "leaked" in report.markdown()
    assert not report_reward(model, pairs_world(20, seed=1, strength=0.0), draws=100).warnings


def test_length_has_a_slope(model: TrainedReward) -> None:
    held_out = pairs_world(30, seed=1)
    weights = np.zeros_like(model.weights)
    weights[:, model.representation.columns.index("length")] = 2.0
    wordy = replace(model, weights=weights, segments={})
    assert report_reward(wordy, held_out, draws=100).length_slope.value > 1.0
    silent = replace(model, weights=np.zeros_like(model.weights))
    assert report_reward(silent, held_out, draws=100).length_slope.value == pytest.approx(0.0, abs=1e-6)


def test_nothing_held_out(model: TrainedReward) -> None:
    report = report_reward(model, [])
    assert (report.pairs, report.votes) == (None, None)
    assert "heads" in report.markdown()
