"""Decides what runs an encoder on this machine, without importing what is heavy.

The rule for `auto`: torch in bf16 where the processor multiplies bf16 itself; torch on a GPU; otherwise OpenVINO where
it can run the model, and torch in fp32 where it cannot. `bench/encoders.py` has the figures behind it.
"""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from typing import Literal, cast

from retrieval.embed.layout import PlainLayout

Backend = Literal["fp32", "bf16", "openvino"]

_NATIVE_BF16 = {"amx_bf16", "avx512_bf16"}
_GPU_NODES = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/kfd", "/dev/dxg")  # NVIDIA, AMD, either under WSL


def choose_device(wanted: str | None) -> str:
    """Give the torch device: the wanted one, else `cuda` when torch finds a GPU, else `cpu`.

    Torch is asked only where the system shows a GPU: importing it takes seconds and hundreds of MB.
    """
    if wanted is not None:
        return wanted
    if not any(Path(node).exists() for node in _GPU_NODES):
        return "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def choose_backend(dtype: str, device: str, layout: PlainLayout | None) -> Backend:
    """Give what runs an encoder.

    Args:
        dtype: A backend, which is taken as it is, or `auto`.
        device: A torch device.
        layout: Of the model; None when only the full library can run it.

    Returns:
        The backend.
    """
    if dtype != "auto":
        return cast("Backend", dtype)
    if device.startswith("cuda"):
        import torch

        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    if device != "cpu":
        return "fp32"
    # Without native support torch emulates bf16, several times slower than fp32.
    if multiplies_bf16():
        return "bf16"
    return "openvino" if layout is not None and openvino_installed() else "fp32"


def openvino_installed() -> bool:
    """Tell whether the library is there (it has no wheels for some systems), without importing it."""
    return importlib.util.find_spec("openvino") is not None


def multiplies_bf16() -> bool:
    """Tell whether the processor multiplies bf16 itself."""
    return bool(_NATIVE_BF16 & cpu_flags())


@functools.cache
def cpu_flags() -> frozenset[str]:
    """Give the processor's feature flags as Linux lists them; empty elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    return next((frozenset(line.split(":", 1)[1].split()) for line in lines if line.startswith("flags")), frozenset())
