"""The sources of the web page, read the way a browser finds them: what index.html names, and what that imports."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

PAGE = Path(__file__).resolve().parents[3] / "service" / "web" / "page"
_COMMENT = re.compile(r"/\*.*?\*/|(?<![:\\'\"`])//[^\n]*", re.DOTALL)


def ours(*suffixes: str) -> list[Path]:
    """Give the files that we wrote."""
    return sorted(path for path in PAGE.rglob("*") if path.suffix in suffixes and "vendor" not in path.parts)


def name(path: Path) -> str:
    """Give a file's name as the page says it."""
    return path.relative_to(PAGE).as_posix()


def code(path: Path) -> str:
    """Read a file without its comments; lines stay where they are."""
    return _COMMENT.sub(lambda found: "\n" * found.group().count("\n"), path.read_text())


def import_map() -> dict[str, str]:
    """Give what a bare name stands for."""
    found = re.search(r'<script type="importmap">(.*?)</script>', (PAGE / "index.html").read_text(), re.DOTALL)
    assert found
    imports: dict[str, str] = json.loads(found.group(1))["imports"]
    return imports


def reachable() -> set[str]:
    """Give every file that can come to be loaded, beginning with index.html."""
    seen: set[str] = set()
    waiting = [PAGE / "index.html"]
    while waiting:
        path = waiting.pop()
        if name(path) in seen:
            continue
        seen.add(name(path))
        if "vendor" not in path.parts:
            waiting += _named(path)
    return seen


def _named(path: Path) -> Iterator[Path]:
    """Give the files that a file of ours names: an import, a style sheet, a picture."""
    bare = import_map()
    for said in re.findall(r"""["'`]([^"'`\s]+)["'`]""", path.read_text() if path.suffix == ".html" else code(path)):
        if path.suffix == ".html" and said in bare.values():
            continue  # the map only says where it would be
        said = bare.get(said, said)
        target = PAGE / said.removeprefix("/page/") if said.startswith("/page/") else path.parent / said
        if said.startswith(("/page/", "./", "../")) and target.is_file():
            yield target.resolve()
