"""A run that goes wrong stops with its last good weights, and says why."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from retrieval.embed import HashingEmbedder
from tests.training.updates.test_extractive_updates import BRIEF, examples
from training.datasets.examples import Pair
from training.policy.extractive import ExtractivePolicy, Prior
from training.updates.config import BadConfig, UpdateConfig, learning_rate
from training.updates.extractive import ExtractiveTrainable
from training.updates.guard import Look, broken, diverged
from training.updates.loop import UpdateResult, train_policy
from training.updates.metrics import read_metrics
from training.updates.order import places, step_count
from training.updates.trainable import Group

START = Look(0, 0.7, 0.0, 20.0, 0.1, 0.9, {})
CONFIG = UpdateConfig(kl_budget=5.0, max_length_growth=0.15, max_abstention_growth=0.3)


class Poisoned(ExtractiveTrainable):
    """From one of its steps on, its log-probabilities are not numbers."""

    def __init__(self, policy: ExtractivePolicy, *, after: int) -> None:
        super().__init__(policy)
        self.left = after

    def logprobs_many(self, groups: Sequence[Group]) -> tuple[torch.Tensor, torch.Tensor]:
        values, mask = super().logprobs_many(groups)
        if torch.is_grad_enabled():
            self.left -= 1
        return (values * torch.nan if self.left < 0 else values), mask


def run(trainable: ExtractiveTrainable, where: Path, config: UpdateConfig) -> UpdateResult:
    judged = [replace(e, pairs=(Pair(0, 2, "first", 1.0, "v"),)) for e in examples(trainable, 12)]
    return train_policy(trainable, judged[:8], config, run_dir=where, held_out=judged[8:])


def test_a_loss_that_is_no_number_stops_with_the_last_good_weights(tmp_path: Path) -> None:
    config = replace(BRIEF, methods=("dpo",), evaluate_every=2)
    trainable = Poisoned(ExtractivePolicy(HashingEmbedder(), prior=Prior.similarity()), after=5)
    result = run(trainable, tmp_path, config)
    assert result.stopped is not None
    assert "not a number" in result.stopped
    assert (result.steps, result.kept) == (5, 4)
    assert torch.cat(list(trainable.parameters().values())).isfinite().all()
    assert any(trainable.policy.residual.pointer)
    assert [line["step"] for line in read_metrics(tmp_path) if "grad_norm" in line] == [1, 2, 3, 4, 5]


def test_leaving_the_kl_budget_stops_and_gives_back_what_was_within(tmp_path: Path) -> None:
    config = replace(BRIEF, methods=("dpo",), evaluate_every=1, evaluate_prompts=12, kl_budget=0.05, learning_rate=0.5)
    trainable = ExtractiveTrainable(ExtractivePolicy(HashingEmbedder(), prior=Prior.similarity()))
    result = run(trainable, tmp_path, config)
    assert result.stopped is not None
    assert result.stopped.startswith("KL to the base is")
    assert result.kept < result.steps < 40
    last = result.metrics["looks"][-1]
    assert last["kl"] - 2 * last["kl_error"] > 0.05
    assert result.metrics["kept"]["kl"] < last["kl"]


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        ({}, None),
        ({"kl": 5.5}, "KL to the base is 5.50"),
        ({"kl": float("nan")}, "KL to the base"),
        ({"loss": float("inf")}, "held-out loss"),
        ({"words": 24.0}, r"grew from 20.0 to 24.0 words, limit \+15%"),
        ({"words": 22.9}, None),
        ({"abstained": 0.5}, "abstentions rose from 10% to 50%"),
        ({"distinct": 0.2, "answers": 8}, "says the same to everything"),
        ({"distinct": 0.2, "answers": 7}, None),
        ({"kl": 5.5, "kl_error": 0.3}, None),
        ({"words": 24.0, "words_error": 1.0}, None),
        ({"abstained": 0.5, "answers": 30}, None),
        ({"abstained": 0.6, "answers": 30}, "abstentions"),
    ],
)
def test_what_is_seen_is_judged(seen: dict[str, float], reason: str | None) -> None:
    found = diverged(replace(START, step=10, **seen), START, CONFIG)
    if reason is None:
        assert found is None
    else:
        assert found is not None
        assert re.search(reason, found)


@pytest.mark.parametrize(("loss", "norm"), [(float("nan"), 1.0), (float("inf"), 1.0), (1.0, float("nan"))])
def test_a_step_that_is_no_number_is_not_taken(loss: float, norm: float) -> None:
    assert broken(loss, norm)
    assert broken(1.0, 1.0) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"methods": ()},
        {"methods": ("dpo", "dpo")},
        {"methods": ("ppo", "dpo")},
        {"methods": ("grpo",)},
        {"learning_rate": 0.0},
        {"flip_rate": 0.5},
        {"warmup": 1.0},
        {"nll_weight": -1.0},
        {"steps": -1},
        {"no_such_setting": 1},
    ],
)
def test_settings_that_cannot_work_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(BadConfig):
        UpdateConfig.for_policy("causal", **changes)


def test_settings_come_from_json_and_go_there() -> None:
    config = UpdateConfig.for_policy("extractive", methods=["dpo"], adam_betas=[0.9, 0.99])
    assert config.methods == ("dpo",)
    assert UpdateConfig.for_policy("causal", **config.as_dict()) == config
    with pytest.raises(BadConfig, match="extractive or causal"):
        UpdateConfig.for_policy("remote")


def test_the_rate_rises_and_falls() -> None:
    config = UpdateConfig(learning_rate=1.0, warmup=0.1)
    rates = [learning_rate(config, step, 100) for step in range(100)]
    assert rates[0] == pytest.approx(1 / 11)
    assert max(rates) == rates[10] == 1.0
    assert rates[99] == pytest.approx(0.1, abs=1e-3)
    assert rates == sorted(rates[:11]) + sorted(rates[11:], reverse=True)
    assert learning_rate(replace(config, schedule="constant"), 99, 100) == 1.0


@pytest.mark.parametrize(("each", "size"), [(4, 10), (0, 7), (16, 5), (1, 3)])
def test_every_example_is_seen_equally_often(each: int, size: int) -> None:
    config = UpdateConfig(groups_per_step=each, epochs=4)
    taken = [place for step in range(step_count(config, size)) for place in places(config, size, step)]
    counts = [taken.count(place) for place in range(size)]
    assert max(counts) - min(counts) <= 1
    assert len(taken) >= 4 * size
    if 0 < each < size:
        assert any(places(config, size, step) != places(replace(config, seed=9), size, step) for step in range(4))
        assert places(config, size, 1) == sorted(places(config, size, 1))
    else:
        assert places(config, size, 3) == list(range(size))
