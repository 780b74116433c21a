"""Reads a sentence-transformers folder to tell whether it is the plain kind: encoder, mean pooling, unit length.

Most published models are, and for those we call the encoder directly: the wrapper costs more than a short query does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_WINDOW_LIMIT = 512


@dataclass(frozen=True, slots=True)
class PlainLayout:
    """What the direct path needs to know of a model folder."""

    encoder: Path
    max_tokens: int
    prompts: Mapping[str, str]

    def prompt(self, kind: str) -> str:
        """Give the text the model wants before a query or a passage; most want none."""
        if kind == "passage":
            return self.prompts.get("passage", self.prompts.get("document", ""))
        return self.prompts.get(kind, "")


def read_layout(folder: Path) -> PlainLayout | None:
    """Give the layout of a plain model folder, or None when only the full library can run it."""
    try:
        modules = json.loads((folder / "modules.json").read_text())
        kinds = [str(module["type"]).rsplit(".", 1)[-1] for module in modules]
        if kinds[:2] != ["Transformer", "Pooling"] or kinds[2:] not in ([], ["Normalize"]):
            return None
        encoder = folder / modules[0]["path"]
        if not _pools_by_mean(json.loads((folder / modules[1]["path"] / "config.json").read_text())):
            return None
        settings = _read_optional(encoder / "sentence_bert_config.json")
        if settings.get("do_lower_case") or not (encoder / "tokenizer.json").is_file():
            return None
        window = json.loads((encoder / "config.json").read_text()).get("max_position_embeddings", _WINDOW_LIMIT)
        prompts = _read_optional(folder / "config_sentence_transformers.json").get("prompts") or {}
        return PlainLayout(encoder, min(settings.get("max_seq_length") or window, window), prompts)
    except (OSError, KeyError, ValueError, TypeError):
        return None


def _pools_by_mean(config: Mapping[str, Any]) -> bool:
    if not config.get("include_prompt", True):
        return False
    if "pooling_mode" in config:
        return bool(config["pooling_mode"] == "mean")
    modes = {name for name, on in config.items() if name.startswith("pooling_mode_") and on}
    return modes == {"pooling_mode_mean_tokens"}


def _read_optional(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text())) if path.is_file() else {}
