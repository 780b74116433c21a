"""Load a causal LM for answering: safetensors only, no remote code, bf16 on a GPU."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

_NO_LIMIT = 1_000_000  # tokenizers write a huge number where they know no limit
_DEFAULT_WINDOW = 8192


def load_model(name: str, adapter: Path | None, device: str, dtype: str, trainable: bool) -> tuple[Any, Any, int]:
    """Load model, tokenizer and, where given, adapter.

    Args:
        name: Hugging Face name or folder.
        adapter: PEFT adapter folder; None for none.
        device: A torch device, or "auto".
        dtype: Name of a torch dtype, or "auto".
        trainable: Whether the adapter's weights get gradients.

    Returns:
        The model in evaluation mode on its device, the tokenizer, and the most tokens the model can see.

    Raises:
        ValueError: The tokenizer has no chat template, so nobody knows how to ask this model.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    where = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
    kind = (torch.bfloat16 if where.type == "cuda" else torch.float32) if dtype == "auto" else getattr(torch, dtype)
    tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
    if not tokenizer.chat_template:
        raise ValueError(f"{name} has no chat template: choose the instruction-tuned variant of the model")
    model: Any = AutoModelForCausalLM.from_pretrained(name, dtype=kind, trust_remote_code=False, use_safetensors=True)
    window = min(
        getattr(model.config, "max_position_embeddings", None) or _DEFAULT_WINDOW,
        tokenizer.model_max_length if tokenizer.model_max_length < _NO_LIMIT else _NO_LIMIT,
    )
    model.requires_grad_(False)
    if adapter is not None:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, str(adapter), is_trainable=trainable)
    return model.to(where).eval(), tokenizer, window
