"""Runs an encoder with OpenVINO (the optional extra `openvino`): converted in memory from the torch weights."""

from __future__ import annotations

import importlib.util
import os
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.embed.base import Vectors
from retrieval.embed.plain import Forward, Tokens


def openvino_installed() -> bool:
    """Tell whether the optional library is there, without importing it."""
    return importlib.util.find_spec("openvino") is not None


def openvino_forward(folder: Path, *, threads: int | None = None) -> Forward:
    """Make a `Forward` that runs the encoder of a model folder with OpenVINO on the CPU.

    Args:
        folder: Holds `config.json` and the weights.
        threads: Threads per inference; None takes every core.

    Returns:
        The encoder with its mean pooling; may be called from several threads.
    """
    import openvino
    import torch

    from retrieval.embed.torch_forward import load_encoder, mean_pool

    class Pooled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = load_encoder(folder)

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            return mean_pool(hidden, attention_mask)

    mask = torch.ones(2, 9, dtype=torch.long)
    mask[1, 5:] = 0  # a ragged example, or the tracer would drop the mask
    example = {"input_ids": torch.full((2, 9), 5), "attention_mask": mask}
    shape = [-1, -1]
    inputs = [(name, shape, openvino.Type.i64) for name in example]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing notes about Python values in shapes that are constant here
        converted = openvino.convert_model(Pooled(), example_input=example, input=inputs)
    options: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads or os.cpu_count() or 1}
    compiled = openvino.Core().compile_model(converted, "CPU", options)
    requests = threading.local()  # an infer request is not thread-safe

    def forward(tokens: Tokens, mask: Tokens) -> Vectors:
        if not hasattr(requests, "infer"):
            requests.infer = compiled.create_infer_request()
        return np.array(requests.infer.infer([tokens, mask])[0], dtype=np.float32)

    return forward
