"""The pages name all that exists: routes, metrics, commands, reasons, error codes; and their links lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from service.app import create_app
from service.cli import app as command_line
from service.errors import CODES
from service.metrics import Metrics
from service.settings import Settings
from training.records.reasons import SIGNALS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")])
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def page(name: str) -> str:
    """Read one page."""
    return (DOCS / name).read_text()


def commands(command: Any, path: str = "groundloop") -> Iterator[str]:
    """Give every command that does something, as a person types it."""
    children = getattr(command, "commands", None)
    if children is None:
        yield path
        return
    for name, child in children.items():
        yield from commands(child, f"{path} {name}")


def anchor(heading: str) -> str:
    """Give the fragment by which pages link to a heading."""
    plain = re.sub(r"[`*]", "", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def test_every_route_is_in_api(tmp_path: Path) -> None:
    schema = create_app(Settings(home=tmp_path)).openapi()
    told = page("api.md")
    routes = {f"{method.upper()} {path}" for path, methods in schema["paths"].items() for method in methods}
    assert not sorted(route for route in routes if f"`{route}`" not in told)


def test_api_names_no_route_that_is_not_there(tmp_path: Path) -> None:
    schema = create_app(Settings(home=tmp_path)).openapi()
    there = {f"{method.upper()} {path}" for path, methods in schema["paths"].items() for method in methods}
    there |= {"GET /openapi.json", "GET /docs", "GET /", "GET /page/{path}"}
    told = set(re.findall(r"`((?:GET|POST|PUT|DELETE|PATCH) /[^`?]*)`", page("api.md")))
    assert told <= there


def test_every_metric_is_in_operating() -> None:
    told = page("operating.md")
    families = [family for family in Metrics().registry.collect() if family.name.startswith("groundloop_")]
    names = [f"{family.name}_total" if family.type == "counter" else family.name for family in families]
    assert names
    assert not [name for name in names if f"`{name}`" not in told]


def test_operating_names_no_metric_that_is_not_there() -> None:
    families = Metrics().registry.collect()
    names = {f"{family.name}_total" if family.type == "counter" else family.name for family in families}
    assert set(re.findall(r"\bgroundloop_[a-z_]+", page("operating.md"))) <= names


def test_every_command_is_in_cli() -> None:
    told = page("cli.md")
    everything = list(commands(typer.main.get_command(command_line)))
    assert "groundloop feedback export" in everything
    assert not [command for command in everything if f"`{command}" not in told]


def test_every_reason_is_in_feedback_with_its_signal() -> None:
    told = page("feedback.md")
    assert not [reason for reason, signal in SIGNALS.items() if f"| `{reason}` | {signal} |" not in told]


def test_every_default_error_code_is_in_api() -> None:
    # Statuses that no route of ours answers with need no line.
    codes = {code for status, code in CODES.items() if status not in (411, 415, 503)}
    assert not sorted(code for code in codes if f"`{code}`" not in page("api.md"))


def test_every_error_code_in_the_source_is_in_api() -> None:
    told = page("api.md")
    source = "\n".join(path.read_text() for path in (ROOT / "service").rglob("*.py"))
    codes = set(re.findall(r'\bcode="([a-z_]+)"', source))
    codes |= {f"{part}_unavailable" for part in re.findall(r'\bunavailable\(\s*"([a-z]+)"', source)}
    assert len(codes) > 10
    assert not sorted(code for code in codes if f"`{code}`" not in told)


def test_settings_named_in_pages_exist() -> None:
    known = {f"GROUNDLOOP_{name.upper()}" for name in Settings.model_fields}
    known |= {"GROUNDLOOP_URL", "GROUNDLOOP_API_KEY", "GROUNDLOOP_TEST_WORLD"}  # the command line's own, and the tests'
    for path in PAGES:
        named = set(re.findall(r"\bGROUNDLOOP_[A-Z_]*[A-Z]\b", path.read_text()))
        assert named <= known, path.name


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    for target in LINK.findall(FENCED.sub("", path.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, fragment = target.partition("#")
        goal = (path.parent / name).resolve() if name else path
        assert goal.exists(), f"{path.name} links to {target}"
        if fragment:
            headings = re.findall(r"^#+ (.+)$", FENCED.sub("", goal.read_text()), flags=re.MULTILINE)
            assert fragment in {anchor(heading) for heading in headings}, f"{path.name} links to {target}"
