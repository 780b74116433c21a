"""The model card: what a version is, what it was made of, how it was judged. JSON for programs, markdown for people.

It holds counts, hashes and figures; never a document's or a person's words, never a secret. `check_card` enforces what
can be enforced: no long texts, no fields named like secrets.
"""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from math import isfinite
from typing import Any

from training.gate.verdict import Verdict
from training.registry.errors import BadCard

FORMAT = 1
_LONGEST = 4000  # characters of one value; a passage or an answer would not fit for long
_SECRET = re.compile(
    r"(?i)(^|_)(password|passwd|secret|api_?key|access_?key|credential|(access|api|auth|bearer)_?token)$"
)
_KIND = re.compile(r"[a-z][a-z0-9]{0,31}")
_PACKAGES = ("groundloop", "torch", "transformers", "peft", "numpy", "safetensors", "sentence-transformers")


@dataclass(frozen=True)
class ModelCard:
    """What people should know of a version. Every mapping holds what JSON can hold."""

    kind: str  # of policy: "extractive" or "causal"
    base: str  # name of the base model, or its folder
    summary: str = ""  # one sentence
    method: str = ""  # such as "kto+dpo"
    config: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)  # summary of the data card
    data_hashes: Mapping[str, str] = field(default_factory=dict)  # SHA-256 by name, such as "records"
    metrics: Mapping[str, Any] = field(default_factory=dict)
    verdict: Mapping[str, Any] | None = None  # `Verdict.as_dict()`
    reward: Mapping[str, Any] = field(default_factory=dict)  # report of the reward model
    limits: tuple[str, ...] = ()  # what it is known not to do
    licences: Mapping[str, str] = field(default_factory=dict)  # of the base and of the data, by name
    parents: tuple[str, ...] = ()  # versions it was compared with or started from
    environment: Mapping[str, str] = field(default_factory=dict)
    name: str = ""  # set when published
    created_at: float = 0.0  # seconds since the epoch; set when published

    @property
    def judged(self) -> Verdict | None:
        """Give the verdict; None where there is none."""
        return None if self.verdict is None else Verdict.from_dict(self.verdict)

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON holds it."""
        return {"format": FORMAT, **asdict(self), "limits": list(self.limits), "parents": list(self.parents)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ModelCard:
        """Read what `as_dict` gave; fields of a later program are ignored.

        Args:
            data: Of a card.

        Returns:
            The card.

        Raises:
            BadCard: The data are not a card.
        """
        try:
            if data["format"] > FORMAT:
                raise BadCard(f"a model card of format {data['format']}; this program knows {FORMAT}")
            known = {one.name for one in fields(cls)}
            given = {key: value for key, value in data.items() if key in known}
            given["limits"], given["parents"] = tuple(given.get("limits", ())), tuple(given.get("parents", ()))
            return cls(**given)
        except (KeyError, TypeError, AttributeError) as error:
            raise BadCard(f"not a model card: {error!r}") from error

    def markdown(self) -> str:
        """Show it to people."""
        made = datetime.fromtimestamp(self.created_at, UTC).strftime("%Y-%m-%d %H:%M UTC") if self.created_at else ""
        parts = [
            f"# {self.name or 'Model card'}",
            self.summary,
            _list(
                {
                    "Kind": self.kind,
                    "Base": self.base,
                    "Method": self.method,
                    "Seed": self.seed,
                    "Parents": ", ".join(self.parents),
                    "Made": made,
                }
            ),
            _section("Verdict", "" if self.verdict is None else Verdict.from_dict(self.verdict).markdown())
            or "## Verdict\n\nIt has not been judged by the gate.",
            _section("Data", _table(self.data)),
            _section("Hashes of the data", _table(self.data_hashes)),
            _section("Figures", _table(self.metrics)),
            _section("Reward model", _table(self.reward)),
            _section("Known limits", "\n".join(f"* {limit}" for limit in self.limits)),
            _section("Licences", _table(self.licences)),
            _section("Settings", _table(self.config)),
            _section("Environment", _table(self.environment)),
        ]
        return "\n\n".join(part for part in parts if part) + "\n"


def environment() -> dict[str, str]:
    """Give the versions of what training depends on; nothing that identifies the machine."""
    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def check_card(card: ModelCard) -> bytes:
    """Give a card as JSON, if it may be published.

    Args:
        card: What to check.

    Returns:
        Its JSON.

    Raises:
        BadCard: A value cannot be JSON or is too long, a field is named like a secret, or the kind names no policy.
    """
    if not _KIND.fullmatch(card.kind):
        raise BadCard(f"{card.kind!r} is no kind of policy: lower-case letters and digits, such as extractive")
    try:
        if card.verdict is not None:
            Verdict.from_dict(card.verdict)
        content = json.loads(json.dumps(_finite(card.as_dict()), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise BadCard(f"the model card cannot be written as JSON: {error}") from error
    for path, value in _leaves(content, ""):
        if _SECRET.search(path):
            raise BadCard(f"the model card has a field named like a secret: {path}")
        if isinstance(value, str) and len(value) > _LONGEST:
            raise BadCard(f"{path} of the model card has {len(value)} characters: {_LONGEST} at most, no documents")
    return json.dumps(content, indent=1, ensure_ascii=False).encode()


def _finite(value: Any) -> Any:
    """Write what is not known, such as the accuracy on no judgements, as null."""
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def _leaves(value: Any, path: str) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [leaf for key, inner in value.items() for leaf in _leaves(inner, f"{path}_{key}" if path else key)]
    if isinstance(value, list):
        return [leaf for inner in value for leaf in _leaves(inner, path)]
    return [(path, value)]


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body.strip()}" if body.strip() else ""


def _list(items: Mapping[str, Any]) -> str:
    return "\n".join(f"* {name}: {value}" for name, value in items.items() if value not in ("", None))


def _table(items: Mapping[str, Any], prefix: str = "") -> str:
    rows = _rows(items, prefix)
    return "\n".join(["| | |", "|---|---|", *rows]) if rows else ""


def _rows(items: Mapping[str, Any], prefix: str) -> list[str]:
    rows: list[str] = []
    for name, value in items.items():
        if isinstance(value, Mapping):
            rows += _rows(value, f"{prefix}{name} · ")
        else:
            shown = f"{value:.4g}" if isinstance(value, float) else str(value)
            rows.append(f"| {prefix}{name} | {shown} |".replace("\n", " "))
    return rows
