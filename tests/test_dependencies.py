"""What pyproject.toml declares is used, and what is used is locked."""

from __future__ import annotations

import ast
import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Never imported by name: openpyxl reads sheets through it where it is installed.
INDIRECT = {"defusedxml"}


def normal(name: str) -> str:
    """Give the name of a distribution as the index writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> set[str]:
    """Give the run-time dependencies."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {normal(re.split(r"[\[<>=~! ]", line)[0]) for line in project["dependencies"]}


def imported() -> set[str]:
    """Give the distributions that the packages import, by statement or by name at run time."""
    modules: set[str] = set()
    for package in ("service", "retrieval", "training"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    modules |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    modules.add(node.module.partition(".")[0])
                elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
                    modules.add(node.value)  # importlib.resources.files("name"), find_spec("name")
    known = packages_distributions()
    return {normal(name) for module in modules for name in known.get(module, ())}


def test_every_declared_dependency_is_used() -> None:
    assert declared() - imported() == INDIRECT


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_declared_dependency_is_locked(lock: str) -> None:
    locked = {normal(name) for name in re.findall(r"^([\w.-]+)(?:\[[^\]]+\])?==", (ROOT / lock).read_text(), re.M)}
    assert declared() <= locked
