"""The configuration file of our own Redis, in the words of redis.conf."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

AppendFsync = Literal["always", "everysec"]


def render_conf(*, port: int, data: Path, password: str, appendfsync: AppendFsync, maxmemory_bytes: int) -> str:
    """Write out a configuration that loses nothing it acknowledged.

    Args:
        port: TCP port on 127.0.0.1.
        data: Absolute folder of the append-only file and the log.
        password: What clients must send; it is in this file because a command line is readable by every user.
        appendfsync: When fsync is called.
        maxmemory_bytes: Memory at which writes are refused; 0 is no limit.

    Returns:
        The text of the file.
    """
    folder = str(data).replace("\\", "\\\\").replace('"', '\\"')
    lines = (
        "bind 127.0.0.1",
        f"port {port}",
        "protected-mode yes",
        f"requirepass {password}",
        "daemonize no",
        f'dir "{folder}"',
        "logfile redis.log",
        "appendonly yes",
        f"appendfsync {appendfsync}",
        "no-appendfsync-on-rewrite no",  # a rewrite must not suspend the promise
        "aof-use-rdb-preamble yes",
        "aof-load-truncated yes",  # a torn tail is an unacknowledged write
        'save ""',  # the append-only file is the record; snapshots would only cost forks
        f"maxmemory {maxmemory_bytes}",
        "maxmemory-policy noeviction",  # full means refused, never forgotten
        "tcp-keepalive 60",
    )
    return "\n".join(lines) + "\n"
