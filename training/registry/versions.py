"""What a published version is, and the start that ships with the package."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from training.registry.card import ModelCard

BASE = "base-extractive"
BASES = {"extractive": BASE, "causal": "base-causal"}  # what serves, by kind, as long as nothing was promoted
ADAPTER = "adapter"  # folder of the policy's own files inside a version
CARD, CARD_TEXT = "card.json", "card.md"
_NAME = re.compile(r"v(\d{6,})-([a-z][a-z0-9]*)")


@dataclass(frozen=True)
class Mark:
    """A note beside a version, such as that data it learned from were erased. The version itself never changes."""

    at: float  # seconds since the epoch
    reason: str
    who: str = ""
    data: tuple[str, ...] = ()  # hashes of the data it is about


@dataclass(frozen=True)
class Version:
    """An immutable version. The shipped start has no `path`."""

    name: str
    card: ModelCard
    path: Path | None
    files: Mapping[str, str] = field(default_factory=dict)  # SHA-256 by path relative to `path`
    created_at: float = 0.0  # seconds since the epoch
    marks: tuple[Mark, ...] = ()

    @property
    def number(self) -> int:
        """Give its number; 0 for the shipped start."""
        return number_of(self.name)

    @property
    def kind(self) -> str:
        """Name the kind of policy."""
        return self.card.kind

    @property
    def adapter(self) -> Path | None:
        """Give the folder of what was learned; None where nothing was."""
        return self.path / ADAPTER if self.path is not None and (self.path / ADAPTER).is_dir() else None

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON holds it; without paths of this machine."""
        return {
            "id": self.name,
            "number": self.number,
            "kind": self.kind,
            "created_at": self.created_at,
            "files": dict(self.files),
            "marks": [
                {"at": mark.at, "reason": mark.reason, "who": mark.who, "data": list(mark.data)} for mark in self.marks
            ],
            "card": self.card.as_dict(),
        }


@dataclass(frozen=True)
class Serving:
    """The version to serve; `problems` says why it is not the one that the alias names, where it is not."""

    version: Version
    sequence: int
    problems: tuple[str, ...] = ()

    @property
    def is_fallback(self) -> bool:
        """Tell whether something was damaged."""
        return bool(self.problems)


@dataclass(frozen=True)
class Listed:
    """A line of the list. A damaged version has no `version` and a `problem`."""

    name: str
    version: Version | None
    problem: str = ""
    aliases: tuple[str, ...] = ()


def name_of(number: int, kind: str) -> str:
    """Make a version's name: "v000012-extractive"."""
    return f"v{number:06d}-{kind}"


def number_of(name: str) -> int:
    """Give the number in a version's name; 0 where it has none."""
    found = _NAME.fullmatch(name)
    return int(found[1]) if found else 0


def is_name(name: str) -> bool:
    """Tell whether a published version may be called so."""
    return _NAME.fullmatch(name) is not None


def base_version(name: str = BASE) -> Version:
    """Give what is always there and cannot be damaged: the start that ships with the package, or the causal model as
    its makers left it.
    """
    if name != BASE:
        summary = "The base model as its makers left it: no votes of this installation are in it."
        return Version(name, ModelCard(kind="causal", base="as set", summary=summary, name=name), None)
    stored = json.loads((files("training.policy.extractive") / "prior.json").read_text())
    provenance = stored["provenance"]
    card = ModelCard(
        kind="extractive",
        base=str(provenance["encoder"]),
        summary="The start that ships with the package: no votes of this installation are in it.",
        method="supervised fit of named features",
        config={"recipe": provenance["recipe"], "costs": provenance["costs"]},
        data={one["name"]: {"questions": one["questions"]} for one in provenance["data"]},
        licences={**provenance["licences"], provenance["encoder"]: "Apache-2.0"},
        limits=("It answers with sentences of the documents only.", "Its thresholds hold for the encoder named."),
        name=BASE,
    )
    return Version(BASE, card, None)
