"""Sharing the prompt changes nothing but the time: values and gradients against scoring one by one."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.scoring.models import WORDS, backward, one_by_one, tiny, with_lora
from training.scoring import score as scoring
from training.scoring.score import answer_hidden, answer_logprobs, last_states
from training.scoring.support import why_not

FAMILIES = ("Qwen2", "Qwen3", "Llama")
PROMPT = [5, 17, 3, 88, 41, 9, 60, 12, 33, 7]
ANSWERS = [[11, 4, 90], [4, 4, 8, 15, 16, 23, 42], [50]]


@pytest.fixture(autouse=True)
def no_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where a model that should share does not."""

    def refuse(model: Any, reason: str) -> None:
        raise AssertionError(f"fell back to concatenation: {reason}")

    monkeypatch.setattr(scoring, "say_once", refuse)


def weights(answers: list[list[int]]) -> list[torch.Tensor]:
    """Give every token a weight of its own, so that exchanged tokens show in the gradient."""
    return [torch.linspace(0.5 + number, 1.5, len(answer)) for number, answer in enumerate(answers)]


@pytest.mark.parametrize("checkpointing", [False, True], ids=["", "checkpointing"])
@pytest.mark.parametrize("lora", [False, True], ids=["full", "lora"])
@pytest.mark.parametrize("family", FAMILIES)
def test_values_and_gradients_are_those_of_one_by_one(family: str, lora: bool, checkpointing: bool) -> None:
    model = with_lora(tiny(family)) if lora else tiny(family)
    if checkpointing:
        base = model.get_base_model() if lora else model
        base.activation_checkpointing_enable(activation_checkpointing_kwargs={"use_reentrant": False})
        if lora:
            base.enable_input_require_grads()
        model.train()
    logprobs, mask = answer_logprobs(model, PROMPT, ANSWERS)
    assert logprobs.dtype == torch.float32
    assert mask.sum(-1).tolist() == [3, 7, 1]
    assert not logprobs[~mask].any()
    shared = sum((w * row[: len(w)]).sum() for w, row in zip(weights(ANSWERS), logprobs, strict=True))
    found = backward(model, shared)
    alone = [one_by_one(model, PROMPT, answer) for answer in ANSWERS]
    for row, values in zip(logprobs, alone, strict=True):
        torch.testing.assert_close(row[: len(values)], values, atol=2e-5, rtol=0)
    expected = backward(model, sum((w * v).sum() for w, v in zip(weights(ANSWERS), alone, strict=True)))
    assert float((found - expected).norm() / expected.norm()) < 1e-5
    assert float(expected.norm()) > 0.1


@torch.no_grad()
@pytest.mark.parametrize("family", FAMILIES)
def test_bf16_is_as_close_to_the_truth_as_concatenation(family: str) -> None:
    """Rounding differs between the two, so each is compared with float32: sharing must not add error of its own."""
    truth = torch.cat([one_by_one(tiny(family), PROMPT, answer) for answer in ANSWERS])
    half = tiny(family, dtype=torch.bfloat16)
    logprobs, mask = answer_logprobs(half, PROMPT, ANSWERS)
    concatenated = torch.cat([one_by_one(half, PROMPT, answer) for answer in ANSWERS])
    error, usual = (logprobs[mask] - truth).abs(), (concatenated - truth).abs()
    assert float(error.mean()) < 2 * float(usual.mean()) + 0.01
    assert float(error.max()) < 2 * float(usual.max()) + 0.02


def test_mixed_precision_shares_too() -> None:
    model = tiny("Qwen2", seed=3)
    with torch.autocast("cpu", torch.bfloat16):
        logprobs, mask = answer_logprobs(model, PROMPT, ANSWERS)
    assert logprobs.dtype == torch.float32
    backward(model, logprobs.sum())
    with torch.no_grad():
        alone = torch.cat([one_by_one(model, PROMPT, answer) for answer in ANSWERS])
    error = (logprobs.detach()[mask] - alone).abs()
    assert 0 < float(error.max()) < 0.3  # bfloat16 keeps 8 bits of logits of about 10


@settings(max_examples=25, deadline=None)
@given(
    prompt=st.lists(st.integers(3, WORDS - 1), min_size=1, max_size=12),
    answers=st.lists(st.lists(st.integers(3, WORDS - 1), min_size=1, max_size=9), min_size=1, max_size=5),
    temperature=st.sampled_from([1.0, 0.7, 2.0]),
)
def test_any_lengths(prompt: list[int], answers: list[list[int]], temperature: float) -> None:
    model = QWEN2
    with torch.no_grad():
        logprobs, mask = answer_logprobs(model, prompt, answers, temperature=temperature)
        assert mask.tolist() == [[step < len(a) for step in range(max(map(len, answers)))] for a in answers]
        for row, answer in zip(logprobs, answers, strict=True):
            expected = one_by_one(model, prompt, answer, temperature)
            torch.testing.assert_close(row[: len(answer)], expected, atol=2e-5, rtol=0)
            assert not row[len(answer) :].any()


QWEN2 = tiny("Qwen2")


def test_an_answer_does_not_depend_on_its_neighbours() -> None:
    with torch.no_grad():
        first = answer_logprobs(QWEN2, PROMPT, [ANSWERS[0], ANSWERS[1]])[0][0, :3]
        other = answer_logprobs(QWEN2, PROMPT, [ANSWERS[0], [60] * 20, [7]])[0][0, :3]
    torch.testing.assert_close(first, other, atol=1e-5, rtol=0)


def test_one_answer_alone() -> None:
    logprobs, mask = answer_logprobs(QWEN2, PROMPT, ANSWERS[:1])
    torch.testing.assert_close(logprobs[0], one_by_one(QWEN2, PROMPT, ANSWERS[0]), atol=2e-5, rtol=0)
    assert mask.all()


def test_eager_attention_shares_too_and_is_given_back() -> None:
    model = tiny("Llama", attn_implementation="eager")
    logprobs, mask = answer_logprobs(model, PROMPT, ANSWERS)
    assert model.config._attn_implementation == "eager"
    alone = torch.cat([one_by_one(model, PROMPT, answer) for answer in ANSWERS])
    torch.testing.assert_close(logprobs[mask], alone, atol=2e-5, rtol=0)


def test_a_disabled_adapter_scores_as_the_base() -> None:
    model = with_lora(tiny("Qwen2"))
    with torch.no_grad():
        adapted, _ = answer_logprobs(model, PROMPT, ANSWERS)
        with model.disable_adapter():
            reference, _ = answer_logprobs(model, PROMPT, ANSWERS)
        plain, _ = answer_logprobs(tiny("Qwen2"), PROMPT, ANSWERS)
    torch.testing.assert_close(reference, plain, atol=2e-5, rtol=0)
    assert float((adapted - plain).abs().max()) > 0.01


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("headless", [False, True])
def test_hidden_states_are_those_of_one_by_one(headless: bool, before: bool) -> None:
    model = tiny("Llama").model if headless else tiny("Llama")
    decoder = model.get_decoder()
    states, mask = answer_hidden(model, PROMPT, ANSWERS, before=before)
    assert states.shape == (3, 7, 32)
    assert not states[~mask].any()
    for row, answer in zip(states, ANSWERS, strict=True):
        whole = decoder(input_ids=torch.tensor([[*PROMPT, *answer]]), use_cache=False).last_hidden_state[0]
        expected = whole[len(PROMPT) - 1 : -1] if before else whole[len(PROMPT) :]
        torch.testing.assert_close(row[: len(answer)], expected, atol=2e-5, rtol=1e-4)
    assert last_states(states, mask).tolist() == [
        row[len(a) - 1].tolist() for row, a in zip(states, ANSWERS, strict=True)
    ]


def test_a_reward_model_shares_its_prompt() -> None:
    import transformers

    torch.manual_seed(0)
    model = transformers.Qwen2ForSequenceClassification(tiny("Qwen2").config).eval()
    states, mask = answer_hidden(model, PROMPT, ANSWERS)
    rewards = model.score(last_states(states, mask))[:, 0]
    alone = [model(input_ids=torch.tensor([[*PROMPT, *a]])).logits[0, 0] for a in ANSWERS]
    torch.testing.assert_close(rewards, torch.stack(alone), atol=2e-5, rtol=0)


def test_a_long_vocabulary_is_scored_in_pieces() -> None:
    from training.scoring.head import token_logprobs

    head, states = torch.nn.Linear(8, 50), torch.randn(11, 8, requires_grad=True)
    targets = torch.arange(11)
    whole = token_logprobs(head, states, targets, words=50)
    pieces = token_logprobs(head, states, targets, words=50, most_logits=150)
    torch.testing.assert_close(pieces, whole)
    expected, found = (torch.autograd.grad((x * x).sum(), [states, head.weight]) for x in (whole, pieces))
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(whole, head(states).log_softmax(-1)[targets, targets])


@pytest.mark.parametrize(
    ("prompt", "answers", "complaint"),
    [([], [[1]], "prompt"), ([1], [], "at least one answer"), ([1], [[2], []], "answer 1 has no tokens")],
)
def test_what_cannot_be_scored(prompt: list[int], answers: list[list[int]], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        answer_logprobs(QWEN2, prompt, answers)


def test_a_model_with_room_can_share() -> None:
    assert why_not(QWEN2, 100) is None
