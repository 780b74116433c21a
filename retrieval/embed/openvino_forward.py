"""Runs an encoder with OpenVINO on the CPU, from its converted file. Imports no torch."""

from __future__ import annotations

import queue
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.embed.base import Vectors
from retrieval.embed.openvino_runtime import import_openvino
from retrieval.embed.plain import Forward, Tokens


def openvino_forward(model: Path, *, threads: int | None = None) -> tuple[Forward, int]:
    """Make a `Forward` of a converted encoder.

    Args:
        model: The converted file, with its weights beside it; both may go once this returns.
        threads: Threads of all inferences together; None takes every core.

    Returns:
        The encoder with its mean pooling, and how many calls of it run side by side (more wait for their turn).
    """
    # Streams instead of the "LATENCY" hint, which lets one inference take every core: on two cores a question behind a
    # batch of sentences then waits 90-200 ms, and 12-25 ms with streams, at the same throughput. No pinning: the API
    # and the ingest process would be tied to the same cores.
    options: dict[str, Any] = {"PERFORMANCE_HINT": "THROUGHPUT", "ENABLE_CPU_PINNING": False}
    if threads is not None:
        options["INFERENCE_NUM_THREADS"] = threads
    openvino = import_openvino()
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(str(model)), "CPU", options)
    streams = int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
    # As many requests as streams, not one per calling thread: each keeps its activations.
    idle: queue.SimpleQueue[Any] = queue.SimpleQueue()
    for _ in range(streams):
        idle.put(compiled.create_infer_request())

    def forward(tokens: Tokens, mask: Tokens) -> Vectors:
        request = idle.get()
        try:
            return np.array(request.infer([tokens, mask])[0], dtype=np.float32)
        finally:
            idle.put(request)

    return forward, streams
