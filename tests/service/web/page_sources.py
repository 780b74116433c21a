"""The sources of the web page, read the way a browser finds them: what index.html names, and what that imports."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

PAGE = Path(__file__).resolve().parents[3] / "service" / "web" / "page"
_COMMENT = re.compile(r"/\*.*?\*/|(?<![:\\'\"`])//[^\n]*", re.DOTALL)

_MAP = re.compile(r'<script type="importmap">(.*?)</script>', re.DOTALL)


def ours(*suffixes: str) -> list[Path]:
    """Give the files that we wrote."""
    return sorted(path for path in PAGE.rglob("*") if path.suffix in suffixes and "vendor" not in path.parts)


def name(path: Path) -> str:
    """Give a file's name as the page says it."""
    return path.relative_to(PAGE).as_posix()


def code(source: Path | str) -> str:
    """Give a file, or a text, without its comments; lines stay where they are."""
    text = source if isinstance(source, str) else source.read_text()
    return _COMMENT.sub(lambda found: "\n" * found.group().count("\n"), text)


def bare(source: Path | str) -> str:
    """Give the code alone: no comments, no white space."""
    return "".join(code(source).split())


def import_map() -> dict[str, str]:
    """Give what a bare name stands for."""
    found = _MAP.search((PAGE / "index.html").read_text())
    assert found
    imports: dict[str, str] = json.loads(found.group(1))["imports"]
    return imports


def reachable() -> set[str]:
    """Give every file that can come to be loaded, beginning with index.html."""
    return _closure("index.html", _named)


def statically_reachable(first: str) -> set[str]:
    """Give what is loaded with a file before anything is done: what it imports, not what it would import later."""
    return _closure(first, _imported)


def _closure(first: str, names: Callable[[Path], Iterator[Path]]) -> set[str]:
    seen: set[str] = set()
    waiting = [PAGE / first]
    while waiting:
        path = waiting.pop()
        if name(path) not in seen:
            seen.add(name(path))
            waiting += _libraries(path) if "vendor" in path.parts else names(path)
    return seen


def _libraries(path: Path) -> Iterator[Path]:
    """Give the libraries that a library imports by name."""
    mapped = import_map()
    for said in re.findall(r"""\bfrom\s*["']([^"']+)["']""", path.read_text()):
        yield from _file(path, mapped.get(said, said))


def _named(path: Path) -> Iterator[Path]:
    """Give the files that a file of ours names: an import, a style sheet, a picture. The map only says where one is."""
    mapped = import_map()
    text = _MAP.sub("", path.read_text()) if path.suffix == ".html" else code(path)
    for said in re.findall(r"""["'`]([^"'`\s]+)["'`]""", text):
        yield from _file(path, mapped.get(said, said))


def _imported(path: Path) -> Iterator[Path]:
    if path.suffix == ".html":
        yield from _named(path)
    mapped = import_map()
    for said in re.findall(r"""^(?:import|export)\b[^;]*?["']([^"']+)["'];""", code(path), re.MULTILINE):
        yield from _file(path, mapped.get(said, said))


def _file(path: Path, said: str) -> Iterator[Path]:
    target = PAGE / said.removeprefix("/page/") if said.startswith("/page/") else path.parent / said
    if said.startswith(("/page/", "./", "../")) and target.is_file():
        yield target.resolve()
    elif said.endswith(".css") and (PAGE / said).is_file():  # a list of style sheets, by their names below /page/
        yield PAGE / said
