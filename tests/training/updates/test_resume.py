"""A run that was stopped goes on as if it had not been; a damaged checkpoint gives way to the one before."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from retrieval.embed import HashingEmbedder
from tests.training.updates.test_causal_updates import BRIEF as CAUSAL
from tests.training.updates.test_causal_updates import SMALL, example, pairs
from tests.training.updates.test_extractive_updates import BRIEF, examples
from training.datasets.examples import Example, Pair, Thumb
from training.policy.causal import CausalLMPolicy
from training.policy.extractive import ExtractivePolicy, Prior
from training.updates.causal import CausalTrainable
from training.updates.checkpoint import CHECKPOINTS, OtherRun
from training.updates.config import UpdateConfig
from training.updates.extractive import ExtractiveTrainable
from training.updates.loop import Interrupted, UpdateResult, train_policy
from training.updates.metrics import METRICS, read_metrics
from training.updates.trainable import Trainable

CONFIG = replace(BRIEF, methods=("dpo", "kto"), groups_per_step=3, epochs=3, checkpoint_every=2, evaluate_every=1)


def fresh() -> ExtractiveTrainable:
    return ExtractiveTrainable(ExtractivePolicy(HashingEmbedder(), prior=Prior.similarity()))


def judged() -> list[Example]:
    return [
        replace(e, pairs=(Pair(0, 2, "first", 1.0, "v"),), thumbs=(Thumb(1, False, 0.5, "w"),))
        for e in examples(fresh(), 13)
    ]


def weights(trainable: Trainable) -> torch.Tensor:
    return torch.cat([leaf.detach().flatten().clone() for _, leaf in sorted(trainable.parameters().items())])


def run(where: Path, *, stop_after: int = 10**9, config: UpdateConfig = CONFIG) -> tuple[torch.Tensor, UpdateResult]:
    trainable, asked = fresh(), 0

    def stopped() -> bool:
        nonlocal asked
        asked += 1
        return asked > stop_after

    data = judged()
    result = train_policy(trainable, data[:10], config, run_dir=where, held_out=data[10:], stopped=stopped)
    return weights(trainable), result


def figures(where: Path) -> list[dict[str, object]]:
    clocks = ("seconds", "actions_per_s")
    return [{name: line[name] for name in line if name not in clocks} for line in read_metrics(where)]


def interrupted(where: Path, *stops: int) -> None:
    for stop in stops:
        with pytest.raises(Interrupted):
            run(where, stop_after=stop)


def test_a_stopped_run_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole, result = run(tmp_path / "whole")
    interrupted(tmp_path / "cut", 3, 1, 2)
    again, resumed = run(tmp_path / "cut")
    assert torch.equal(whole, again)
    assert resumed.kept == result.kept
    assert resumed.metrics["looks"] == result.metrics["looks"]
    assert figures(tmp_path / "cut") == figures(tmp_path / "whole")


def test_a_finished_run_gives_its_result_again(tmp_path: Path) -> None:
    whole, result = run(tmp_path)
    before = (tmp_path / METRICS).read_bytes()
    again, repeated = run(tmp_path)
    assert torch.equal(whole, again)
    assert (repeated.steps, repeated.kept) == (result.steps, result.kept)
    assert (tmp_path / METRICS).read_bytes() == before


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "gone"])
@pytest.mark.parametrize("part", ["tensors.safetensors", "manifest.json"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(
    tmp_path: Path, damage: str, part: str, interrupted_run: Path, whole_weights: torch.Tensor
) -> None:
    shutil.copytree(interrupted_run, tmp_path / "run")
    newest = sorted((tmp_path / "run" / CHECKPOINTS).glob("checkpoint-*"))[-1] / part
    data = bytearray(newest.read_bytes())
    if damage == "gone":
        newest.unlink()
    else:
        data[len(data) // 2] ^= 4
        newest.write_bytes({"flip": bytes(data), "cut": bytes(data[: len(data) // 2]), "empty": b""}[damage])
    again, _ = run(tmp_path / "run")
    assert torch.equal(again, whole_weights)


def test_with_no_checkpoint_left_it_starts_over(
    tmp_path: Path, interrupted_run: Path, whole_weights: torch.Tensor
) -> None:
    shutil.copytree(interrupted_run, tmp_path / "run")
    for path in (tmp_path / "run" / CHECKPOINTS).glob("checkpoint-*/tensors.safetensors"):
        path.write_bytes(b"")
    again, _ = run(tmp_path / "run")
    assert torch.equal(again, whole_weights)


def test_another_configuration_does_not_go_on(tmp_path: Path, interrupted_run: Path) -> None:
    shutil.copytree(interrupted_run, tmp_path / "run")
    with pytest.raises(OtherRun, match="new directory"):
        run(tmp_path / "run", config=replace(CONFIG, learning_rate=0.5))


def test_few_checkpoints_are_kept(interrupted_run: Path) -> None:
    assert len(list((interrupted_run / CHECKPOINTS).glob("checkpoint-*"))) == 2


@pytest.mark.slow
def test_a_causal_run_goes_on_too(tiny_checkpoint: Path, tmp_path: Path) -> None:
    config = replace(CAUSAL, methods=("dpo", "kto"), checkpoint_every=1, kl_budget=1e9, groups_per_step=2)
    data = [*pairs(6), *(example(n, thumbs=(Thumb(n % 2, n % 2 == 0, 1.0, "v"),)) for n in range(6, 10))]

    def learned(where: Path, stop_after: int) -> torch.Tensor:
        policy = CausalLMPolicy.load(str(tiny_checkpoint), version="tiny", device="cpu")
        trainable, asked = CausalTrainable(policy, SMALL), 0

        def stopped() -> bool:
            nonlocal asked
            asked += 1
            return asked > stop_after

        train_policy(trainable, data[:8], config, run_dir=where, held_out=data[8:], stopped=stopped)
        return weights(trainable)

    whole = learned(tmp_path / "whole", 10**9)
    with pytest.raises(Interrupted):
        learned(tmp_path / "cut", 2)
    again = learned(tmp_path / "cut", 10**9)
    assert torch.allclose(whole, again, atol=1e-6)


@pytest.fixture(scope="module")
def interrupted_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("interrupted")
    interrupted(where, 5)
    return where


@pytest.fixture(scope="module")
def whole_weights(tmp_path_factory: pytest.TempPathFactory) -> torch.Tensor:
    return run(tmp_path_factory.mktemp("whole"))[0]
