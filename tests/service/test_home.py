"""The home folder: for its owner alone, whichever part of the service makes it first."""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from retrieval.catalog import Catalog
from service.access import KeyStore
from service.access.sessions import SESSIONS_FILE, SessionStore
from service.jobs.sweep import mark_sweep
from service.pidlock import PidLock
from service.redis.server import RedisServer
from service.up.child import Child
from service.up.preflight import take_home
from tests.service.http_world import light_settings, load_light


@pytest.fixture(autouse=True)
def an_open_umask() -> Iterator[None]:
    """Let new folders be readable by everybody unless the code says otherwise."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def redis(home: Path) -> None:
    """Start a Redis and stop it."""
    server = RedisServer(home)
    server.start()
    server.stop()


def container(home: Path) -> None:
    """Open the container and close it."""
    from service.container import Container

    async def run() -> None:
        opened = Container(light_settings(home, None), load_light)
        await opened.open()
        await opened.close()

    asyncio.run(run())


def child(home: Path) -> None:
    """Start a supervised process and stop it."""
    one = Child("true", [sys.executable, "-c", ""], home / "logs" / "true.log", dict(os.environ))
    one.start()
    one.ask_to_stop()
    one.wait_stopped(10)


def lock(home: Path) -> None:
    """Take a lock and give it back."""
    held = PidLock(home / "run" / "up.pid")
    assert held.acquire()
    held.release()


FIRST: list[Callable[[Path], object]] = [
    lambda home: Catalog.open(home).close(),
    lambda home: KeyStore(home / "keys.db").close(),
    lambda home: SessionStore(home / SESSIONS_FILE).close(),
    lambda home: take_home(home).release(),
    mark_sweep,
    redis,
    container,
    child,
    lock,
]


@pytest.mark.parametrize(
    "make", FIRST, ids=["catalog", "keys", "sessions", "up", "sweep", "redis", "container", "child", "lock"]
)
def test_the_home_is_its_owners_alone_whoever_makes_it(tmp_path: Path, make: Callable[[Path], object]) -> None:
    home = tmp_path / "deep" / "home"
    make(home)
    for folder in (home, *(path for path in home.rglob("*") if path.is_dir())):
        inside = folder != home and folder.parent != home
        assert inside or stat.S_IMODE(folder.stat().st_mode) == 0o700, folder


def test_a_home_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    KeyStore(tmp_path / "keys.db").close()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o750
