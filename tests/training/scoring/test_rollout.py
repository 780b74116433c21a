"""Fresh answers: reproducible, ended where they end, with the log-probabilities that scoring gives."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.training.scoring.models import tiny, with_lora
from training.policy.base import Sampling
from training.scoring.rollout import draw
from training.scoring.score import answer_logprobs

PROMPT = [5, 17, 3, 88, 41, 9, 60, 12, 33, 7]
HOT = Sampling(temperature=1.0, max_tokens=12, seed=3)


@pytest.mark.parametrize("sampling", [HOT, Sampling(temperature=0.7, top_p=0.8, max_tokens=9, seed=1), Sampling()])
def test_logprobs_are_those_of_scoring(sampling: Sampling) -> None:
    model = with_lora(tiny("Qwen3"))
    ends = set(range(40, 50))
    drawn = draw(model, PROMPT, 5, sampling, end_ids=ends)
    with torch.no_grad():
        logprobs, mask = answer_logprobs(model, PROMPT, [each.tokens for each in drawn])
    for row, real, each in zip(logprobs, mask, drawn, strict=True):
        torch.testing.assert_close(row[real], torch.tensor(each.logprobs), atol=2e-5, rtol=0)
        assert each.ended == (each.tokens[-1] in ends)
        assert not ends & set(each.tokens[:-1])
        assert each.ended or len(each.tokens) == sampling.max_tokens
    assert len({each.tokens for each in drawn}) > (1 if sampling.temperature else 0)


def test_the_prompt_is_computed_once() -> None:
    model, widths = tiny("Qwen2"), list[tuple[int, int]]()
    model.model.embed_tokens.register_forward_hook(lambda _, given, __: widths.append(tuple(given[0].shape)))
    draw(model, PROMPT, 4, HOT, end_ids=())
    assert widths == [(1, len(PROMPT)), *[(4, 1)] * 11]


def test_the_same_seed_draws_the_same() -> None:
    model = tiny("Llama")
    first, again = (draw(model, PROMPT, 3, HOT, end_ids=()) for _ in range(2))
    assert first == again
    assert draw(model, PROMPT, 3, HOT, end_ids=(), seed=4) != first


def test_a_model_in_training_is_drawn_from_in_evaluation_mode() -> None:
    model = with_lora(tiny("Qwen2"), dropout=0.5)
    model.get_base_model().activation_checkpointing_enable()
    expected = draw(model.eval(), PROMPT, 2, HOT, end_ids=())
    model.train()
    frozen = model.get_base_model().model.norm
    frozen.eval()
    assert draw(model, PROMPT, 2, HOT, end_ids=()) == expected
    assert model.training
    assert not frozen.training


def test_draws_follow_the_distribution() -> None:
    """Chi-square of 2,000 first tokens against the model's own chances, the nucleus cut away and renormalised."""
    model = tiny("Qwen2")
    with torch.no_grad():
        chances = (model(input_ids=torch.tensor([PROMPT])).logits[0, -1] / 0.7).softmax(-1)
    ordered, order = chances.sort(descending=True)
    kept = order[: int((ordered.cumsum(0) < 0.8).sum()) + 1]
    expected = chances[kept] / chances[kept].sum()
    sampling = Sampling(temperature=0.7, top_p=0.8, max_tokens=1, seed=0)
    tokens = [each.tokens[0] for each in draw(model, PROMPT, 2000, sampling, end_ids=())]
    assert set(tokens) <= set(kept.tolist())
    counts = torch.tensor([tokens.count(int(token)) for token in kept])
    statistic = float(((counts - 2000 * expected) ** 2 / (2000 * expected)).sum())
    degrees = len(kept) - 1
    assert statistic < degrees + 5 * (2 * degrees) ** 0.5


@pytest.mark.parametrize(("prompt", "n", "most"), [([], 1, 5), ([1], 0, 5), ([1], 1, 0)])
def test_nothing_to_draw(prompt: list[int], n: int, most: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        draw(tiny("Qwen2"), prompt, n, Sampling(max_tokens=most), end_ids=())


def test_a_policy_samples_with_the_same_logprobs(causal: Any, prompt: Any) -> None:
    """The policy's own sampling, which serves, agrees with the scoring that trains."""
    sampling = Sampling(temperature=1.0, max_tokens=10, seed=5)
    answers = causal.sample([prompt], 4, sampling)[0]
    ids = causal.prompts.encode(prompt, sampling.max_tokens)
    with torch.no_grad():
        logprobs, _ = answer_logprobs(causal.model, ids, [answer.actions for answer in answers])
    for row, answer in zip(logprobs, answers, strict=True):
        assert float(row.sum()) == pytest.approx(answer.logprob, abs=1e-3)
