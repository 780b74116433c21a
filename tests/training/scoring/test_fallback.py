"""Models that cannot share their prompt are scored by concatenation, and say why, once."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import torch

from tests.training.scoring.models import one_by_one, tiny, with_lora
from training.scoring.score import answer_hidden, answer_logprobs

PROMPT = [5, 17, 3, 88, 41, 9, 60, 12, 33, 7]
ANSWERS = [[11, 4, 90], [4, 4, 8, 15, 16, 23, 42], [50]]
GEMMA: dict[str, Any] = {"head_dim": 8, "query_pre_attn_scalar": 8}
MIXED = {"layer_types": ["sliding_attention", "full_attention"], "head_dim": 8}


@pytest.mark.parametrize(
    ("family", "options", "reason"),
    [
        ("Mistral", {"sliding_window": 16}, "its sliding window is shorter"),
        ("Gemma3Text", {**MIXED, "sliding_window": 16, "query_pre_attn_scalar": 8}, "its sliding window is shorter"),
        ("Gemma2", GEMMA, "attn_logit_softcapping, final_logit_softcapping"),
        ("Gemma2", {**GEMMA, "final_logit_softcapping": None}, "attn_logit_softcapping"),
        ("Cohere", {"logit_scale": 0.5}, "logit_scale"),
        ("GptOss", {"num_local_experts": 2, "num_experts_per_tok": 1, "head_dim": 8}, "s_aux"),
        ("Bloom", {"n_layer": 2, "n_head": 4}, "trial|code"),
        ("Mamba", {"state_size": 4}, "linear_attention"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_falls_back_with_a_reason(
    family: str, options: dict[str, Any], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    name = family.removesuffix("Text")
    model = tiny_of(name, family, options)
    with caplog.at_level(logging.WARNING), torch.no_grad():
        for _ in range(2):
            logprobs, mask = answer_logprobs(model, PROMPT, ANSWERS)
    said = [record.getMessage() for record in caplog.records if "computed again" in record.getMessage()]
    assert len(said) == 1
    assert any(part in said[0] for part in reason.split("|")), said
    alone = torch.cat([one_by_one(model, PROMPT, answer) for answer in ANSWERS])
    torch.testing.assert_close(logprobs[mask], alone.detach(), atol=1e-4, rtol=0)


def tiny_of(name: str, family: str, options: dict[str, Any]) -> Any:
    """Make a model whose config and class are named differently."""
    import transformers

    from tests.training.scoring.models import SIZES

    config = getattr(transformers, f"{family}Config" if hasattr(transformers, f"{family}Config") else f"{name}Config")
    torch.manual_seed(0)
    return getattr(transformers, f"{name}ForCausalLM")(config(**{**SIZES, **options})).eval()


def test_a_window_that_is_long_enough_shares(caplog: pytest.LogCaptureFixture) -> None:
    model = tiny("Mistral", sliding_window=len(PROMPT) + 7)
    with caplog.at_level(logging.WARNING), torch.no_grad():
        logprobs, mask = answer_logprobs(model, PROMPT, ANSWERS)
    assert not [record for record in caplog.records if "computed again" in record.getMessage()]
    alone = torch.cat([one_by_one(model, PROMPT, answer) for answer in ANSWERS])
    torch.testing.assert_close(logprobs[mask], alone.detach(), atol=2e-5, rtol=0)


def test_attention_dropout_only_in_training_mode(caplog: pytest.LogCaptureFixture) -> None:
    model = tiny("Qwen2", attention_dropout=0.5)
    with caplog.at_level(logging.WARNING), torch.no_grad():
        shared, _ = answer_logprobs(model, PROMPT, ANSWERS)
        assert "computed again" not in caplog.text
        dropped, _ = answer_logprobs(model.train(), PROMPT, ANSWERS)
        assert "drops weights out in training mode" in caplog.text
        assert model.training
        again, _ = answer_logprobs(model.eval(), PROMPT, ANSWERS)
    assert model.config._attn_implementation == "sdpa"
    torch.testing.assert_close(shared, again)
    assert float((dropped - shared).abs().max()) > 1e-3


def test_hidden_states_of_a_model_that_cannot_share() -> None:
    model = tiny("Mistral", sliding_window=8)
    states, mask = answer_hidden(model, PROMPT, ANSWERS)
    whole = model.model(input_ids=torch.tensor([[*PROMPT, *ANSWERS[1]]]), use_cache=False).last_hidden_state[0]
    torch.testing.assert_close(states[1], whole[len(PROMPT) :], atol=2e-5, rtol=1e-4)
    assert not states[~mask].any()


def test_virtual_tokens_are_refused() -> None:
    from peft import PromptTuningConfig, get_peft_model

    model = get_peft_model(tiny("Qwen2"), PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=4))
    with pytest.raises(ValueError, match="prompt-learning"):
        answer_logprobs(model, PROMPT, ANSWERS)


def test_the_reason_is_said_for_an_adapted_model_too(caplog: pytest.LogCaptureFixture) -> None:
    model = with_lora(tiny("Mistral", sliding_window=8))
    with caplog.at_level(logging.WARNING), torch.no_grad():
        logprobs, mask = answer_logprobs(model, PROMPT, ANSWERS)
    assert "MistralForCausalLM" in caplog.text
    alone = torch.cat([one_by_one(model, PROMPT, answer) for answer in ANSWERS])
    torch.testing.assert_close(logprobs[mask], alone.detach(), atol=2e-5, rtol=0)
