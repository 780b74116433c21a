"""docker/compose.yaml: what it starts exists, what it keeps is in a volume, nobody there may do more than he must."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import typer.main
import yaml

from service.cli import app as command_line
from service.jobs.names import QUEUES
from service.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
DOCKER = ROOT / "docker"
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service.get("image", "").startswith("groundloop/")}
PROFILES = {"core", "gpu", "vllm", "milvus", "observe"}
# These write where they like in their image, and nobody outside of their project can say where.
WRITE_ANYWHERE = {"vllm", "milvus"}


def of_profile(profile: str) -> dict[str, dict[str, Any]]:
    """Give what runs with a profile."""
    return {name: service for name, service in SERVICES.items() if profile in service["profiles"]}


def queues(service: dict[str, Any]) -> set[str]:
    """Give the queues of a worker."""
    command = service["command"]
    return set(command[command.index("--queues") + 1].split(",")) if "--queues" in command else set()


def test_the_profiles_are_those_that_are_told_of() -> None:
    assert {profile for service in SERVICES.values() for profile in service["profiles"]} == PROFILES
    head = (DOCKER / "compose.yaml").read_text().partition("\nname:")[0]
    assert set(re.findall(r"^#   ([a-z]+) {2,}", head, re.MULTILINE)) == PROFILES


@pytest.mark.parametrize("profile", ["core", "gpu"])
def test_each_of_the_two_is_whole(profile: str) -> None:
    running = of_profile(profile)
    workers = [service for service in running.values() if service.get("command", [""])[:2] == ["groundloop", "worker"]]
    assert sorted(queue for worker in workers for queue in queues(worker)) == sorted(QUEUES)
    assert "redis" in running
    assert "beat" in running
    # One of them answers to the name `api`, by which Prometheus and people look for it.
    names = {name for name in running if name == "api"} | {
        alias
        for service in running.values()
        for alias in (service.get("networks") or {}).get("default", {}).get("aliases", [])
    }
    assert names == {"api"}


def test_gpus_are_asked_for_where_models_run() -> None:
    asking = {name for name, service in SERVICES.items() if "deploy" in service}
    assert asking == {"api-gpu", "worker-train-gpu", "vllm"}
    for name in asking - {"vllm"}:
        assert SERVICES[name]["environment"]["GROUNDLOOP_DEVICE"] == "cuda"


def test_every_command_exists() -> None:
    known = typer.main.get_command(command_line).commands  # type: ignore[attr-defined]
    dockerfile = (DOCKER / "Dockerfile").read_text()
    assert 'CMD ["groundloop", "serve"]' in dockerfile
    for service in OURS.values():
        program, command, *options = service.get("command", ["groundloop", "serve"])
        assert program == "groundloop"
        assert command in known
        flags = {flag for parameter in known[command].params for flag in parameter.opts}
        assert {option for option in options if option.startswith("--")} <= flags
        assert queues(service) <= set(QUEUES) if options else True


@pytest.mark.parametrize("name", sorted(OURS))
def test_what_is_kept_is_in_the_volume(name: str) -> None:
    environment, [volume] = OURS[name]["environment"], OURS[name]["volumes"]
    folder = PurePosixPath(volume.partition(":")[2])
    for variable in ("GROUNDLOOP_HOME", "HF_HOME"):
        assert PurePosixPath(environment[variable]).is_relative_to(folder)


def test_every_volume_is_named_and_every_file_is_there() -> None:
    for service in SERVICES.values():
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            if source.startswith("."):
                assert (DOCKER / source).exists()
            else:
                assert source in COMPOSE["volumes"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_nobody_may_do_more_than_he_must(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["restart"] == "unless-stopped"
    if name not in WRITE_ANYWHERE:
        assert service["read_only"] is True
        assert service["tmpfs"] == ["/tmp"]
        assert service["user"] not in ("root", "0")
    for port in service.get("ports", ()):
        assert port.startswith("127.0.0.1:"), "published beyond this machine"


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_everybody_is_given_time_to_stop_and_asked_how_he_is(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"\d+s", service["stop_grace_period"])
    # A worker of the queue `train` may be busy for hours; its leases tell whether it lives.
    if "command" not in service or queues(service) != {"train"}:
        assert service["healthcheck"]["test"][0] == "CMD"


def test_the_api_may_finish_its_answers() -> None:
    settings = Settings.model_construct()
    for name in ("api", "api-gpu"):
        grace = int(SERVICES[name]["stop_grace_period"].removesuffix("s"))
        assert grace >= settings.drain_s + settings.graceful_shutdown_s + 5


def test_the_settings_it_names_exist() -> None:
    known = {f"GROUNDLOOP_{name.upper()}" for name in Settings.model_fields} | {"REDIS_URL", "HF_HOME"}
    for service in OURS.values():
        assert set(service["environment"]) <= known


def test_unset_variables_leave_settings_at_their_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not set arrives empty, and an empty variable counts as none."""
    for name, value in OURS["api"]["environment"].items():
        monkeypatch.setenv(name, re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value)))
    loaded = Settings(_env_file=None)  # type: ignore[call-arg]
    assert loaded.causal_model == Settings.model_fields["causal_model"].default
    assert loaded.remote_base_url is None
    assert loaded.redis_url is not None
    assert loaded.redis_url.get_secret_value() == "redis://redis:6379/0"


def test_redis_keeps_what_it_acknowledges() -> None:
    command = SERVICES["redis"]["command"]
    pairs = dict(zip(command[1::2], command[2::2], strict=True))
    assert (pairs["--appendonly"], pairs["--appendfsync"], pairs["--maxmemory-policy"]) == (
        "yes",
        "always",
        "noeviction",
    )


def test_vllm_loads_the_adapters_that_are_trained_here() -> None:
    vllm = SERVICES["vllm"]
    assert vllm["environment"]["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] == "1"
    assert "--enable-lora" in vllm["command"]
    home = OURS["api"]["environment"]["GROUNDLOOP_HOME"]
    assert f"groundloop:{home}:ro" in vllm["volumes"]
    assert "ports" not in vllm  # whoever reaches it may load an adapter


def test_prometheus_reads_its_key_from_a_secret() -> None:
    scraping = yaml.safe_load((DOCKER / "prometheus" / "prometheus.yaml").read_text())
    (job,) = scraping["scrape_configs"]
    (secret,) = SERVICES["prometheus"]["secrets"]
    assert job["authorization"]["credentials_file"] == f"/run/secrets/{secret}"
    assert secret in COMPOSE["secrets"]
