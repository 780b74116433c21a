"""Voters over HTTP: who they are, and keeping one out of training."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from service.settings import Settings
from tests.service.cycles.filling import Log, fill_log
from tests.service.http_world import LiveServer, light_settings, running

JANE = "key:portal/user:jane/doe"
AT_JANE = f"/v1/voters/{quote(JANE, safe='')}"


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> Settings:
    return light_settings(tmp_path, redis_url)


@pytest.fixture
def server(settings: Settings) -> Iterator[LiveServer]:
    with running(settings) as live:
        yield live


def _judge(settings: Settings) -> None:
    async def fill(log: Log) -> None:
        for n, voter in enumerate(("key:a", "key:b", JANE, "key:a")):
            await log.vote(await log.answer(f"text {n}"), voter=voter)

    fill_log(settings, fill)


def test_who_judged_last_is_listed_first(settings: Settings, server: LiveServer) -> None:
    _judge(settings)
    with server.http("operator") as http:
        page = http.get("/v1/voters", params={"limit": 2}).json()
        rest = http.get("/v1/voters", params={"after": page["last_id"]}).json()
        one = http.get(AT_JANE).json()

    assert ([voter["id"] for voter in page["data"]], page["has_more"]) == (["key:a", JANE], True)
    assert ([voter["id"] for voter in rest["data"]], rest["has_more"]) == (["key:b"], False)
    assert (page["data"][0]["judgements"], page["data"][0]["exclusion"], page["data"][0]["found"]) == (2, None, None)
    assert page["data"][0]["first_at"] <= page["data"][0]["last_at"]
    assert one == page["data"][1]


def test_a_voter_is_kept_out_and_let_in_again(settings: Settings, server: LiveServer) -> None:
    _judge(settings)
    with server.http("operator") as http:
        out = http.put(f"{AT_JANE}/exclusion", json={"reason": " sells shoes "}).json()
        again = http.put(f"{AT_JANE}/exclusion", json={"reason": "and hats"}).json()
        back = http.delete(f"{AT_JANE}/exclusion").json()
        twice = http.delete(f"{AT_JANE}/exclusion")

    assert (out["exclusion"]["reason"], out["id"]) == ("sells shoes", JANE)
    assert out["exclusion"]["by"].startswith("key:")
    assert again["exclusion"]["reason"] == "and hats"
    assert (back["exclusion"], back["judgements"]) == (None, 1)
    assert (twice.status_code, twice.json()["error"]["code"]) == (404, "voter_not_found")


def test_somebody_may_be_kept_out_before_the_first_vote(server: LiveServer) -> None:
    with server.http("operator") as http:
        out = http.put("/v1/voters/key:new/exclusion", json={"reason": "known from elsewhere"}).json()
        assert (out["judgements"], out["last_at"], out["exclusion"]["reason"]) == (0, None, "known from elsewhere")
        assert http.delete("/v1/voters/key:new/exclusion").json()["judgements"] == 0


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/voters/key:none", None, 404),
        ("GET", "/v1/voters/somebody", None, 400),
        ("GET", "/v1/voters?after=key:none", None, 400),
        ("PUT", "/v1/voters/key:a/exclusion", {}, 400),
        ("PUT", "/v1/voters/key:a/exclusion", {"reason": "  "}, 400),
        ("PUT", "/v1/voters/somebody/exclusion", {"reason": "x"}, 400),
    ],
)
def test_what_cannot_be_is_refused(live: LiveServer, method: str, path: str, body: Any, status: int) -> None:
    with live.http("operator") as http:
        assert http.request(method, path, json=body).status_code == status


def test_users_may_not_look(live: LiveServer) -> None:
    with live.http("user") as http:
        assert http.get("/v1/voters").status_code == 403
        assert http.put("/v1/voters/key:a/exclusion", json={"reason": "x"}).status_code == 403
