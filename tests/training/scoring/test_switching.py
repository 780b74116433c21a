"""Switching the attention of a live model: given back, whatever happens, and nobody else is disturbed."""

from __future__ import annotations

import copy
import gc
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from tests.training.scoring.models import backward, one_by_one, tiny, with_lora
from training.scoring import shared_prefix
from training.scoring.score import answer_logprobs
from training.scoring.shared_prefix import restore_attention, shared_attention, shared_states

PROMPT = [5, 17, 3, 88, 41, 9, 60, 12, 33, 7]
ANSWERS = [[11, 4, 90], [4, 4, 8, 15, 16, 23, 42], [50]]


def test_given_back_after_an_exception() -> None:
    model = tiny("Qwen2")
    answer_logprobs(model, PROMPT, ANSWERS)
    hook = model.model.layers[1].register_forward_pre_hook(lambda *_: (_ for _ in ()).throw(RuntimeError("struck")))
    with pytest.raises(RuntimeError, match="struck"):
        answer_logprobs(model, PROMPT, ANSWERS)
    hook.remove()
    assert model.config._attn_implementation == "sdpa"
    assert model not in shared_prefix._switches


def test_a_switched_model_answers_as_before() -> None:
    model, prompt = tiny("Qwen2"), torch.tensor([PROMPT])
    before = model(input_ids=prompt).logits
    padded = {"input_ids": torch.tensor([[0, 0, *PROMPT]]), "attention_mask": torch.tensor([[0, 0, *[1] * 10]])}
    masked = model(**padded).logits
    drawn = model.generate(input_ids=prompt, max_new_tokens=8, do_sample=False)
    with shared_attention(model):
        assert model.config._attn_implementation == "shared_prefix_over_sdpa"
        assert torch.equal(model(input_ids=prompt).logits, before)
        assert torch.equal(model(**padded).logits, masked)
        assert torch.equal(model.generate(input_ids=prompt, max_new_tokens=8, do_sample=False), drawn)
    assert model.config._attn_implementation == "sdpa"


@pytest.mark.parametrize("base", ["sdpa", "flash_attention_2", "kernels-community/flash-attn3", "paged|eager"])
def test_no_name_asks_transformers_for_another_attention(base: str) -> None:
    name = shared_prefix._name(base)
    assert "flash" not in name
    assert name.isidentifier()


def test_another_model_object_is_not_touched() -> None:
    model = tiny("Qwen2")
    serving = copy.deepcopy(model)
    with shared_attention(model):
        assert serving.config._attn_implementation == "sdpa"


def test_threads_score_and_answer_with_one_model_at_the_same_time() -> None:
    model = tiny("Qwen2")
    with torch.no_grad():
        expected = torch.cat([one_by_one(model, PROMPT, answer) for answer in ANSWERS])

    def score(_: int) -> torch.Tensor:
        with torch.no_grad():
            logprobs, mask = answer_logprobs(model, PROMPT, ANSWERS)
            return logprobs[mask]

    def answer(_: int) -> torch.Tensor:
        with torch.no_grad():
            return torch.cat([one_by_one(model, PROMPT, each) for each in ANSWERS])

    with ThreadPoolExecutor(4) as pool:
        found = [pool.submit(score if number % 2 else answer, number) for number in range(40)]
        for future in found:
            torch.testing.assert_close(future.result(), expected, atol=2e-5, rtol=0)
    assert model.config._attn_implementation == "sdpa"


def test_checkpointing_keeps_the_model_switched_until_it_is_restored() -> None:
    model = with_lora(tiny("Qwen2"))
    base = model.get_base_model()
    base.activation_checkpointing_enable(activation_checkpointing_kwargs={"use_reentrant": False})
    base.enable_input_require_grads()
    model.train()
    backward(model, answer_logprobs(model, PROMPT, ANSWERS)[0].sum())
    assert base.config._attn_implementation == "shared_prefix_over_sdpa"
    with torch.no_grad():
        answer_logprobs(model, PROMPT, ANSWERS)  # leaves it as it was found
    assert base.config._attn_implementation == "shared_prefix_over_sdpa"
    restore_attention(base)
    restore_attention(base)
    assert base.config._attn_implementation == "sdpa"


def test_the_wrong_attention_is_noticed() -> None:
    """The layout travels in the call; where another attention gets it, the mask fits nothing."""
    from training.scoring.row import lay_out

    row = lay_out(10, [3, 3], torch.device("cpu"))
    with pytest.raises(RuntimeError):
        shared_states(tiny("Qwen2").model, row, [*PROMPT, 1, 2, 3, 4, 5, 6], torch.device("cpu"))


def test_switched_models_are_not_kept_alive() -> None:
    model = tiny("Qwen2")
    answer_logprobs(model, PROMPT, ANSWERS)
    count = len(shared_prefix._switches)
    with shared_attention(model, keep=True):
        pass
    assert len(shared_prefix._switches) == count + 1
    del model
    gc.collect()
    assert len(shared_prefix._switches) == count
