"""Signing in and out over HTTP, and what a session's cookie opens; each rule is walked over every route."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from service.access import Role
from tests.service.access.test_routes import GUARDED, ROLES, filled
from tests.service.http_world import LiveServer

FROM_PAGE = {"X-Groundloop-Page": "1"}
UNSAFE = [(method, path) for method, path in GUARDED if method != "GET"]


@contextmanager
def browser(live: LiveServer, role: Role = "user", *, key: str | None = None) -> Iterator[httpx.Client]:
    """Give a client that signed in and sends its cookie alone, as a browser would with no script at work."""
    with live.http() as http:
        answer = http.post("/v1/session", json={"key": key or live.keys[role]})
        assert answer.status_code == 200, answer.text
        yield http


def token(live: LiveServer, http: httpx.Client) -> str:
    return str(http.cookies[live.container.sessions.cookie])


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_signing_in_with_a_key(live: LiveServer) -> None:
    with live.http() as http:
        assert code(http.get("/v1/session")) == (401, "invalid_api_key")
        answer = http.post("/v1/session", json={"key": live.keys["operator"]})
        session = answer.json()
        key_id = live.keys["operator"].split("_")[1]
        assert session.pop("expires_at") == pytest.approx(time.time() + 30 * 86_400, abs=60)
        assert session == {
            "object": "session",
            "role": "operator",
            "key_id": key_id,
            "name": "operator",
            "identity": f"key:{key_id}",
            "segment": None,
            "version": live.app.version,
            "end_user": None,
        }
        told = answer.headers["set-cookie"]
        assert told.startswith(f"{live.container.sessions.cookie}=")
        assert {"HttpOnly", "SameSite=strict", "Path=/", f"Max-Age={30 * 86_400}"} <= set(told.split("; "))
        assert "Secure" not in told
        assert answer.headers["cache-control"] == "no-store"
        assert http.get("/v1/session").json()["role"] == "operator"
        assert http.get("/v1/feedback").status_code == 200
        assert code(http.get("/v1/keys")) == (403, "insufficient_role")
        assert live.keys["operator"] not in answer.text


def test_the_cookie_is_secure_where_the_request_came_by_https(live: LiveServer) -> None:
    with live.http() as http:
        headers = {"X-Forwarded-Proto": "https"}  # by a proxy on this host
        answer = http.post("/v1/session", json={"key": live.keys["user"]}, headers=headers)
    assert "; Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize("body", [{}, {"key": "a", "link": "b"}, {"key": ""}, {"link": 5}, {"password": "x"}, []])
def test_what_is_no_sign_in(live: LiveServer, body: Any) -> None:
    with live.http() as http:
        answer = http.post("/v1/session", json=body)
    assert answer.status_code == 400
    assert "set-cookie" not in answer.headers


def test_a_key_that_is_none(live: LiveServer) -> None:
    with live.http() as http:
        for key in ("gl_0_0", "x", live.keys["user"] + "x"):
            answer = http.post("/v1/session", json={"key": key})
            assert code(answer) == (401, "invalid_api_key")
            assert key not in answer.text
            assert "set-cookie" not in answer.headers


def test_a_link_signs_in_once(live: LiveServer) -> None:
    with live.http("admin") as admin:
        made = admin.post("/v1/session/links")
    assert made.status_code == 201
    assert made.json()["object"] == "session.link"
    assert made.json()["expires_at"] == pytest.approx(time.time() + 900, abs=30)
    address, _, secret = made.json()["url"].partition("#sign-in=")
    assert address == f"{live.url}/"
    with live.http() as http, live.http() as late:
        session = http.post("/v1/session", json={"link": secret}).json()
        assert (session["role"], session["name"]) == ("admin", "admin")
        assert http.get("/v1/keys").status_code == 200
        for spent in (secret, "of-another-home", token(live, http)):
            assert code(late.post("/v1/session", json={"link": spent})) == (401, "link_spent")
        assert not late.cookies


def test_a_link_of_a_key_that_was_revoked_opens_nothing(live: LiveServer) -> None:
    key, secret = live.container.keys.create("leaves", "admin")
    with live.http(key=secret) as leaving:
        link = leaving.post("/v1/session/links").json()["url"].partition("#sign-in=")[2]
    live.container.keys.revoke(key.key_id)
    with live.http() as http:
        assert code(http.post("/v1/session", json={"link": link})) == (401, "link_spent")


def test_signing_out_ends_the_session_everywhere(live: LiveServer) -> None:
    with browser(live) as http, live.http() as thief:
        cookie = {"Cookie": f"{live.container.sessions.cookie}={token(live, http)}"}
        assert thief.get("/v1/session", headers=cookie).status_code == 200
        answer = http.delete("/v1/session", headers=FROM_PAGE)
        assert (answer.status_code, answer.content) == (204, b"")
        assert not http.cookies
        assert code(http.get("/v1/session")) == (401, "invalid_api_key")
        assert code(thief.get("/v1/session", headers=cookie)) == (401, "invalid_api_key")
        assert thief.get("/v1/models", headers=cookie).status_code == 401


def test_a_revoked_key_ends_its_sessions_at_once(live: LiveServer) -> None:
    key, secret = live.container.keys.create("lent")
    with browser(live, key=secret) as http, live.http("admin") as admin:
        assert http.get("/v1/models").status_code == 200
        admin.delete(f"/v1/keys/{key.key_id}")
        assert code(http.get("/v1/models")) == (401, "invalid_api_key")
        assert code(http.get("/v1/session")) == (401, "invalid_api_key")


def test_a_session_ends_no_later_than_its_key(live: LiveServer) -> None:
    ends = time.time() + 1.0
    _, secret = live.container.keys.create("short", expires_at=ends)
    with browser(live, key=secret) as http:
        assert http.get("/v1/session").json()["expires_at"] == int(ends)
        time.sleep(max(0.0, ends - time.time()) + 0.05)
        assert http.get("/v1/models").status_code == 401


def test_the_page_may_ask_who_is_signed_in_without_an_error(live: LiveServer) -> None:
    with live.http() as http:
        nobody = http.get("/v1/session", headers=FROM_PAGE)
        assert (nobody.status_code, nobody.content) == (204, b"")
        ended = http.get("/v1/session", headers={**FROM_PAGE, "Cookie": f"{live.container.sessions.cookie}=x"})
        assert ended.status_code == 204
        wrong = http.get("/v1/session", headers={**FROM_PAGE, "Authorization": "Bearer gl_0_0"})
        assert wrong.status_code == 401


def test_a_key_goes_before_a_cookie(live: LiveServer) -> None:
    with browser(live, "admin") as http:
        own = http.get("/v1/session", headers={"Authorization": f"Bearer {live.keys['user']}"}).json()
        assert (own["role"], own["expires_at"]) == ("user", None)
        assert http.get("/v1/session", headers={"Authorization": "Bearer gl_0_0"}).status_code == 401
        # A key needs no page, with or without a cookie beside it; and it has no session to end.
        assert http.delete("/v1/session", headers={"Authorization": f"Bearer {live.keys['user']}"}).status_code == 204


@pytest.mark.parametrize(("method", "path"), UNSAFE)
def test_nothing_changes_for_what_the_page_did_not_send(live: LiveServer, method: str, path: str) -> None:
    strange = [
        {},
        {"X-Groundloop-Page": "0"},
        {**FROM_PAGE, "Origin": "https://evil.example"},
        {**FROM_PAGE, "Origin": "null"},
        {**FROM_PAGE, "Origin": live.url.replace("http:", "https:") + "0"},
        {**FROM_PAGE, "Sec-Fetch-Site": "cross-site"},
        {**FROM_PAGE, "Sec-Fetch-Site": "same-site", "Origin": live.url},
    ]
    with browser(live, "admin") as http:
        for headers in strange:
            answer = http.request(method, filled(path), headers=headers, json={})
            assert code(answer) == (403, "cross_site"), headers


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_a_session_may_do_what_its_key_may(live: LiveServer, method: str, path: str) -> None:
    least = ROLES.get(f"{method} {path}", "user")
    with browser(live, "user") as http:
        answer = http.request(method, filled(path), headers={**FROM_PAGE, "Origin": live.url}, json={})
    if least == "user":
        assert answer.status_code not in (401, 403), answer.text
    else:
        assert code(answer) == (403, "insufficient_role")


def test_the_browsers_word_counts_where_a_proxy_renamed_the_host(live: LiveServer) -> None:
    with browser(live) as http:
        headers = {**FROM_PAGE, "Origin": "https://assistant.example.org", "Sec-Fetch-Site": "same-origin"}
        assert http.delete("/v1/session", headers=headers).status_code == 204


def test_no_other_site_signs_its_visitors_in(live: LiveServer) -> None:
    with live.http() as http:
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            answer = http.post("/v1/session", json={"key": live.keys["user"]}, headers=headers)
            assert code(answer) == (403, "cross_site")
            assert "set-cookie" not in answer.headers
        # What a form of another site can send is no sign-in either.
        plain = {"Content-Type": "text/plain"}
        assert http.post("/v1/session", content=f'{{"key": "{live.keys["user"]}"}}', headers=plain).status_code == 400


def test_a_session_of_a_key_that_is_not_trusted_names_nobody(live: LiveServer) -> None:
    with browser(live, "user") as user, browser(live, "operator") as operator:
        named = {"X-Groundloop-User": "ada"}
        assert code(user.get("/v1/session", headers=named)) == (403, "not_trusted")
        assert operator.get("/v1/session", headers=named).json()["end_user"] == "ada"


def test_signing_in_counts_as_a_request_of_the_key(live: LiveServer) -> None:
    _, secret = live.container.keys.create("eager", requests_per_minute=2)
    with live.http() as http:
        answers = [http.post("/v1/session", json={"key": secret}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert "set-cookie" not in answers[-1].headers


def test_no_secret_is_logged(live: LiveServer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), live.http("admin") as admin, browser(live) as http:
        link = admin.post("/v1/session/links").json()["url"].partition("#sign-in=")[2]
        with live.http() as linked:
            linked.post("/v1/session", json={"link": link})
            linked.post("/v1/session", json={"link": link, "key": live.keys["user"]})
            secrets = [link, live.keys["user"], token(live, http), token(live, linked)]
    ours = [record for record in caplog.records if not record.name.startswith(("httpcore", "httpx"))]
    said = "\n".join(f"{record.getMessage()} {vars(record)}" for record in ours)
    assert "/v1/session" in said
    assert not [secret for secret in secrets if secret in said]
