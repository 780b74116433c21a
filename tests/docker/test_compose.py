"""The compose files start commands that exist, set settings that exist, and run Redis so that it keeps votes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from service.cli.app import app
from service.settings import Settings

DOCKER = Path(__file__).resolve().parents[2] / "docker"


def services(name: str) -> dict[str, Any]:
    """Read the services of a compose file, anchors resolved."""
    read: dict[str, Any] = yaml.safe_load((DOCKER / name).read_text())["services"]
    return read


@pytest.mark.parametrize("service", ["worker", "beat"])
def test_commands_exist(service: str) -> None:
    program, *command = services("compose.yaml")[service]["command"]
    assert program == "groundloop"
    assert CliRunner().invoke(app, [*command, "--help"]).exit_code == 0


@pytest.mark.parametrize("name", ["compose.yaml", "compose.cuda.yaml"])
def test_variables_are_settings(name: str) -> None:
    known = {f"GROUNDLOOP_{field.upper()}" for field in Settings.model_fields} | {"REDIS_URL", "HF_HOME"}
    for service in services(name).values():
        assert set(service.get("environment", {})) <= known


def test_redis_keeps_what_it_acknowledges() -> None:
    command = services("compose.yaml")["redis"]["command"]
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--appendonly"] == "yes"
    assert options["--appendfsync"] == "always"
    assert options["--maxmemory-policy"] == "noeviction"


def test_builds_name_targets_of_the_dockerfile() -> None:
    dockerfile = (DOCKER / "Dockerfile").read_text()
    for service in services("compose.yaml").values():
        if "build" in service:
            assert f" AS {service['build']['target']}\n" in dockerfile
