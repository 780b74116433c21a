"""URLs of Redis: of a server, of sentinels, and those that are neither."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from service.redis.address import SENTINEL_TIMEOUT_S, AddressError, Sentinels, broker_address, parse_address
from service.settings import Settings

TIMEOUTS = {"socket_timeout": SENTINEL_TIMEOUT_S, "socket_connect_timeout": SENTINEL_TIMEOUT_S}


@pytest.mark.parametrize("url", ["redis://h:1/0", "rediss://:p@h", "unix:///run/redis.sock?db=2"])
def test_a_server_is_left_as_it_is(url: str) -> None:
    assert parse_address(url) == url
    assert broker_address(url) == (url, {})


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis+sentinel://a/m", Sentinels((("a", 26379),), "m")),
        ("redis+sentinel://a:1,b:2,c/m/3", Sentinels((("a", 1), ("b", 2), ("c", 26379)), "m", 3)),
        ("redis+sentinel://:p%40%2F@a:1/m", Sentinels((("a", 1),), "m", password="p@/")),
        ("redis+sentinel://u:p@[::1]:1,[::2]/m", Sentinels((("::1", 1), ("::2", 26379)), "m", 0, "u", "p")),
        (
            "rediss+sentinel://a/m?sentinel_username=su&sentinel_password=s%26p",
            Sentinels((("a", 26379),), "m", sentinel_username="su", sentinel_password="s&p", tls=True),
        ),
    ],
)
def test_sentinels_are_read(url: str, expected: Sentinels) -> None:
    assert parse_address(url) == expected


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("localhost:6379", "begins with redis://"),
        ("http://h", "begins with redis://"),
        ("redis+sentinel://a:1", "names the master"),
        ("redis+sentinel://a:1/", "names the master"),
        ("redis+sentinel://a:1/m/0/x", "names the master"),
        ("redis+sentinel:///m", "at least one host"),
        ("redis+sentinel://a,,b/m", "at least one host"),
        ("redis+sentinel://a:x/m", "port of a sentinel is a number"),
        ("redis+sentinel://a:70000/m", "from 1 to 65535"),
        ("redis+sentinel://a/m/db", "the database is a number"),
        ("redis+sentinel://[::1/m", "brackets"),
        ("redis+sentinel://a/m?db=3", "takes the parameters"),
    ],
)
def test_what_is_wrong_is_said(url: str, told: str) -> None:
    with pytest.raises(AddressError, match=told):
        parse_address(url)
    with pytest.raises(ValidationError, match=told):
        Settings(redis_url=url)


def test_no_message_holds_the_password() -> None:
    for url in ("redis+sentinel://:hunter2@a:x/m", "redis+sentinel://:hunter2@/m", "redis+sentinel://:hunter2@a/"):
        with pytest.raises(AddressError) as caught:
            parse_address(url)
        assert "hunter2" not in str(caught.value)
        with pytest.raises(ValidationError) as refused:
            Settings(redis_url=url)
        assert "hunter2" not in str(refused.value)


def test_the_broker_is_told_where_the_master_is() -> None:
    url, options = broker_address("redis+sentinel://u:p%40@a:1,[::2]/m/3?sentinel_password=s")
    assert url == "sentinel://u:p%40@a:1/3;sentinel://u:p%40@[::2]:26379/3"
    assert options == {"master_name": "m", "sentinel_kwargs": {"password": "s", **TIMEOUTS}}


def test_every_client_is_made_where_sentinels_are_understood() -> None:
    """A client made straight from a URL would not follow a failover."""
    service = Path(__file__).resolve().parents[3] / "service"
    made = {path.relative_to(service).as_posix() for path in service.rglob("*.py") if "from_url(" in path.read_text()}
    assert made == {"redis/connect.py", "redis/server.py"}  # the second asks the server it has just started
