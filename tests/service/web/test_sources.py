"""What holds for every file of the web page: none is dead or long, nothing is remote, and no text can become code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.service.web.page_sources import PAGE, code, name, ours, reachable

MOST_LINES = 300
WITHOUT_LIMIT = {"strings.js", "console/strings.js"}
NAMESPACES = {"http://www.w3.org/2000/svg"}
COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl|hwb|lab|lch|oklab|oklch|color)a?\(")
FORBIDDEN = {
    "markup from a text": r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc",
    "code from a text": r"\beval\s*\(|\bnew\s+Function\b|\b(?:setTimeout|setInterval)\s*\(\s*[\"'`]|javascript:",
    "a handler in the markup": r"\son[a-z]{3,}=[\"'$]",
    "a style in the markup": r"\sstyle\s*=\s*[\"']|setAttribute\(\s*[\"']style",
    "a look at the cookies": r"document\.cookie",
}


def test_every_file_is_used() -> None:
    there = {name(path) for path in PAGE.rglob("*") if path.is_file()}
    apart = {one for one in there if one.startswith("vendor/licences/") or one == "vendor/VENDOR.json"}
    assert sorted(there - apart - reachable()) == []


@pytest.mark.parametrize("path", ours(".js", ".css", ".html"), ids=name)
def test_a_file_is_not_long(path: Path) -> None:
    if name(path) not in WITHOUT_LIMIT:
        assert len(path.read_text().splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", ours(".js", ".html"), ids=name)
def test_a_file_has_nothing_that_the_policy_would_stop(path: Path) -> None:
    text = code(path) if path.suffix == ".js" else path.read_text()
    assert {what for what, pattern in FORBIDDEN.items() if re.search(pattern, text)} == set()


@pytest.mark.parametrize("path", ours(".js", ".css", ".html", ".svg"), ids=name)
def test_a_file_names_no_other_host(path: Path) -> None:
    text = code(path) if path.suffix == ".js" else path.read_text()
    assert set(re.findall(r"https?://[^\s\"'`)<>]+", text)) <= NAMESPACES


@pytest.mark.parametrize("path", ours(".js", ".css"), ids=name)
def test_colours_are_those_of_the_ground(path: Path) -> None:
    if name(path) == "base.css":
        return
    text = code(path)
    if path.suffix == ".js":  # only in what may be a colour: a text of its own
        text = "\n".join(re.findall(r"""["'`]([^"'`\n]*)["'`]""", text))
        assert [one for one in text.splitlines() if COLOUR.fullmatch(one) or COLOUR.match(one)] == []
    else:
        assert COLOUR.findall(text) == []
