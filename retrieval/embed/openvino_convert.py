"""Converts the encoder of a model folder to OpenVINO's format: `python -m retrieval.embed.openvino_convert FOLDER TO`.

A process of its own, because torch and transformers, which are needed for nothing else, then leave with it.
"""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

from retrieval.embed.openvino_runtime import import_openvino
from retrieval.errors import RetrievalError

MODEL = "encoder.xml"  # with encoder.bin beside it
_TIMEOUT_S = 900


class ConversionFailed(RetrievalError):
    """The encoder could not be converted; the message ends with what the converter said."""


def convert_apart(folder: Path, target: Path) -> None:
    """Convert in a spawned process.

    Args:
        folder: Holds `config.json` and the weights.
        target: An existing directory, which gets `MODEL` and its weights.

    Raises:
        ConversionFailed: The process ended badly or wrote nothing.
        OSError: No process could be started.
    """
    command = [sys.executable, "-m", "retrieval.embed.openvino_convert", str(folder), str(target)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise ConversionFailed(f"converting {folder} took more than {_TIMEOUT_S} s") from error
    if done.returncode != 0 or not (target / MODEL).is_file():
        said = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise ConversionFailed(f"OpenVINO cannot convert {folder}: {said[0]}")


def convert(folder: Path, target: Path) -> None:
    """Convert in this process: the encoder with its mean pooling, weights in fp16 (it computes in fp32)."""
    openvino = import_openvino()
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
    inputs = [(name, [-1, -1], openvino.Type.i64) for name in example]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing notes about Python values in shapes that are constant here
        converted = openvino.convert_model(Pooled(), example_input=example, input=inputs)
    # Half the disk and 60 MB less memory than fp32; the vectors differ by less than 3e-4.
    openvino.save_model(converted, str(target / MODEL), compress_to_fp16=True)


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
