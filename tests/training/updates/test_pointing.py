"""The embedded policy learns what to say first and when to keep silent."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from retrieval.embed import HashingEmbedder
from tests.training.conftest import PASSAGES, make_prompt
from training.citations import is_abstention
from training.datasets.examples import Example, Pair, Thumb
from training.policy.base import Sampling
from training.policy.extractive import ExtractivePolicy, Prior
from training.policy.extractive.features import HALT_FEATURES, POINTER_FEATURES
from training.updates.config import UpdateConfig
from training.updates.extractive import ExtractiveTrainable
from training.updates.look import score
from training.updates.loop import NothingToTrain
from training.updates.point import train_pointer
from training.updates.pointing import PointingConfig, PointingObjective, hold_silence, prepare_pointing
from training.updates.rehearsal import rehearse, silence

BRIEF = UpdateConfig.for_policy("extractive", epochs=25, keep="last", evaluate_prompts=4, evaluate_every=25)


@pytest.fixture
def trainable() -> ExtractiveTrainable:
    return ExtractiveTrainable(ExtractivePolicy(HashingEmbedder(), prior=Prior.similarity()))


def asked(trainable: ExtractiveTrainable, count: int, *, up: bool = True) -> list[Example]:
    """Prompts about documents of their own, each with a served answer and a thumb on it."""
    made = []
    for number in range(count):
        prompt = make_prompt(
            f"When are refunds of order {number} paid?", tuple(f"{text} Section {number}." for text in PASSAGES)
        )
        passages = tuple(
            replace(passage, chunk_id=f"{number}-{passage.number}", document_id=f"{number}-{passage.number}")
            for passage in prompt.passages
        )
        prompt = replace(prompt, passages=passages)
        (answers,) = trainable.sample([prompt], 2, Sampling(seed=number))
        made.append(Example(f"p{number}", prompt, tuple(answers), thumbs=(Thumb(0, up, 1.0, f"v{number}"),)))
    return made


def loss(trainable: ExtractiveTrainable, examples: list[Example], config: PointingConfig) -> dict[str, float]:
    items, _ = prepare_pointing(trainable, examples, ())
    _, sums = PointingObjective(trainable, items, config).loss(items, score(trainable, items), 1.0)
    return sums


def test_likelihoods_by_hand(trainable: ExtractiveTrainable) -> None:
    (example,) = asked(trainable, 1)
    group = trainable.prepare(example.prompt, [*example.answers, silence()])
    with torch.no_grad():
        first, second, stop = trainable.logprobs(group)[0][:, 0].exp().tolist()
    config = PointingConfig(flip_rate=0.25)
    up = loss(trainable, [example], config)
    assert up["votes"] == pytest.approx(-math.log(0.25 + 0.5 * first), rel=1e-5)
    assert up["silence"] == pytest.approx(-config.present * math.log(1 - stop), rel=1e-4)
    assert up["penalty"] == 0.0
    down = loss(trainable, [replace(example, thumbs=(Thumb(0, False, 1.0, "v"),))], config)
    assert down["votes"] == pytest.approx(-math.log(0.75 - 0.5 * first), rel=1e-5)
    pair = replace(example, thumbs=(), pairs=(Pair(0, 1, "second", 1.0, "v"),))
    chance = second / (first + second)
    assert loss(trainable, [pair], config)["votes"] == pytest.approx(-math.log(0.25 + 0.5 * chance), rel=1e-5)


def test_answers_that_open_alike_are_no_comparison_and_ties_say_only_that_somebody_asked(
    trainable: ExtractiveTrainable,
) -> None:
    (example,) = asked(trainable, 1)
    alike = replace(example, answers=(example.answers[0],) * 2, thumbs=(), pairs=(Pair(0, 1, "first", 1.0, "v"),))
    tie = replace(example, thumbs=(), pairs=(Pair(0, 1, "tie", 1.0, "v"),))
    for judged in (alike, tie):
        sums = loss(trainable, [judged], PointingConfig())
        assert sums["votes"] == 0.0
        assert sums["silence"] > 0.0


def test_an_approved_silence_is_no_question_with_an_answer(trainable: ExtractiveTrainable) -> None:
    (example,) = asked(trainable, 1)
    silent = replace(example, answers=(silence(),))
    assert loss(trainable, [silent], PointingConfig())["silence"] == 0.0
    disliked = replace(silent, thumbs=(Thumb(0, False, 1.0, "v"),))
    assert loss(trainable, [disliked], PointingConfig())["silence"] > 0.0


def test_weights_that_the_prior_knows_are_held_more_firmly(trainable: ExtractiveTrainable) -> None:
    items, _ = prepare_pointing(trainable, asked(trainable, 4), ())
    objective = PointingObjective(trainable, items, PointingConfig())
    with torch.no_grad():
        trainable.parameters()["pointer"][POINTER_FEATURES.index("sentence_cosine")] = 1.0
        trainable.parameters()["pointer"][POINTER_FEATURES.index("spelling")] = 1.0
        trainable.parameters()["halt"][HALT_FEATURES.index("begin")] = 1.0
    _, sums = objective.loss(items, score(trainable, items), 1.0)
    assert sums["penalty"] == pytest.approx((6.0 + 1.0 + 10.0) / 4)


def test_parts_of_a_step_add_up(trainable: ExtractiveTrainable) -> None:
    examples = asked(trainable, 6)
    items, _ = prepare_pointing(trainable, examples, rehearse(examples, HashingEmbedder(), shown=3))
    objective = PointingObjective(trainable, items, PointingConfig())
    whole, _ = objective.loss(items, score(trainable, items), 1.0)
    parts = [objective.loss(part, score(trainable, part), 1.0)[0] for part in (items[:5], items[5:])]
    assert float(sum(parts).detach()) == pytest.approx(float(whole.detach()), rel=1e-5)  # type: ignore[union-attr]


@pytest.mark.slow
def test_what_is_voted_down_is_said_less_and_silence_stays(trainable: ExtractiveTrainable, tmp_path: Path) -> None:
    examples = asked(trainable, 12, up=False)
    examples = [replace(e, pairs=(Pair(0, 1, "second", 1.0, "v"),)) for e in examples]
    group = trainable.prepare(examples[0].prompt, list(examples[0].answers))
    before = trainable.logprobs(group)[0][:, 0].detach()
    result = train_pointer(trainable, examples, HashingEmbedder(), run_dir=tmp_path, config=BRIEF)
    after = trainable.logprobs(group)[0][:, 0].detach()
    assert result.method == "pointing"
    assert result.metrics["rehearsals"] == sum(not example.answers[1].abstained for example in examples)
    assert after[0] < before[0]
    assert after[1] > before[1]


def test_silence_is_held_where_the_base_kept_it(trainable: ExtractiveTrainable) -> None:
    trainable = ExtractiveTrainable(ExtractivePolicy(HashingEmbedder(), prior=Prior.shipped()))
    examples = asked(trainable, 8)
    items, _ = prepare_pointing(trainable, examples, rehearse(examples, HashingEmbedder(), shown=3))
    rows = torch.stack([item.group.prepared.halt[-1, 0] for item in items if item.absent])
    base = torch.from_numpy(Prior.shipped().halt)
    assert hold_silence(trainable, items, 0.0) == 0.0  # the base itself
    with torch.no_grad():
        trainable.parameters()["halt"][0] -= 20.0
    shift = hold_silence(trainable, items, 0.0)
    halt = trainable.parameters()["halt"].detach()
    assert int((rows @ (base + halt) > 0).sum()) >= int((rows @ base > 0).sum())
    assert (shift > 0) == bool((rows @ base > 0).any())


def test_rehearsals_hide_the_documents_that_answered(trainable: ExtractiveTrainable) -> None:
    examples = asked(trainable, 8)
    rehearsals = rehearse(examples, HashingEmbedder(), shown=5)
    assert len(rehearsals) == 8
    for example, again in zip(examples, rehearsals, strict=True):
        assert again.prompt.question == example.prompt.question
        lead = example.answers[0].actions[0]
        cited = trainable.policy.candidates(example.prompt)[lead].passage
        assert example.prompt.passages[cited].document_id not in again.documents
        assert [passage.number for passage in again.prompt.passages] == [1, 2, 3, 4, 5]
        assert is_abstention(again.answers[0].text)
        assert again.targets[0].origin == "rehearsal"


def test_nothing_is_rehearsed_without_approval_or_across_collections(trainable: ExtractiveTrainable) -> None:
    assert rehearse(asked(trainable, 8, up=False), HashingEmbedder()) == ()
    assert rehearse(asked(trainable, 2), HashingEmbedder()) == ()  # six passages are too few
    apart = [
        replace(example, prompt=replace(example.prompt, collections=(f"c{place % 2}",)))
        for place, example in enumerate(asked(trainable, 16))
    ]
    own = {p.chunk_id: example.prompt.collections for example in apart for p in example.prompt.passages}
    for again in rehearse(apart, HashingEmbedder(), shown=4):
        assert {own[passage.chunk_id] for passage in again.prompt.passages} == {again.prompt.collections}


def test_without_a_judgement_nothing_is_trained(trainable: ExtractiveTrainable, tmp_path: Path) -> None:
    silent = [replace(example, thumbs=()) for example in asked(trainable, 8)]
    with pytest.raises(NothingToTrain):
        train_pointer(trainable, silent, HashingEmbedder(), run_dir=tmp_path, config=BRIEF)
