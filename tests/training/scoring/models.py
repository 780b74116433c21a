"""Tiny models of several families with random weights, and answers scored the slow way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

WORDS = 97
SIZES: dict[str, Any] = {
    "vocab_size": WORDS,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "initializer_range": 0.2,  # wide, so that what the attention looks at matters
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}


def tiny(family: str, *, seed: int = 0, dtype: torch.dtype = torch.float32, **settings: Any) -> Any:
    """Make a causal LM of a family: the name of its config without "Config"."""
    import transformers

    config = getattr(transformers, f"{family}Config")(**{**SIZES, **settings})
    torch.manual_seed(seed)
    return getattr(transformers, f"{family}ForCausalLM")(config).to(dtype).eval()


def with_lora(model: Any, *, dropout: float = 0.0, seed: int = 1) -> Any:
    """Put a LoRA adapter that changes the model's values on all its linear layers."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    adapted = get_peft_model(
        model,
        LoraConfig(r=4, lora_alpha=8, lora_dropout=dropout, target_modules="all-linear", task_type="CAUSAL_LM"),
    )
    for name, weights in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights, std=0.1)
    return adapted


def one_by_one(model: Any, prompt: Sequence[int], answer: Sequence[int], temperature: float = 1.0) -> Tensor:
    """Score an answer behind a prompt of its own, by the definition: nothing padded, nothing shared, `(T,)`."""
    ids = torch.tensor([[*prompt, *answer]])
    logits = model(input_ids=ids, use_cache=False).logits[0, len(prompt) - 1 : -1].float() / temperature
    return logits.log_softmax(-1)[torch.arange(len(answer)), torch.tensor(answer)]


def gradients(model: Any, loss: Tensor) -> Tensor:
    """Give the gradient of everything that is trained as one vector."""
    trained = [weights for weights in model.parameters() if weights.requires_grad]
    found = torch.autograd.grad(loss, trained, allow_unused=True)
    return torch.cat(
        [(torch.zeros_like(w) if g is None else g).flatten().float() for w, g in zip(trained, found, strict=True)]
    )


def backward(model: Any, loss: Tensor) -> Tensor:
    """Like `gradients`, through `backward`, as gradient checkpointing wants it."""
    model.zero_grad()
    loss.backward()
    trained = [weights for weights in model.parameters() if weights.requires_grad]
    return torch.cat([(torch.zeros_like(w) if w.grad is None else w.grad).flatten().float() for w in trained])
