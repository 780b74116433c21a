"""The numbers of the pointer: a prior that ships with the package, and a learned residual that starts at zero.

On disk an adapter is a directory with `adapter.json` (format, kind, feature names, provenance) and
`residual.safetensors`. Weights are stored under the names of their features, so an adapter trained before a feature was
added still loads: the new weight is zero.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from training.policy.extractive.features import CANDIDATE_FEATURES, HALT_FEATURES, POINTER_FEATURES

if TYPE_CHECKING:
    from torch import Tensor

Array = npt.NDArray[np.float32]
Start = Literal["shipped", "similarity"]
FORMAT = 1
KIND = "extractive-linear"
_PRIOR = Path(__file__).with_name("prior.json")
_WEIGHTS = "residual.safetensors"
_MANIFEST = "adapter.json"


@dataclass(frozen=True)
class Prior:
    """What an untrained policy goes by."""

    screen: Array  # (CANDIDATE_FEATURES,) which sentences are worth encoding
    pointer: Array  # (POINTER_FEATURES,)
    halt: Array  # (HALT_FEATURES,) log-odds of STOP; the shipped thresholds are in it

    @classmethod
    def shipped(cls) -> Prior:
        """Read the prior that ships with the package; where it comes from stands in its file."""
        return _shipped()

    @classmethod
    def for_encoder(cls, model_name: str, start: Start = "shipped") -> Prior:
        """Give the prior for an encoder: the shipped one for the model it was fitted with, else the plain one.

        Cosines of another model have another scale, so fitted weights and thresholds would mean nothing there.

        Args:
            model_name: Name of the encoder, or its folder; only the last part counts.
            start: "similarity" asks for the plain one whatever the encoder.

        Returns:
            The prior; `Prior.fitted_encoder` tells which it is.
        """
        fitted = start == "shipped" and Path(model_name).name == cls.fitted_encoder()
        return cls.shipped() if fitted else cls.similarity()

    @staticmethod
    def fitted_encoder() -> str:
        """Name the encoder that the shipped prior was fitted with."""
        return str(_stored()["provenance"]["encoder"])

    @classmethod
    def similarity(cls) -> Prior:
        """Give the plain prior: cosine of the sentence plus half that of its passage, never abstaining, two sentences.

        The scale of 20 makes the softmax about as sharp as the cosines are right.
        """
        plain = {"sentence_cosine": 20.0, "passage_dense": 10.0}
        return cls(
            screen=_row(CANDIDATE_FEATURES, {"idf_overlap": 1.0, "passage_dense": 1.0}),
            pointer=_row(POINTER_FEATURES, {**plain, "repeats": -2.0}),
            halt=_row(HALT_FEATURES, {"begin": -6.0, "second": -1.0, "later": 1.0}),
        )


def base_name(encoder: str, start: Start) -> str:
    """Name what a residual was learned on top of: it does not fit another encoder, nor another start."""
    return encoder if start == "shipped" else f"{encoder} ({start})"


class Residual:
    """Learned corrections to the prior's weights. The arrays and the tensors share memory: an optimiser's step is
    served at once.
    """

    def __init__(self, pointer: Array | None = None, halt: Array | None = None) -> None:
        self.pointer: Array = np.zeros(len(POINTER_FEATURES), np.float32) if pointer is None else pointer
        self.halt: Array = np.zeros(len(HALT_FEATURES), np.float32) if halt is None else halt
        self._tensors: dict[str, Tensor] | None = None

    def parameters(self) -> dict[str, Tensor]:
        """Give the trainable tensors by name: `pointer` and `halt`, float32 parameters that require gradients."""
        if self._tensors is None:
            import torch

            self._tensors = {
                "pointer": torch.nn.Parameter(torch.from_numpy(self.pointer)),
                "halt": torch.nn.Parameter(torch.from_numpy(self.halt)),
            }
        return self._tensors

    def named(self) -> dict[str, float]:
        """Give every weight that is not zero by the name of its feature."""
        pairs = [*zip(POINTER_FEATURES, self.pointer, strict=True), *zip(HALT_FEATURES, self.halt, strict=True)]
        return {name: float(value) for name, value in pairs if value}

    def tensors(self) -> dict[str, Array]:
        """Give what is stored, by name."""
        return {"pointer": self.pointer, "halt": self.halt}


def adapter_files(residual: Residual, provenance: Mapping[str, Any]) -> dict[str, bytes]:
    """Give the files of an adapter directory by name; publishing them durably is the caller's business."""
    from safetensors.numpy import save

    manifest = {
        "format": FORMAT,
        "kind": KIND,
        "pointer": list(POINTER_FEATURES),
        "halt": list(HALT_FEATURES),
        "provenance": dict(provenance),
    }
    return {_MANIFEST: json.dumps(manifest, indent=2).encode(), _WEIGHTS: save(residual.tensors())}


def load_residual(adapter: Path) -> Residual:
    """Read an adapter directory.

    Args:
        adapter: Directory of an adapter.

    Returns:
        Its weights, zero for features it does not know.

    Raises:
        ValueError: The directory holds another kind or format of adapter, or weights for features we do not have.
        FileNotFoundError: A file of the adapter is missing.
    """
    from safetensors.numpy import load_file

    manifest = json.loads((adapter / _MANIFEST).read_text())
    if manifest.get("kind") != KIND or manifest.get("format") != FORMAT:
        raise ValueError(f"{adapter} is not an adapter of kind {KIND}, format {FORMAT}")
    stored = load_file(adapter / _WEIGHTS)
    return Residual(
        pointer=_fill(stored["pointer"], manifest["pointer"], POINTER_FEATURES, adapter),
        halt=_fill(stored["halt"], manifest["halt"], HALT_FEATURES, adapter),
    )


@lru_cache(maxsize=1)
def _stored() -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(_PRIOR.read_text())
    return stored


@lru_cache(maxsize=1)
def _shipped() -> Prior:
    stored = _stored()
    return Prior(
        screen=_row(CANDIDATE_FEATURES, stored["screen"]),
        pointer=_row(POINTER_FEATURES, stored["pointer"]),
        halt=_row(HALT_FEATURES, stored["halt"]),
    )


def _row(names: tuple[str, ...], values: Mapping[str, float]) -> Array:
    unknown = values.keys() - set(names)
    if unknown:
        raise ValueError(f"no such features: {sorted(unknown)}")
    return np.array([values.get(name, 0.0) for name in names], np.float32)


def _fill(values: Array, stored: list[str], names: tuple[str, ...], adapter: Path) -> Array:
    if values.shape != (len(stored),) or not np.isfinite(values).all():
        raise ValueError(f"the weights in {adapter} do not match their names, or are not finite")
    return _row(names, dict(zip(stored, values.tolist(), strict=True)))
