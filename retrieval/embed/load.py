"""Loads the encoder for a model name. Torch is imported inside the call, and only where the encoder runs on it."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Literal, get_args

from retrieval.embed.base import Embedder
from retrieval.embed.choose import Backend, choose_backend, choose_device, openvino_installed
from retrieval.embed.hashing import HASHING_MODEL, HashingEmbedder
from retrieval.embed.layout import PlainLayout, read_layout
from retrieval.embed.weights import packaged_minilm
from retrieval.errors import InvalidInput, RetrievalError

log = logging.getLogger(__name__)

DEFAULT_MODEL = "all-MiniLM-L6-v2"
DtypeSetting = Literal["auto", "fp32", "bf16", "openvino"]


def load_embedder(
    model_name: str,
    *,
    dtype: str = "auto",
    threads: int | None = None,
    cache_dir: Path | None = None,
    device: str | None = None,
) -> Embedder:
    """Load an encoder.

    Args:
        model_name: `all-MiniLM-L6-v2` (embedded, offline), `hashing` (for tests), or any sentence-transformers name or
            folder.
        dtype: `fp32` or `bf16` with torch, `openvino`, or `auto`, whose rule is in `retrieval.embed.choose`.
        threads: Threads of the encoder; torch's are those of this whole process. None leaves the choice to them.
        cache_dir: Where encoders converted for OpenVINO are kept; with None each call converts, which takes seconds.
        device: A torch device; None takes the first GPU when there is one, else the CPU.

    Returns:
        An encoder that may be called from several threads.

    Raises:
        InvalidInput: The dtype is unknown, or is `openvino` where that cannot run.
        ConversionFailed: The dtype is `openvino` and the encoder cannot be converted (`auto` takes torch then).
    """
    if dtype not in get_args(DtypeSetting):
        raise InvalidInput(f"dtype must be one of {', '.join(get_args(DtypeSetting))}, not {dtype!r}", param="dtype")
    if model_name == HASHING_MODEL:
        return HashingEmbedder()
    layout = read_layout(packaged_minilm() if model_name == DEFAULT_MODEL else Path(model_name))
    device = choose_device(device)
    backend = choose_backend(dtype, device, layout)
    if backend == "openvino":
        try:
            return _load_openvino(model_name, layout, threads, cache_dir)
        except (RetrievalError, OSError, RuntimeError) as error:
            if dtype == "openvino":
                raise
            log.warning("%r does not run with OpenVINO, so torch runs it: %s", model_name, error)
            backend = "fp32"
    return _load_torch(model_name, layout, backend, threads, device)


def _load_openvino(
    model_name: str, layout: PlainLayout | None, threads: int | None, cache_dir: Path | None
) -> Embedder:
    if not openvino_installed():
        raise InvalidInput("dtype 'openvino' needs the package openvino, which is not installed", param="dtype")
    if layout is None:
        raise InvalidInput(f"dtype 'openvino' runs local mean-pooled models only, not {model_name!r}", param="dtype")
    from retrieval.embed.openvino_cache import converted
    from retrieval.embed.openvino_forward import openvino_forward
    from retrieval.embed.plain import PlainEmbedder

    with converted(layout.encoder, cache_dir) as model:
        forward, streams = openvino_forward(model, threads=threads)
    return PlainEmbedder(model_name, layout, forward, backend="openvino", parallel=streams)


def _load_torch(
    model_name: str, layout: PlainLayout | None, backend: Backend, threads: int | None, device: str
) -> Embedder:
    # oneDNN keeps a compiled kernel, and the weights as it wants them, for each of the last 1,024 shapes; texts come in
    # more shapes than that. With 16 encoding took no longer here, and several hundred MiB less.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16")
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    precision: Literal["fp32", "bf16"] = "bf16" if backend == "bf16" else "fp32"
    if layout is not None:
        from retrieval.embed.plain import PlainEmbedder
        from retrieval.embed.torch_forward import torch_forward

        forward = torch_forward(layout.encoder, precision, device)
        return PlainEmbedder(model_name, layout, forward, backend=f"torch-{precision}")
    from sentence_transformers import SentenceTransformer

    from retrieval.embed.sentence import SentenceTransformerEmbedder

    torch_dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    model = SentenceTransformer(model_name, device=device, model_kwargs={"dtype": torch_dtype})
    return SentenceTransformerEmbedder(model_name, model, backend=f"sentence-transformers-{precision}")
