"""A master, replicas and a sentinel, as real processes on free ports of this machine."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import redis

from service.redis.server import find_redis_server

PASSWORD = "p@ss:w/rd"
SENTINEL_PASSWORD = "other"
MASTER = "mymaster"


class Sentinels:
    """One sentinel (a quorum of one) over one master and its replicas. Use it as a context manager.

    Args:
        folder: For their data.
        replicas: How many.
    """

    def __init__(self, folder: Path, replicas: int = 1) -> None:
        self._folder = folder
        self._binary = find_redis_server()
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self.ports = [_free_port() for _ in range(1 + replicas)]
        self.sentinel_port = _free_port()

    @property
    def url(self) -> str:
        """Address through the sentinel; the first host named is one that nobody listens on."""
        hosts = f"127.0.0.1:1,127.0.0.1:{self.sentinel_port}"
        return (
            f"redis+sentinel://:{PASSWORD.replace('@', '%40').replace('/', '%2F')}@{hosts}/{MASTER}/0"
            f"?sentinel_password={SENTINEL_PASSWORD}"
        )

    def __enter__(self) -> Sentinels:
        try:
            self._start_all()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start_all(self) -> None:
        for port in self.ports:
            self.start(port, replica_of=None if port == self.ports[0] else self.ports[0])
        for port in self.ports[1:]:
            _until(lambda port=port: self.client(port).info("replication")["master_link_status"] == "up")
        lines = [
            f"port {self.sentinel_port}",
            "bind 127.0.0.1",
            f"dir {self._folder}",
            f'requirepass "{SENTINEL_PASSWORD}"',
            f"sentinel monitor {MASTER} 127.0.0.1 {self.ports[0]} 1",
            f'sentinel auth-pass {MASTER} "{PASSWORD}"',
            f"sentinel down-after-milliseconds {MASTER} 1000",
            f"sentinel failover-timeout {MASTER} 5000",
        ]
        conf = self._folder / "sentinel.conf"
        conf.write_text("\n".join(lines) + "\n")
        self._spawn(self.sentinel_port, [str(conf), "--sentinel"])
        with redis.Redis(port=self.sentinel_port, password=SENTINEL_PASSWORD) as sentinel:
            _until(lambda: len(sentinel.sentinel_slaves(MASTER)) == len(self.ports) - 1)

    def __exit__(self, *_: object) -> None:
        for process in self._running.values():
            process.kill()
            process.wait(30)

    def start(self, port: int, replica_of: int | None = None) -> None:
        """Start a server that keeps what it acknowledges, again over the data it had."""
        folder = self._folder / str(port)
        folder.mkdir(exist_ok=True)
        conf = folder / "redis.conf"
        if not conf.exists():
            lines = [
                f"port {port}",
                "bind 127.0.0.1",
                f"dir {folder}",
                "appendonly yes",
                "appendfsync always",
                "maxmemory-policy noeviction",
                'save ""',
                f'requirepass "{PASSWORD}"',
                f'masterauth "{PASSWORD}"',
                "repl-diskless-sync-delay 0",
                *([f"replicaof 127.0.0.1 {replica_of}"] if replica_of else []),
            ]
            conf.write_text("\n".join(lines) + "\n")
        self._spawn(port, [str(conf)])

    def client(self, port: int) -> redis.Redis:
        """Give a client of one server."""
        return redis.Redis(port=port, password=PASSWORD, socket_timeout=5)

    def master(self) -> int:
        """Ask the sentinel for the port of the master."""
        with redis.Redis(port=self.sentinel_port, password=SENTINEL_PASSWORD) as sentinel:
            return int(sentinel.sentinel_get_master_addr_by_name(MASTER)[1])

    def kill(self, port: int) -> None:
        """End a server at once."""
        os.kill(self._running[port].pid, signal.SIGKILL)
        self._running.pop(port).wait(30)

    def stall(self, port: int) -> None:
        """Stop a server without ending it."""
        os.kill(self._running[port].pid, signal.SIGSTOP)

    def wake(self, port: int) -> None:
        """Let a stalled server go on."""
        os.kill(self._running[port].pid, signal.SIGCONT)

    def wait_for_failover(self, before: int) -> int:
        """Wait until another server is master and says so itself; gives its port."""

        def moved() -> bool:
            port = self.master()
            return port != before and self.client(port).role()[0] == b"master"

        _until(moved)
        return self.master()

    def _spawn(self, port: int, arguments: list[str]) -> None:
        with (self._folder / f"{port}.log").open("ab") as log:
            self._running[port] = subprocess.Popen([self._binary, *arguments], stdout=log, stderr=log)
        _until(lambda: _listens(port))


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _until(condition: object, timeout_s: float = 120.0) -> None:
    assert callable(condition)
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            if condition():
                return
        except (redis.exceptions.RedisError, OSError):
            pass
        assert time.monotonic() < deadline, "the servers did not get ready"
        time.sleep(0.05)
