"""`groundloop versions ...` as a shell sees it."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
import redis
from typer.testing import CliRunner

from service.cli.group import TellingGroup
from service.cli.versions import app
from service.cycles import store
from service.redis.calls import ask
from service.versions.announce import CHANNEL
from tests.training.registry.making import flip_bit, promoted, published, verdict
from training.registry import BASE, Registry

app.info.cls = TellingGroup


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.setenv("GROUNDLOOP_HOME", str(tmp_path))
    return Registry(tmp_path / "registry" / "extractive")


def run(*arguments: str, answer: str | None = None) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments), input=answer)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def test_the_list_shows_who_serves(registry: Registry) -> None:
    assert run("list")[1].splitlines()[1].split() == [BASE, "champion", "ok"]
    first = promoted(registry)
    second = published(registry, 1, verdict=verdict(passed=False))
    code, out, _ = run("list")
    assert code == 0
    rows = [line.split() for line in out.splitlines()[1:]]
    assert [row[0] for row in rows] == [second.name, first.name, BASE]
    assert "refused" in rows[0]
    assert "champion" in rows[1]
    data = json.loads(run("list", "--json")[1])["data"]
    assert [(line["id"], line["aliases"]) for line in data][1] == (first.name, ["champion"])
    assert data[0]["verdict"]["passed"] is False


def test_a_version_is_shown_with_its_card_and_history(registry: Registry) -> None:
    version = promoted(registry)
    registry.mark(version.name, "data were erased", who="admin")
    _, out, _ = run("show", "champion")
    assert f"# {version.name}" in out
    assert "| win rate | promotion | passed |" in out
    assert f"promote champion: {BASE} -> {version.name} (test)" in out
    assert "marked: data were erased (admin)" in out
    shown = json.loads(run("show", version.name, "--json")[1])
    assert shown["card"]["base"] == "all-MiniLM-L6-v2"
    assert shown["moves"][0]["after"] == version.name


def test_promote_asks_first_and_keeps_the_reason(registry: Registry) -> None:
    version = published(registry)
    assert run("promote", version.name, answer="n\n")[0] == 1
    assert registry.alias("champion") == BASE
    code, out, _ = run("promote", version.name, "--why", "looks good", answer="y\n")
    assert code == 0
    assert f"{version.name} serves" in out
    move = registry.aliases().moves[-1]
    assert (move.why, move.who.split(":")[0]) == ("looks good", "command line")


def test_what_the_gate_refused_exits_4_until_it_is_forced_with_a_reason(registry: Registry) -> None:
    version = published(registry, verdict=verdict(passed=False))
    code, _, err = run("promote", version.name, "--yes")
    assert (code, "did not pass" in err) == (4, True)
    assert run("promote", version.name, "--yes", "--force")[0] == 4
    assert run("promote", version.name, "--yes", "--force", "--why", "a demo")[0] == 0
    assert registry.aliases().moves[-1].forced


def test_rollback_goes_back_and_says_when_it_cannot(registry: Registry) -> None:
    version = promoted(registry)
    assert run("rollback", answer="n\n")[0] == 1
    code, out, _ = run("rollback", "--yes", "--json", "--why", "votes")
    assert (code, json.loads(out)) == (0, {"champion": BASE, "before": version.name})
    assert run("rollback", "--yes")[0] == 4


def test_a_trial_begins_and_ends(registry: Registry) -> None:
    tried, refused = published(registry, 1), published(registry, 2, verdict=verdict(passed=False))
    assert run("trial", refused.name, "--yes")[0] == 4
    assert run("trial", tried.name, answer="n\n")[0] == 1
    assert run("trial", tried.name, "--yes")[0] == 0
    assert registry.alias("candidate") == tried.name
    code, _, err = run("trial", refused.name, "--yes", "--force", "--why", "to see that it is sent back")
    assert (code, err) == (0, "")
    assert registry.alias("candidate") == refused.name
    assert run("trial", tried.name, "--end", "--yes")[0] == 4  # it is not on trial any more
    assert run("trial", refused.name, "--end", "--yes", "--why", "seen")[0] == 0
    assert (registry.alias("candidate"), registry.aliases().moves[-1].why) == (None, "seen")


def test_a_segments_versions_are_a_list_of_their_own(registry: Registry) -> None:
    french = Registry(registry.root.with_name("extractive+segment.fr"))
    version = promoted(french)
    assert version.name not in run("list")[1]
    assert version.name in run("list", "--scope", "segment:fr")[1]
    assert f"# {version.name}" in run("show", version.name)[1]  # a name says whose it is
    code, out, _ = run("rollback", "--scope", "segment:fr", "--yes", "--json")
    assert (code, json.loads(out)) == (0, {"champion": BASE, "before": version.name})
    assert run("list", "--scope", "team:fr")[0] == 1


def test_serving_processes_and_the_cycle_are_told(
    registry: Registry, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)
    version = published(registry)
    with closing(redis.Redis.from_url(redis_url)) as client, closing(client.pubsub()) as heard:  # type: ignore[no-untyped-call]
        heard.subscribe(CHANNEL)
        while (message := heard.get_message(timeout=60)) and message["type"] != "subscribe":
            pass
        cycle = ask(client, store.create("shared", "operator")).id
        token = ask(client, store.claim(cycle, "test", 60))
        assert token is not None
        assert ask(client, store.finish(cycle, token, "candidate", "on trial", version=version.name))
        assert run("promote", version.name, "--yes", "--why", "a test")[0] == 0
        told = heard.get_message(timeout=60)
        assert told is not None
        assert json.loads(told["data"]) == {
            "scope": "shared",
            "alias": "champion",
            "version": version.name,
            "sequence": registry.aliases().sequence,
        }
        ended = ask(client, store.get(cycle))
        assert ended is not None
        assert (ended.state, ended.reason) == ("promoted", "promoted by hand: a test")
        assert run("rollback", "--yes")[0] == 0
        assert (one := ask(client, store.get(cycle))) is not None
        assert one.state == "rolled_back"


def test_verify_names_what_is_damaged_and_exits_1(registry: Registry) -> None:
    whole, broken = published(registry, 1), published(registry, 2)
    assert run("verify")[0] == 0
    assert broken.path is not None
    flip_bit(broken.path / "adapter" / "residual.safetensors", 77)
    code, out, _ = run("verify", "--json")
    found = json.loads(out)["versions"]
    assert (code, found[whole.name]) == (1, "ok")
    assert "SHA-256" in found[broken.name]
    assert run("verify", whole.name)[0] == 0
    (broken.path / "manifest.json").unlink()
    assert "damaged" in run("list")[1]


def test_export_writes_a_new_folder(registry: Registry, tmp_path: Path) -> None:
    version = published(registry)
    code, out, _ = run("export", version.name, str(tmp_path / "out"))
    assert (code, "extractive" in out) == (0, True)
    assert (tmp_path / "out" / "adapter.json").exists()
    assert run("export", version.name, str(tmp_path / "out"))[0] == 1


@pytest.mark.parametrize("command", [["show"], ["verify"], ["promote", "--yes"]], ids=" ".join)
def test_an_unknown_version_exits_1(registry: Registry, command: list[str]) -> None:
    code, _, err = run(*command, "v000099-causal")
    assert (code, "v000099-causal" in err) == (1, True)
