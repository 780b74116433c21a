"""Versions of which each finds another document first: what answered is seen in what was found.

The question shares no word with any document, so only the query adapter decides; each version's adapter moves the
question onto a document of its own. Imports nothing heavy: a child process that is killed starts quickly.
"""

from __future__ import annotations

from pathlib import Path

from retrieval.embed.adapter import QueryAdapter
from retrieval.embed.hashing import HashingEmbedder
from training.policy.extractive.weights import Residual, adapter_files
from training.registry import ADAPTER, ModelCard, Registry

QUERY = "query"
QUESTION = "Zyzzyva?"
WORDS = ("apples", "bridges", "candles", "dolphins", "engines", "forests")
DOCUMENTS = [f"The {word} are kept here. Everybody likes {word} a lot." for word in WORDS]


def publish_finding(registry: Registry, document: int) -> str:
    """Publish a version whose questions find one of the documents first, and give its name."""
    encoder = HashingEmbedder()
    question = encoder.encode([QUESTION], kind="query")  # (1, d)
    push = encoder.encode([DOCUMENTS[document]]) - question
    adapter = QueryAdapter("hashing", question, push, strength=2.0, bound=2.0)
    files: dict[str, bytes | Path] = {f"{QUERY}/{name}": content for name, content in adapter.files().items()}
    files |= {f"{ADAPTER}/{name}": content for name, content in adapter_files(Residual(), {}).items()}
    return registry.publish(files, ModelCard(kind="extractive", base="hashing", summary=f"finds {document}")).name


def found_by(registry: Registry, version: str) -> int:
    """Tell which document a version finds."""
    return int(registry.get(version).card.summary.removeprefix("finds "))
