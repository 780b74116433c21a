"""A tiny causal LM learns from judgements: LoRA moves what people said, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.training.conftest import make_prompt
from training.datasets.examples import Example, Pair, Target, Thumb
from training.policy.base import Answer, Sampling
from training.policy.causal import CausalLMPolicy
from training.scoring.reference import ReferenceCache
from training.updates.causal import CausalTrainable, LoraSettings
from training.updates.config import UpdateConfig
from training.updates.loop import UpdateResult, train_policy
from training.updates.trainable import CannotScore

GOOD, BAD = "Refunds are paid within thirty days. [1]", "The support desk was founded in 1998. [2]"
SMALL = LoraSettings(rank=4, alpha=8)
BRIEF = UpdateConfig.for_policy("causal", learning_rate=5e-3, groups_per_step=4, evaluate_prompts=2, evaluate_tokens=8)


@pytest.fixture
def policy(tiny_checkpoint: Path) -> Iterator[CausalLMPolicy]:
    policy = CausalLMPolicy.load(str(tiny_checkpoint), version="tiny", device="cpu")
    yield policy
    policy.close()


def answer(text: str) -> Answer:
    return Answer(text, "elsewhere", "stop", Sampling(), None, 0)


def example(number: int, **judged: object) -> Example:
    texts = ("Refunds are paid within thirty days of purchase.", f"The support desk {number} was founded in 1998.")
    prompt = make_prompt(f"When is refund {number} paid?", texts)
    made = Example(f"p{number}", prompt, (answer(GOOD), answer(BAD)))
    return replace(made, **judged)  # type: ignore[arg-type]


def pairs(count: int) -> list[Example]:
    return [example(n, pairs=(Pair(0, 1, "first", 1.0, f"v{n}"),)) for n in range(count)]


def update(policy: CausalLMPolicy, examples: list[Example], tmp_path: Path, config: UpdateConfig) -> UpdateResult:
    trainable = CausalTrainable(policy, SMALL)
    return train_policy(trainable, examples[:-4], config, run_dir=tmp_path, held_out=examples[-4:])


def test_dpo_sets_chosen_apart_from_rejected_on_unseen_prompts(policy: CausalLMPolicy, tmp_path: Path) -> None:
    result = update(policy, pairs(12), tmp_path, replace(BRIEF, methods=("dpo",), groups_per_step=2, kl_budget=1e9))
    assert (result.steps, result.stopped, result.method) == (4, None, "dpo")
    start, kept = result.metrics["start"], result.metrics["kept"]
    assert start["figures"]["accuracy"] == 0.5
    assert start["kl"] == pytest.approx(0.0, abs=1e-6)
    assert kept["figures"]["accuracy"] == 1.0
    assert kept["loss"] < start["loss"]


@pytest.mark.slow
def test_kto_sets_thumbs_up_apart_from_thumbs_down(policy: CausalLMPolicy, tmp_path: Path) -> None:
    voted = [example(n, thumbs=(Thumb(n % 2, n % 2 == 0, 1.0, f"v{n}"),)) for n in range(20)]
    result = update(policy, voted, tmp_path, replace(BRIEF, methods=("kto",), kl_budget=1e9))
    figures = result.metrics["kept"]["figures"]
    assert figures["up_gain"] > figures["down_gain"] + 0.5


@pytest.mark.slow
def test_sft_makes_corrections_likelier(policy: CausalLMPolicy, tmp_path: Path) -> None:
    corrected = [example(n, targets=(Target(0, 1.0),)) for n in range(16)]
    result = update(policy, corrected, tmp_path, replace(BRIEF, methods=("sft",), kl_budget=1e9))
    before, after = (result.metrics[which]["figures"]["target_nll"] for which in ("start", "kept"))
    assert after < before - 0.1


def test_the_adapter_serves_what_was_learned(policy: CausalLMPolicy, tiny_checkpoint: Path, tmp_path: Path) -> None:
    trainable = CausalTrainable(policy, SMALL)
    train_policy(trainable, pairs(8), replace(BRIEF, methods=("dpo",), steps=2), run_dir=tmp_path / "run")
    folder = tmp_path / "adapter"
    folder.mkdir()
    for name, data in trainable.adapter_files({"run": 1}).items():
        (folder / name).write_bytes(data)
    assert {"adapter_config.json", "adapter_model.safetensors"} <= {path.name for path in folder.iterdir()}
    served = CausalLMPolicy.load(str(tiny_checkpoint), adapter=folder, version="v1", device="cpu")
    prompt = pairs(1)[0].prompt
    group = trainable.prepare(prompt, [answer(GOOD), answer(BAD)])
    scores, mask = trainable.logprobs(group)
    again = served.logprobs([prompt] * 2, list(group.answers))
    assert torch.allclose(scores, again, atol=1e-4)
    base, _ = trainable.reference_logprobs(group)
    assert not torch.allclose(scores[mask], base[mask], atol=1e-3)
    served.close()


def test_tokens_of_others_are_not_taken_for_ours(policy: CausalLMPolicy) -> None:
    trainable = CausalTrainable(policy, SMALL)
    prompt = make_prompt()
    (drawn,) = policy.sample([prompt], 1, Sampling(temperature=1.0, max_tokens=6, seed=3))
    group = trainable.prepare(prompt, [*drawn, replace(answer(GOOD), actions=(4, -1)), answer(GOOD)])
    assert group.prepared.answers[0] == drawn[0].actions
    assert group.prepared.answers[1] == group.prepared.answers[2]
    total = float(trainable.logprobs(group)[0][0].sum().detach())
    assert total == pytest.approx(drawn[0].logprob, abs=1e-3)


def test_what_does_not_fit_cannot_be_scored(policy: CausalLMPolicy) -> None:
    trainable = CausalTrainable(policy, SMALL)
    with pytest.raises(CannotScore, match="fit"):
        trainable.prepare(make_prompt(), [answer("word " * 3000)])


def test_the_first_weights_come_from_the_seed(tiny_checkpoint: Path) -> None:
    def first(seed: int) -> dict[str, torch.Tensor]:
        policy = CausalLMPolicy.load(str(tiny_checkpoint), version="tiny", device="cpu")
        torch.manual_seed(len(str(seed)) * 17)
        return {name: leaf.detach() for name, leaf in CausalTrainable(policy, SMALL, seed=seed).parameters().items()}

    one, same, other = first(1), first(1), first(2)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_checkpointed_gradients_are_the_same(tiny_checkpoint: Path) -> None:
    def gradients(checkpointing: bool) -> list[torch.Tensor]:
        policy = CausalLMPolicy.load(str(tiny_checkpoint), version="tiny", device="cpu")
        config = UpdateConfig.for_policy("causal", gradient_checkpointing=checkpointing, seed=4)
        trainable = CausalTrainable.from_config(policy, config, SMALL)
        assert policy.model.get_base_model().is_activation_checkpointing == checkpointing
        group = trainable.prepare(make_prompt(), [answer(GOOD), answer(BAD)])
        trainable.logprobs(group)[0].sum().backward()
        return [leaf.grad for leaf in trainable.parameters().values() if leaf.grad is not None]

    plain, checkpointed = gradients(False), gradients(True)
    assert plain
    for left, right in zip(plain, checkpointed, strict=True):
        assert torch.allclose(left, right, atol=1e-5)


def test_what_the_base_says_is_computed_once_and_kept(tiny_checkpoint: Path, tmp_path: Path) -> None:
    def reference(cache: ReferenceCache) -> torch.Tensor:
        policy = CausalLMPolicy.load(str(tiny_checkpoint), version="tiny", device="cpu")
        trainable = CausalTrainable(policy, SMALL, cache=cache)
        group = trainable.prepare(make_prompt(), [answer(GOOD), answer(BAD + " And more.")])
        with torch.no_grad():
            for leaf in trainable.parameters().values():
                leaf.add_(0.1)
        values, mask = trainable.reference_logprobs(group)
        assert mask.sum(1).tolist() == [len(ids) for ids in group.prepared.answers]
        assert not values.requires_grad
        return values

    with ReferenceCache(tmp_path) as cache:
        first = reference(cache)
        assert cache.computed == 1
    with ReferenceCache(tmp_path) as cache:
        again = reference(cache)
        assert cache.computed == 0
    assert torch.equal(first, again)
    base = CausalLMPolicy.load(str(tiny_checkpoint), version="tiny", device="cpu")
    plain = base.logprobs([make_prompt()] * 2, [answer(GOOD), answer(BAD + " And more.")])
    assert torch.allclose(first, plain, atol=1e-4)


def test_mixed_precision_is_close_and_the_adapter_stays_exact(tiny_checkpoint: Path) -> None:
    def scores(bf16: bool) -> torch.Tensor:
        policy = CausalLMPolicy.load(str(tiny_checkpoint), version="tiny", device="cpu")
        trainable = CausalTrainable(policy, SMALL, bf16=bf16)
        group = trainable.prepare(make_prompt(), [answer(GOOD), answer(BAD)])
        values, mask = trainable.logprobs(group)
        values[mask].mean().backward()
        leaves = trainable.parameters().values()
        assert all(leaf.dtype == torch.float32 for leaf in leaves)
        assert any(leaf.grad is not None and bool(leaf.grad.abs().sum() > 0) for leaf in leaves)
        return values.detach()[mask]

    exact, mixed = scores(False), scores(True)
    assert mixed.dtype == torch.float32
    assert not torch.equal(exact, mixed)
    assert torch.allclose(exact.mean(), mixed.mean(), rtol=0.05)
