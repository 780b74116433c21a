"""The embedded policy learns from judgements, and texts of others are understood as choices of sentences."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from retrieval.embed import HashingEmbedder
from tests.training.conftest import make_prompt
from training.datasets.examples import Example, Pair, Target, Thumb
from training.policy.base import ABSTENTION, Answer, Sampling
from training.policy.extractive import ExtractivePolicy, Prior, load_residual
from training.updates.config import UpdateConfig
from training.updates.extractive import ExtractiveTrainable
from training.updates.loop import NothingToTrain, UpdateResult, train_policy
from training.updates.trainable import CannotScore

FIXED = "Refunds are paid within thirty days of purchase. [1]"
BRIEF = UpdateConfig.for_policy("extractive", epochs=40, evaluate_prompts=4, evaluate_every=20)


@pytest.fixture
def trainable() -> ExtractiveTrainable:
    return ExtractiveTrainable(ExtractivePolicy(HashingEmbedder(), prior=Prior.similarity()))


def answer(text: str) -> Answer:
    return Answer(text, "elsewhere", "stop", Sampling(), None, 0)


def examples(trainable: ExtractiveTrainable, count: int) -> list[Example]:
    """Prompts with three answers of the policy each, of which people like the shortest."""
    made = []
    for number in range(count):
        prompt = make_prompt(f"When are refunds of order {number} paid?")
        (answers,) = trainable.sample([prompt], 3, Sampling(seed=number))
        answers = sorted(answers, key=lambda one: len(one.text))
        made.append(Example(f"p{number}", prompt, tuple(answers)))
    return made


def update(trainable: ExtractiveTrainable, judged: list[Example], config: UpdateConfig, where: Path) -> UpdateResult:
    return train_policy(trainable, judged[:-8], config, run_dir=where, held_out=judged[-8:])


def test_dpo_prefers_what_people_preferred(trainable: ExtractiveTrainable, tmp_path: Path) -> None:
    judged = [replace(e, pairs=(Pair(2, 0, "second", 1.0, "v"),)) for e in examples(trainable, 24)]
    result = update(trainable, judged, replace(BRIEF, methods=("dpo",)), tmp_path)
    assert result.stopped is None
    assert result.metrics["start"]["figures"]["accuracy"] == 0.5
    assert result.metrics["kept"]["figures"]["accuracy"] >= 0.75
    assert result.metrics["kept"]["kl"] > 0.01
    assert result.metrics["kept"]["words"] < result.metrics["start"]["words"]


@pytest.mark.parametrize("vote_loss", ["noisy_vote", "kto"])
def test_thumbs_set_answers_apart(trainable: ExtractiveTrainable, tmp_path: Path, vote_loss: str) -> None:
    judged = [replace(e, thumbs=(Thumb(0, True, 1.0, "v"), Thumb(2, False, 1.0, "w"))) for e in examples(trainable, 24)]
    config = replace(BRIEF, methods=("kto",), vote_loss=vote_loss)  # type: ignore[arg-type]
    figures = update(trainable, judged, config, tmp_path).metrics["kept"]["figures"]
    assert figures["up_gain"] > figures["down_gain"] + 0.2


def test_sft_makes_corrections_likelier(trainable: ExtractiveTrainable, tmp_path: Path) -> None:
    judged = [
        replace(e, answers=(*e.answers, answer("Paid within thirty days of purchase.")), targets=(Target(3, 1.0),))
        for e in examples(trainable, 24)
    ]
    result = update(trainable, judged, replace(BRIEF, methods=("sft",)), tmp_path)
    before, after = (result.metrics[which]["figures"]["target_nll"] for which in ("start", "kept"))
    assert after < before - 0.1


def test_weights_count(trainable: ExtractiveTrainable, tmp_path: Path) -> None:
    """A judgement of weight 3 is three judgements; one that outweighs another decides."""

    def learned(*weights: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        fresh = ExtractiveTrainable(ExtractivePolicy(HashingEmbedder(), prior=Prior.similarity()))
        pairs = [Pair(0, 2, "first" if place % 2 == 0 else "second", w, "v") for place, w in enumerate(weights)]
        judged = [replace(e, pairs=tuple(pairs)) for e in examples(fresh, 6)]
        train_policy(fresh, judged, replace(BRIEF, methods=("dpo",)), run_dir=tmp_path / str(weights))
        return fresh.policy.residual.pointer

    assert np.allclose(learned(3.0, 1.0), learned(1.0, 1.0, 2.0), atol=1e-4)
    assert not np.allclose(learned(3.0, 1.0), learned(1.0, 3.0), atol=1e-2)


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    def learned(seed: int, name: str) -> torch.Tensor:
        fresh = ExtractiveTrainable(ExtractivePolicy(HashingEmbedder(), prior=Prior.similarity()))
        judged = [replace(e, pairs=(Pair(0, 2, "first", 1.0, "v"),)) for e in examples(fresh, 9)]
        config = replace(BRIEF, methods=("dpo",), groups_per_step=2, epochs=3, evaluate_every=3, seed=seed)
        train_policy(fresh, judged, config, run_dir=tmp_path / name)
        return torch.cat([leaf.detach().clone() for leaf in fresh.parameters().values()])

    assert torch.equal(learned(1, "a"), learned(1, "b"))
    assert not torch.equal(learned(1, "c"), learned(2, "d"))


def test_rows_scored_together_are_those_scored_apart(trainable: ExtractiveTrainable) -> None:
    groups = [trainable.prepare(e.prompt, e.answers) for e in examples(trainable, 3)]
    groups.append(trainable.prepare(make_prompt(texts=("One. Two is here. Three. Four. Five.",)), [answer(ABSTENTION)]))
    together, mask = trainable.logprobs_many(groups)
    row = 0
    for group in groups:
        alone, real = trainable.logprobs(group)
        rows = slice(row, row + len(alone))
        assert torch.allclose(together[rows, : alone.shape[1]], alone, atol=1e-6)
        assert torch.equal(mask[rows, : alone.shape[1]], real)
        assert not mask[rows, alone.shape[1] :].any()
        row += len(alone)


def test_the_adapter_is_what_was_learned(trainable: ExtractiveTrainable, tmp_path: Path) -> None:
    judged = [replace(e, pairs=(Pair(0, 2, "first", 1.0, "v"),)) for e in examples(trainable, 10)]
    update(trainable, judged, replace(BRIEF, methods=("dpo",)), tmp_path / "run")
    for name, data in trainable.adapter_files({"run": 1}).items():
        (tmp_path / name).write_bytes(data)
    loaded = load_residual(tmp_path)
    assert np.array_equal(loaded.pointer, trainable.policy.residual.pointer)
    assert loaded.pointer.any()


@pytest.mark.parametrize(
    ("text", "actions"),
    [
        (FIXED, (0, -1)),
        ("Refunds come within thirty days of purchase, always.", (0, -1)),
        ("Delivery takes three days in Norway. Refunds are paid within thirty days of purchase.", (5, 0, -1)),
        (ABSTENTION, (-1,)),
        ("The documents do not mention this.", (-1,)),
    ],
)
def test_text_is_taken_for_sentences(trainable: ExtractiveTrainable, text: str, actions: tuple[int, ...]) -> None:
    group = trainable.prepare(make_prompt(), [answer(text)])
    assert group.answers[0].actions == actions


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Bananas are rich in potassium and grow in bunches.", "no sentence of the passages"),
        ("[1]", "no words"),
    ],
)
def test_what_the_passages_do_not_say_cannot_be_scored(trainable: ExtractiveTrainable, text: str, reason: str) -> None:
    with pytest.raises(CannotScore, match=reason):
        trainable.prepare(make_prompt(), [answer(text)])


def test_tokens_of_another_model_are_not_taken_for_sentences(trainable: ExtractiveTrainable) -> None:
    foreign = replace(answer(FIXED), actions=(3, 1, 2, -1))
    assert trainable.prepare(make_prompt(), [foreign]).answers[0].actions == (0, -1)


def test_what_cannot_be_scored_is_counted(trainable: ExtractiveTrainable, tmp_path: Path) -> None:
    strange = answer("Bananas are rich in potassium and grow in bunches.")
    judged = [
        replace(e, answers=(*e.answers, strange), pairs=(Pair(0, 2, "first", 1, "v"), Pair(0, 3, "first", 1, "v")))
        for e in examples(trainable, 6)
    ]
    result = train_policy(trainable, judged, replace(BRIEF, methods=("dpo",)), run_dir=tmp_path)
    assert result.left_out == {"no sentence of the passages says what the answer says": 6}
    only = [replace(e, pairs=e.pairs[1:]) for e in judged]
    with pytest.raises(NothingToTrain, match="no sentence"):
        train_policy(trainable, only, replace(BRIEF, methods=("dpo",)), run_dir=tmp_path)
