"""Runs an encoder with torch: fp32, or bf16 weights where the processor multiplies them natively."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from transformers import AutoModel
from transformers.utils import logging as transformers_logging

from retrieval.embed.base import Vectors
from retrieval.embed.plain import Forward, Tokens

TorchDtype = Literal["fp32", "bf16"]


def load_encoder(folder: Path) -> torch.nn.Module:
    """Load the encoder of a model folder in fp32, for inference, without progress bars on the terminal."""
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        model = AutoModel.from_pretrained(str(folder), attn_implementation="sdpa", local_files_only=True)
    finally:
        if shown:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]
    module: torch.nn.Module = model.eval().requires_grad_(False)
    return module


def mean_pool(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Average `hidden` (n, length, d) over the tokens where `mask` (n, length) is one, in fp32."""
    weights = mask.unsqueeze(-1).float()  # (n, length, 1)
    return (hidden.float() * weights).sum(1) / weights.sum(1).clamp(min=1e-9)


def torch_forward(folder: Path, dtype: TorchDtype, device: str) -> Forward:
    """Make a `Forward` that runs the encoder of a model folder with torch on a device."""
    model = load_encoder(folder).to(device=device, dtype=torch.bfloat16 if dtype == "bf16" else torch.float32)

    def forward(tokens: Tokens, mask: Tokens) -> Vectors:
        with torch.inference_mode():
            ids, ones = torch.from_numpy(tokens).to(device), torch.from_numpy(mask).to(device)
            # Rows of one length need no mask, and the attention kernel is faster without one.
            hidden = model(input_ids=ids, attention_mask=None if mask.all() else ones).last_hidden_state
            pooled: Vectors = mean_pool(hidden, ones).cpu().numpy()
            return pooled

    return forward
