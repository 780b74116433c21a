"""A backup of a home, checked, damaged and restored."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import redis
from typer.testing import CliRunner

from retrieval.errors import Conflict, IndexCorrupt
from service.archive.move import move_old
from service.archive.places import open_archive
from service.backup.copying import copy_home
from service.backup.create import create_backup
from service.backup.restore import restore_backup
from service.backup.verify import verify_backup
from service.cli.app import app
from service.redis.server import RedisServer
from service.settings import Settings
from tests.service.archive.conftest import exported, record_keys, say_things
from tests.service.http_world import light_settings, running


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> Settings:
    """Give a home with a document, a key, an archived answer and a record, none of it running."""
    settings = light_settings(tmp_path / "home", redis_url)
    say_things(redis_url, 1)
    with redis.Redis.from_url(redis_url) as client, running(settings) as live:
        archive = open_archive(settings)
        move_old(client, archive, after_days=1e-9)
        archive.close()
        with live.http("operator") as operator:
            files = {"file": ("a.txt", b"Water boils at 100 degrees.", "text/plain")}
            uploaded = operator.post("/v1/files", files=files, data={"purpose": "assistants"})
            assert uploaded.status_code in (200, 201), uploaded.text
        client.hset("gl:cycle:cyc_1", mapping={"id": "cyc_1"})
    say_things(redis_url, 2)
    return settings


@pytest.fixture
def elsewhere(tmp_path: Path) -> Settings:
    """Give a home that does not exist yet, with a Redis of its own."""
    return light_settings(tmp_path / "other" / "home", None)


def test_everything_comes_back_elsewhere(settings: Settings, elsewhere: Settings, tmp_path: Path) -> None:
    assert settings.redis_url is not None
    url = settings.redis_url.get_secret_value()
    done = create_backup(settings, tmp_path / "backup")
    assert (done.answers, done.judgements) == (4, 7)
    renamed = (tmp_path / "backup").rename(tmp_path / "renamed")
    found = verify_backup(renamed)
    assert (found.problems, found.answers, found.judgements, found.blobs, found.published) == ((), 4, 7, 1, 1)
    assert found.databases >= 3
    restored = restore_backup(elsewhere, renamed)
    assert (restored.record.answers, restored.record.entries) == (4, 7)
    assert not list(elsewhere.home.parent.glob(".tmp-*"))
    server = RedisServer(elsewhere.home)
    archives = [open_archive(one) for one in (settings, elsewhere)]
    try:
        with redis.Redis.from_url(url) as old, redis.Redis.from_url(server.start()) as new:
            held, holds = record_keys(old), record_keys(new)
            assert sum(map(int, held.pop("gl:days").values())) == 2 * sum(map(int, holds.pop("gl:days").values()))
            assert holds == held  # but for the counts by day, which leave out what is in the archive
            rows = exported(url)
            assert exported(server.url) == rows
            assert [len(archive.index.entries_of("key:asker")) for archive in archives] == [4, 4]
    finally:
        server.stop()
        for archive in archives:
            archive.close()
    assert (settings.home / "sessions.db").exists()
    assert not [*renamed.rglob("sessions.db*"), *elsewhere.home.rglob("sessions.db*")]
    for name in ("keys.db", "batches.db", "catalog.db"):
        assert _dump(elsewhere.home / name) == _dump(settings.home / name)


def _dump(path: Path) -> list[str]:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


def test_damage_is_seen(settings: Settings, elsewhere: Settings, tmp_path: Path) -> None:
    create_backup(settings, tmp_path / "backup")
    path = next((tmp_path / "backup" / "home" / "blobs").rglob("??/*"))
    path.write_bytes(path.read_bytes() + b"!")
    with pytest.raises(IndexCorrupt, match="bytes, not"):
        verify_backup(tmp_path / "backup")
    with pytest.raises(IndexCorrupt):
        restore_backup(elsewhere, tmp_path / "backup")
    assert not elsewhere.home.exists()


def test_nothing_is_overwritten(settings: Settings, elsewhere: Settings, tmp_path: Path) -> None:
    create_backup(settings, tmp_path / "backup")
    with pytest.raises(Conflict, match="is a new folder"):
        create_backup(settings, tmp_path / "backup")
    with pytest.raises(Conflict, match="inside the home"):
        create_backup(settings, settings.home / "backup")
    with pytest.raises(Conflict, match="not empty"):
        restore_backup(settings, tmp_path / "backup")
    with pytest.raises(Conflict, match="holds the record"):
        restore_backup(elsewhere.model_copy(update={"redis_url": settings.redis_url}), tmp_path / "backup")
    assert not elsewhere.home.exists()


def test_a_directory_deleted_meanwhile_is_left_out(tmp_path: Path) -> None:
    home, target = tmp_path / "home", tmp_path / "copy"
    for name in ("one", "two"):
        (home / "registry" / name).mkdir(parents=True)
        (home / "registry" / name / "manifest.json").write_text("{}")
    target.mkdir()
    with pytest.raises(IndexCorrupt, match=r"one/manifest\.json"):
        copy_home(home, target)


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a function that runs a command."""

    def run(*arguments: str, **environment: str) -> tuple[int, str]:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        result = CliRunner().invoke(app, list(arguments))
        return result.exit_code, result.output

    return run


def test_the_commands(settings: Settings, tmp_path: Path, cli: Any) -> None:
    assert settings.redis_url is not None
    url, backup = settings.redis_url.get_secret_value(), str(tmp_path / "backup")
    environment = {"GROUNDLOOP_HOME": str(settings.home), "GROUNDLOOP_REDIS_URL": url}
    code, told = cli("backup", "create", backup, "--json", **environment)
    assert (code, json.loads(told)["answers"]) == (0, 4)
    assert cli("backup", "create", backup, **environment)[0] == 4
    code, told = cli("backup", "verify", backup)
    assert code == 0
    assert "is whole: 4 answers, 7 judgements" in told
    assert cli("backup", "verify", str(tmp_path / "none"))[0] == 1
    assert cli("backup", "restore", backup, **environment)[0] == 4
    code, told = cli("rebuild", **environment)
    assert (code, told.strip()) == (0, "put back: 0 answers, 0 judgements, 0 other keys")
    assert cli("rebuild", GROUNDLOOP_HOME=str(settings.home), GROUNDLOOP_REDIS_URL="redis://127.0.0.1:1/0")[0] == 3
