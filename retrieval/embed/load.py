"""Chooses and loads the encoder for a model name. Heavy: torch is imported inside the call."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast, get_args

from retrieval.embed.base import Embedder
from retrieval.embed.hashing import HASHING_MODEL, HashingEmbedder
from retrieval.embed.layout import PlainLayout, read_layout
from retrieval.embed.weights import packaged_minilm
from retrieval.errors import InvalidInput

if TYPE_CHECKING:
    from retrieval.embed.torch_forward import TorchDtype

DEFAULT_MODEL = "all-MiniLM-L6-v2"
DtypeSetting = Literal["auto", "fp32", "bf16", "openvino"]

_NATIVE_BF16 = {"amx_bf16", "avx512_bf16"}


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
        dtype: `auto` is bf16 where the device multiplies it natively and fp32 elsewhere; or `fp32`, `bf16`, `openvino`.
        threads: Torch threads of this process; None leaves the setting alone.
        cache_dir: Where models named on the hub are kept; None is the library's default.
        device: A torch device; None takes the first GPU when there is one, else the CPU.

    Returns:
        An encoder that may be called from several threads.

    Raises:
        InvalidInput: The dtype is unknown, or is `openvino` where that cannot run.
    """
    if dtype not in get_args(DtypeSetting):
        raise InvalidInput(f"dtype must be one of {', '.join(get_args(DtypeSetting))}, not {dtype!r}", param="dtype")
    if model_name == HASHING_MODEL:
        return HashingEmbedder()
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    folder = packaged_minilm() if model_name == DEFAULT_MODEL else Path(model_name)
    layout = read_layout(folder)
    if dtype == "openvino":
        return _load_openvino(model_name, layout, threads)
    precision: TorchDtype = auto_dtype(device) if dtype == "auto" else cast("TorchDtype", dtype)
    if layout is not None:
        from retrieval.embed.plain import PlainEmbedder
        from retrieval.embed.torch_forward import torch_forward

        forward = torch_forward(layout.encoder, precision, device)
        return PlainEmbedder(model_name, layout, forward, backend=f"torch-{precision}")
    from sentence_transformers import SentenceTransformer

    from retrieval.embed.sentence import SentenceTransformerEmbedder

    torch_dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    model = SentenceTransformer(
        model_name,
        device=device,
        cache_folder=str(cache_dir) if cache_dir else None,
        model_kwargs={"dtype": torch_dtype},
    )
    return SentenceTransformerEmbedder(model_name, model, backend=f"sentence-transformers-{precision}")


def _load_openvino(model_name: str, layout: PlainLayout | None, threads: int | None) -> Embedder:
    from retrieval.embed.openvino_forward import openvino_forward, openvino_installed

    if not openvino_installed():
        raise InvalidInput("dtype 'openvino' needs the extra: pip install 'groundloop[openvino]'", param="dtype")
    if layout is None:
        raise InvalidInput(f"dtype 'openvino' runs local mean-pooled models only, not {model_name!r}", param="dtype")
    from retrieval.embed.plain import PlainEmbedder

    forward = openvino_forward(layout.encoder, threads=threads)
    return PlainEmbedder(model_name, layout, forward, backend="openvino")


def auto_dtype(device: str) -> TorchDtype:
    """Give the fastest precision that a device multiplies natively."""
    if device.startswith("cuda"):
        import torch

        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    # Without native support torch emulates bf16, several times slower than fp32.
    return "bf16" if _NATIVE_BF16 & cpu_flags() else "fp32"


@functools.cache
def cpu_flags() -> frozenset[str]:
    """Give the processor's feature flags as Linux lists them; empty elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    return next((frozenset(line.split(":", 1)[1].split()) for line in lines if line.startswith("flags")), frozenset())
