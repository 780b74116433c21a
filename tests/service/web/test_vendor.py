"""The libraries that the page carries are the ones that were chosen, unchanged, with their licences."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

WEB = Path(__file__).resolve().parents[3] / "service" / "web"
VENDOR = WEB / "page" / "vendor"
ENTRIES: list[dict[str, Any]] = json.loads((VENDOR / "VENDOR.json").read_text())


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["file"])
def test_a_file_is_the_one_that_was_brought(entry: dict[str, Any]) -> None:
    assert hashlib.sha256((VENDOR / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]


def test_nothing_else_lies_there() -> None:
    told = {entry["file"] for entry in ENTRIES} | {entry["licence_file"] for entry in ENTRIES} | {"VENDOR.json"}
    assert {str(path.relative_to(VENDOR)) for path in VENDOR.rglob("*") if path.is_file()} == told


def test_the_versions_are_those_that_node_would_install() -> None:
    chosen = json.loads((WEB / "package.json").read_text())["devDependencies"]
    locked = json.loads((WEB / "package-lock.json").read_text())["packages"]
    for entry in ENTRIES:
        assert chosen[entry["name"]] == entry["version"]
        assert locked[f"node_modules/{entry['name']}"]["version"] == entry["version"]


def test_nothing_names_a_registry() -> None:
    assert '"resolved"' not in (WEB / "package-lock.json").read_text()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["file"])
def test_a_licence_lies_beside_it(entry: dict[str, Any]) -> None:
    terms = (VENDOR / entry["licence_file"]).read_text()
    assert {"MIT": "Permission is hereby granted", "Apache-2.0": "Apache License"}[entry["licence"]] in terms
