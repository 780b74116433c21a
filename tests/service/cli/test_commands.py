"""The command line as a shell sees it: output, errors, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.access.sessions import SESSIONS_FILE, SessionStore
from service.cli import app

COMMANDS = [
    ["up"],
    ["serve"],
    ["worker"],
    ["beat"],
    ["ingest"],
    ["ask"],
    ["search"],
    ["evaluate"],
    ["doctor"],
    ["erase"],
    ["version"],
    ["collections", "list"],
    ["collections", "create"],
    ["collections", "delete"],
    ["feedback", "export"],
    ["train", "run"],
    ["train", "status"],
    ["train", "start"],
    ["train", "cycles"],
    ["train", "cancel"],
    ["versions", "list"],
    ["versions", "show"],
    ["versions", "promote"],
    ["versions", "trial"],
    ["versions", "rollback"],
    ["versions", "verify"],
    ["versions", "export"],
    ["voters", "list"],
    ["voters", "exclude"],
    ["voters", "readmit"],
    ["link"],
    ["keys", "create"],
    ["keys", "list"],
    ["keys", "revoke"],
]


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("GROUNDLOOP_") or name == "REDIS_URL":
            monkeypatch.delenv(name)
    monkeypatch.setenv("GROUNDLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GROUNDLOOP_PORT", "1")  # nobody listens there
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(command: list[str]) -> None:
    code, out, _ = run(*command, "--help")
    assert code == 0
    assert "Usage: " in out


@pytest.mark.parametrize("command", [[], ["keys"], ["collections"], ["feedback"], ["train"], ["versions"]], ids=str)
def test_a_group_alone_shows_its_commands(command: list[str]) -> None:
    _, out, err = run(*command)
    assert "Commands" in out + err


@pytest.mark.parametrize(
    "command", [["ask", "why?"], ["search", "whales"], ["collections", "list"], ["feedback", "export"]], ids=" ".join
)
def test_without_a_server_it_says_what_to_do_and_exits_3(command: list[str]) -> None:
    code, out, err = run(*command)
    assert code == 3
    assert out == ""
    assert "groundloop up" in err


def test_wrong_usage_exits_2() -> None:
    assert run("ask")[0] == 2
    assert run("search", "whales", "-k", "many")[0] == 2
    assert run("no-such-command")[0] == 2


def test_a_setting_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUNDLOOP_PORT", "many")
    code, _, err = run("keys", "list")
    assert code == 1
    assert "GROUNDLOOP_PORT" in err


def test_a_path_that_does_not_exist_is_refused_before_anything_is_sent() -> None:
    code, _, err = run("ingest", "nowhere")
    assert code == 1
    assert "nowhere does not exist" in err


def test_a_dry_run_lists_and_sends_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("a")
    code, out, _ = run("ingest", "a.md", "--dry-run", "--json")
    assert code == 0
    assert json.loads(out)["source"] == "a.md"


def test_keys_are_made_shown_once_listed_and_revoked() -> None:
    code, out, _ = run("keys", "create", "ci", "--role", "operator", "--group", "staff", "--json")
    made = json.loads(out)
    assert code == 0
    assert made["key"].startswith(f"gl_{made['id']}_")
    assert made["groups"] == ["staff"]
    secret = run("keys", "create", "reader")[1].strip()
    listed = run("keys", "list")[1]
    assert "ci" in listed
    assert secret not in listed
    assert run("keys", "revoke", made["id"])[0] == 0
    states = {key["name"]: key["revoked_at"] for key in json.loads(run("keys", "list", "--json")[1])}
    assert states["ci"] is not None
    assert states["reader"] is None


def test_a_link_signs_in_with_the_first_admin_key(tmp_path: Path) -> None:
    code, _, err = run("link")
    assert code == 1
    assert "groundloop keys create" in err
    made = json.loads(run("keys", "create", "chief", "--role", "admin", "--json")[1])
    first = json.loads(run("link", "--json")[1])
    assert first["url"].startswith("http://127.0.0.1:1/#sign-in=")
    code, out, _ = run("link", "--url", "https://assistant.example.org/")
    assert code == 0
    address, told = out.strip().split("\n")
    assert address.startswith("https://assistant.example.org/#sign-in=")
    assert told.startswith("works once, until ")
    with closing(SessionStore(tmp_path / "home" / SESSIONS_FILE)) as sessions:
        for url in (first["url"], address):
            assert sessions.spend_link(url.partition("=")[2]) == made["id"]


def test_a_key_gets_what_the_options_say() -> None:
    options = (
        "--group staff --group board --trusted --segment de --requests-per-minute 7 --votes-per-minute 0 "
        "--expires-days 1.5 --json"
    )
    code, out, _ = run("keys", "create", "widget", *options.split())
    made = json.loads(out)
    assert code == 0
    assert (made["groups"], made["trusted"], made["segment"]) == (["board", "staff"], True, "de")
    assert (made["requests_per_minute"], made["votes_per_minute"]) == (7, 0)
    assert made["expires_at"] - made["created_at"] == pytest.approx(1.5 * 86400, abs=60)
    plain = json.loads(run("keys", "create", "plain", "--json")[1])
    assert (plain["trusted"], plain["segment"], plain["requests_per_minute"], plain["expires_at"]) == (
        False,
        None,
        None,
        None,
    )
    assert run("keys", "create", "bad", "--requests-per-minute", "-1")[0] == 2


def test_revoking_what_does_not_exist_is_refused() -> None:
    code, _, err = run("keys", "revoke", "nothing")
    assert code == 1
    assert "groundloop keys list" in err


@pytest.mark.parametrize("command", ["worker", "beat"])
def test_a_worker_without_redis_exits_3(command: str) -> None:
    code, _, err = run(command)
    assert code == 3
    assert "REDIS_URL" in err


def test_doctor_looks_at_everything_and_gives_json() -> None:
    code, out, _ = run("doctor", "--json")
    findings = {finding["name"]: finding for finding in json.loads(out)}
    assert {"python", "packages", "model weights", "fsync", "disk space", "port", "redis server"} <= set(findings)
    assert findings["model weights"]["state"] == "ok"
    assert code == int(any(finding["state"] == "problem" for finding in findings.values()))
    assert all(finding["fix"] for finding in findings.values() if finding["state"] != "ok")


def test_doctor_says_how_to_close_a_home_that_others_may_read(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home").chmod(0o755)
    _, out, _ = run("doctor")
    assert "chmod go-rwx" in out


def test_version() -> None:
    assert json.loads(run("version", "--json")[1])["version"]


def test_no_color_is_honoured_by_the_real_program() -> None:
    environment = {**os.environ, "NO_COLOR": "1", "FORCE_COLOR": ""}
    result = subprocess.run(
        [sys.executable, "-m", "service.cli", "nope"], capture_output=True, text=True, env=environment
    )
    assert result.returncode == 2
    assert "\x1b[" not in result.stderr
