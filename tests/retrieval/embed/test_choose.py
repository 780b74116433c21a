"""What runs an encoder where the caller leaves it open."""

from __future__ import annotations

import pytest

from retrieval.embed import choose
from retrieval.embed.layout import PlainLayout, read_layout
from retrieval.embed.weights import packaged_minilm


@pytest.fixture(scope="module")
def plain() -> PlainLayout | None:
    """Give the layout of the embedded model."""
    return read_layout(packaged_minilm())


@pytest.mark.parametrize(
    ("flags", "is_plain", "installed", "backend"),
    [
        ({"avx2"}, True, True, "openvino"),
        ({"avx2"}, False, True, "fp32"),
        ({"avx2"}, True, False, "fp32"),
        ({"avx512_bf16"}, True, True, "bf16"),
        ({"amx_bf16"}, False, False, "bf16"),
        (set(), True, True, "openvino"),
    ],
)
def test_auto_on_a_processor(
    monkeypatch: pytest.MonkeyPatch,
    plain: PlainLayout | None,
    flags: set[str],
    is_plain: bool,
    installed: bool,
    backend: str,
) -> None:
    monkeypatch.setattr(choose, "cpu_flags", lambda: frozenset(flags))
    monkeypatch.setattr(choose, "openvino_installed", lambda: installed)
    assert choose.choose_backend("auto", "cpu", plain if is_plain else None) == backend


def test_what_is_wanted_is_taken(plain: PlainLayout | None) -> None:
    assert choose.choose_backend("fp32", "cpu", plain) == "fp32"
    assert choose.choose_device("cuda:1") == "cuda:1"


def test_a_machine_without_a_gpu_needs_no_torch_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "_GPU_NODES", ("/nonexistent",))
    assert choose.choose_device(None) == "cpu"
