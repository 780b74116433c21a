"""docker/compose.yaml: what it starts exists, and what it keeps is in a volume."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import typer.main
import yaml

from service.cli import app as command_line
from service.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if name != "redis"}


def test_there_is_one_service_for_each_process() -> None:
    assert set(COMPOSE["services"]) == {"redis", "api", "worker", "beat"}
    assert OURS["worker"]["command"] == ["groundloop", "worker"]
    assert OURS["beat"]["command"] == ["groundloop", "beat"]


def test_every_command_exists() -> None:
    known = typer.main.get_command(command_line).commands  # type: ignore[attr-defined]
    dockerfile = (ROOT / "docker" / "Dockerfile").read_text()
    assert 'CMD ["groundloop", "serve"]' in dockerfile
    for service in OURS.values():
        program, command = service.get("command", ["groundloop", "serve"])
        assert program == "groundloop"
        assert command in known


@pytest.mark.parametrize("name", sorted(OURS))
def test_what_is_kept_is_in_the_volume(name: str) -> None:
    environment, [volume] = OURS[name]["environment"], OURS[name]["volumes"]
    folder = PurePosixPath(volume.partition(":")[2])
    assert OURS[name]["read_only"] is True
    for variable in ("GROUNDLOOP_HOME", "HF_HOME"):
        assert PurePosixPath(environment[variable]).is_relative_to(folder)


def test_the_settings_it_names_exist() -> None:
    known = {f"GROUNDLOOP_{name.upper()}" for name in Settings.model_fields} | {"REDIS_URL", "HF_HOME"}
    for service in OURS.values():
        assert set(service["environment"]) <= known


def test_redis_keeps_what_it_acknowledges() -> None:
    command = COMPOSE["services"]["redis"]["command"]
    pairs = dict(zip(command[1::2], command[2::2], strict=True))
    assert (pairs["--appendonly"], pairs["--appendfsync"], pairs["--maxmemory-policy"]) == (
        "yes",
        "always",
        "noeviction",
    )
