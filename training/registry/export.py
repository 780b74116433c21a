"""Versions for other servers. Writes a new folder, whole or not at all; never touches the registry.

A causal version becomes a merged checkpoint in safetensors with its tokenizer, which vLLM serves and llama.cpp
converts, checked to give the logits of base plus adapter; or its adapter alone in PEFT's layout, which vLLM loads into
a running server. An extractive version has nothing another server could run: its adapter files are copied.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from retrieval.durable import publish_directory
from training.registry.errors import RegistryError
from training.registry.versions import Version

# Difference of logits over the largest: in float32 merging adds the same numbers in another order; bf16 rounds.
_EXACT, _ROUNDED = 1e-4, 5e-2


class NotExported(RegistryError):
    """The version cannot be written as asked."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    version: str
    form: str  # "merged", "adapter" or "extractive"
    folder: str
    files: tuple[str, ...]
    logits_error: float | None = None  # largest difference over the largest logit; None where nothing was merged

    @property
    def summary(self) -> str:
        """Say it in one sentence."""
        checked = "" if self.logits_error is None else f"; logits agree to {self.logits_error:.1e}"
        return f"{self.version} ({self.form}) is in {self.folder}: {len(self.files)} files{checked}"

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON holds it."""
        return {**asdict(self), "files": list(self.files)}


def export_version(version: Version, to: Path, *, adapter_only: bool = False) -> Exported:
    """Write a version into a new folder.

    Args:
        version: From `Registry.open`, so that it is known to be whole.
        to: The folder; it must not exist.
        adapter_only: The adapter alone, instead of a merged model.

    Returns:
        What was written.

    Raises:
        NotExported: The folder exists, the version has no adapter, or the merged model answers differently.
        StorageFull: The disk is full; nothing was written.
    """
    to = to.expanduser().absolute()
    if to.exists():
        raise NotExported(f"{to} exists: give a folder that does not")
    if version.adapter is None:
        raise NotExported(f"{version.name} is a base without anything learned: there is nothing to export")
    error: list[float] = []
    adapter, base = version.adapter, version.card.base
    merges = version.kind == "causal" and not adapter_only
    form = "merged" if merges else "adapter" if version.kind == "causal" else "extractive"

    def fill(directory: Path) -> None:
        if merges:
            error.append(_merge(base, adapter, directory))
        else:
            shutil.copytree(adapter, directory, dirs_exist_ok=True)

    written = publish_directory(to.parent, to.name, fill, parents=(version.name,), metadata={"form": form})
    return Exported(version.name, form, str(to), tuple(sorted(written.files)), error[0] if error else None)


def _merge(base: str, adapter: Path, directory: Path) -> float:
    """Merge in float32, save as precisely as the base was stored, load again; give the largest relative difference."""
    import torch
    from peft import PeftModel
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    def load(name: str | Path) -> Any:
        found: Any = AutoModelForCausalLM.from_pretrained(
            name, dtype=torch.float32, trust_remote_code=False, use_safetensors=True
        )
        return found.eval()

    precision = AutoConfig.from_pretrained(base, trust_remote_code=False).dtype or torch.float32
    tokenizer = AutoTokenizer.from_pretrained(base, trust_remote_code=False)
    ids = tokenizer("The documents hold the answer; it is cited by number [1].", return_tensors="pt").input_ids
    with torch.inference_mode():
        model: Any = PeftModel.from_pretrained(load(base), str(adapter)).eval()
        expected = model(input_ids=ids).logits
        model = model.merge_and_unload(safe_merge=True).to(precision)
        model.save_pretrained(directory)
        tokenizer.save_pretrained(directory)
        del model  # two models of this size at once is enough
        found = load(directory)(input_ids=ids).logits
    difference = float((found - expected).abs().max() / expected.abs().max().clamp_min(1e-9))
    allowed = _EXACT if precision == torch.float32 else _ROUNDED
    if not difference <= allowed:  # also when it is not a number
        raise NotExported(f"the merged model answers differently: logits differ by {difference:.1e} of the largest")
    return difference
