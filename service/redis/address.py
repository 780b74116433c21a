"""Where Redis is, read from one URL: a server, or the sentinels that know which server it is at the moment.

    redis://[[user]:password@]host[:port][/database]            rediss:// for TLS, unix:///path for a socket
    redis+sentinel://[[user]:password@]host[:port],host[:port]/master[/database][?sentinel_password=...]

User and password are those of the master; `sentinel_username` and `sentinel_password` those of the sentinels, where
they ask for one. `rediss+sentinel` speaks TLS to both. No client library is imported here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

SENTINEL_PORT = 26379
SENTINEL_TIMEOUT_S = 0.5  # of one sentinel; then the next is asked, and whichever answered is asked first from then on
_PLAIN = ("redis", "rediss", "unix")
_SENTINEL = ("redis+sentinel", "rediss+sentinel")
_SHAPE = "redis+sentinel://[user:password@]host1:26379,host2:26379/master-name/0"
_PARAMETERS = ("sentinel_username", "sentinel_password")


class AddressError(ValueError):
    """A URL that names no Redis; the message says what would, and holds nothing of the URL but its scheme."""


@dataclass(frozen=True, slots=True)
class Sentinels:
    """The sentinels of one master."""

    hosts: tuple[tuple[str, int], ...]
    master: str
    database: int = 0
    username: str | None = None
    password: str | None = None
    sentinel_username: str | None = None
    sentinel_password: str | None = None
    tls: bool = False

    def of_master(self) -> dict[str, Any]:
        """Give what a connection to the master needs besides its address."""
        given = {"username": self.username, "password": self.password}
        return {"db": self.database, **{name: value for name, value in given.items() if value}}

    def of_sentinels(self) -> dict[str, Any]:
        """Give what a connection to a sentinel needs besides its address."""
        given = {"username": self.sentinel_username, "password": self.sentinel_password, "ssl": self.tls}
        timeouts = {"socket_timeout": SENTINEL_TIMEOUT_S, "socket_connect_timeout": SENTINEL_TIMEOUT_S}
        return {**timeouts, **{name: value for name, value in given.items() if value}}


def parse_address(url: str) -> str | Sentinels:
    """Read a URL.

    Args:
        url: As in the module's description.

    Returns:
        The URL itself where it names a server, else the sentinels.

    Raises:
        AddressError: It is neither.
    """
    scheme = url.partition("://")[0] if "://" in url else ""
    if scheme in _PLAIN:
        return url
    if scheme not in _SENTINEL:
        raise AddressError(
            f"a Redis URL begins with redis://, rediss://, unix:// or redis+sentinel://, not {scheme or 'no scheme'!r}"
        )
    try:
        parts = urlsplit(url)
    except ValueError:
        raise AddressError("an IPv6 host is written in brackets, as in [::1]:26379") from None
    user, at, hosts = parts.netloc.rpartition("@")
    username, _, password = user.partition(":") if at else ("", "", "")
    path = [unquote(part) for part in parts.path.strip("/").split("/")]
    if not path[0] or len(path) > 2:
        raise AddressError(f"a Sentinel URL names the master after the hosts: {_SHAPE}")
    extra = dict(parse_qsl(parts.query))
    if unknown := sorted(set(extra) - set(_PARAMETERS)):
        raise AddressError(f"a Sentinel URL takes the parameters {', '.join(_PARAMETERS)}, not {unknown[0]!r}")
    return Sentinels(
        hosts=tuple(_host(host) for host in hosts.split(",")),
        master=path[0],
        database=_number(path[1], "the database", 0, 1_000_000) if len(path) == 2 else 0,
        username=unquote(username) or None,
        password=unquote(password) or None,
        sentinel_username=extra.get("sentinel_username") or None,
        sentinel_password=extra.get("sentinel_password") or None,
        tls=scheme.startswith("rediss"),
    )


def broker_address(url: str) -> tuple[str, dict[str, Any]]:
    """Give the URL and the transport options by which Celery's broker finds the same Redis.

    Args:
        url: As `parse_address` takes it; AddressError when it names no Redis.

    Returns:
        kombu's URL, several joined by semicolons for sentinels, and what belongs into `broker_transport_options`.
    """
    address = parse_address(url)
    if isinstance(address, str):
        return address, {}
    user = f"{quote(address.username or '', safe='')}:{quote(address.password, safe='')}@" if address.password else ""
    # kombu reads user, password and database of the master from the first URL, and of the others only the host.
    joined = ";".join(f"sentinel://{user}{_bracketed(host)}:{port}/{address.database}" for host, port in address.hosts)
    return joined, {"master_name": address.master, "sentinel_kwargs": address.of_sentinels()}


def _host(text: str) -> tuple[str, int]:
    """Read `host`, `host:port`, `[v6]` or `[v6]:port`."""
    if text.startswith("["):
        host, closed, port = text[1:].partition("]")
        if not closed or (port and not port.startswith(":")):
            raise AddressError("an IPv6 host is written in brackets, as in [::1]:26379")
        port = port[1:]
    else:
        host, _, port = text.partition(":")
    if not host:
        raise AddressError(f"a Sentinel URL names at least one host: {_SHAPE}")
    return host, _number(port, "the port of a sentinel", 1, 65_535) if port else SENTINEL_PORT


def _number(text: str, what: str, least: int, most: int) -> int:
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise AddressError(f"{what} is a number from {least} to {most}, not {text!r}")
    return int(text)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
