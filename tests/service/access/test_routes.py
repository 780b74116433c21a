"""`/v1/keys` and what every route demands of a key. Each rule is walked over every route that the app has."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from service.app import create_app
from service.settings import Settings
from tests.service.http_world import LiveServer

OPEN = {"GET /healthz", "GET /readyz", "GET /", "GET /page/{path}", "POST /v1/session"}
ROLES: dict[str, str] = {  # the least role of each route that is not for every user
    "POST /v1/files": "operator",
    "DELETE /v1/files/{file_id}": "operator",
    "POST /v1/vector_stores": "operator",
    "POST /v1/vector_stores/{vector_store_id}": "operator",
    "DELETE /v1/vector_stores/{vector_store_id}": "operator",
    "POST /v1/vector_stores/{vector_store_id}/files": "operator",
    "POST /v1/vector_stores/{vector_store_id}/files/{file_id}": "operator",
    "DELETE /v1/vector_stores/{vector_store_id}/files/{file_id}": "operator",
    "POST /v1/vector_stores/{vector_store_id}/file_batches": "operator",
    "POST /v1/vector_stores/{vector_store_id}/file_batches/{batch_id}/cancel": "operator",
    "GET /v1/answers/{answer_id}": "operator",
    "GET /v1/feedback": "operator",
    "GET /v1/feedback/missing": "operator",
    "PUT /v1/feedback/missing/{answer_id}": "operator",
    "GET /v1/feedback/{judgement_id}/lineage": "operator",
    "GET /v1/feedback/export": "operator",
    "GET /v1/jobs": "operator",
    "GET /v1/jobs/{job_id}": "operator",
    "POST /v1/jobs/{job_id}/cancel": "operator",
    "POST /v1/jobs/{job_id}/retry": "operator",
    "GET /v1/jobs/{job_id}/log": "operator",
    "GET /v1/trials": "operator",
    "GET /v1/overview": "operator",
    "GET /v1/training/cycles": "operator",
    "POST /v1/training/cycles": "operator",
    "GET /v1/training/cycles/{cycle_id}": "operator",
    "GET /v1/training/cycles/{cycle_id}/series": "operator",
    "GET /v1/training/cycles/{cycle_id}/changes": "operator",
    "GET /v1/training/cycles/{cycle_id}/log": "operator",
    "POST /v1/training/cycles/{cycle_id}/cancel": "operator",
    "GET /v1/voters": "operator",
    "GET /v1/voters/{voter}": "operator",
    "PUT /v1/voters/{voter}/exclusion": "operator",
    "DELETE /v1/voters/{voter}/exclusion": "operator",
    "GET /v1/evaluation/golden": "operator",
    "PUT /v1/evaluation/golden": "operator",
    "DELETE /v1/evaluation/golden": "operator",
    "GET /v1/evaluation/runs": "operator",
    "POST /v1/evaluation/runs": "operator",
    "GET /v1/evaluation/runs/{run_id}": "operator",
    "POST /v1/evaluation/runs/{run_id}/cancel": "operator",
    "GET /v1/versions": "operator",
    "GET /v1/versions/{version}": "operator",
    "POST /v1/versions/rollback": "admin",
    "POST /v1/versions/{version}/promote": "admin",
    "POST /v1/versions/{version}/trial": "admin",
    "DELETE /v1/versions/{version}/trial": "admin",
    "GET /v1/users/{user}/data": "admin",
    "DELETE /v1/users/{user}/data": "admin",
    "GET /metrics": "operator",
    "GET /v1/settings": "admin",
    "POST /v1/session/links": "admin",
    "GET /v1/keys": "admin",
    "POST /v1/keys": "admin",
    "GET /v1/keys/{key_id}": "admin",
    "DELETE /v1/keys/{key_id}": "admin",
}


def routes() -> Iterator[tuple[str, str]]:
    """Give method and path of every route, from the app itself: what OpenAPI hides is walked too."""
    app = create_app(Settings())
    for route in app.routes:
        yield from _flatten(route)


def _flatten(route: Any) -> Iterator[tuple[str, str]]:
    if getattr(route, "methods", None):
        yield from ((method, route.path_format) for method in route.methods - {"HEAD"})
        return
    inner = getattr(route, "effective_candidates", None)  # a router that was included
    assert inner is not None, f"a route that this walk does not know: {route!r}"
    for child in inner():
        yield from _flatten(child)


ALL = sorted(set(routes()))
GUARDED = [(method, path) for method, path in ALL if f"{method} {path}" not in OPEN]


def filled(path: str) -> str:
    """Put something into the path's placeholders."""
    for part in path.split("/"):
        if part.startswith("{"):
            path = path.replace(part, "nothing")
    return path


def test_the_walk_sees_the_whole_app() -> None:
    paths = {path for _, path in ALL}
    assert {"/v1/chat/completions", "/v1/answers/{answer_id}/vote", "/docs", "/openapi.json", "/metrics"} <= paths
    assert set(create_app(Settings()).openapi()["paths"]) <= paths
    assert set(ROLES) <= {f"{method} {path}" for method, path in ALL}


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_no_route_answers_without_a_key(live: LiveServer, method: str, path: str) -> None:
    with live.http() as http:
        for headers in (
            {},
            {"Authorization": "Bearer gl_0_0"},
            {"Authorization": "Bearer"},
            {"Authorization": "Token x"},
        ):
            answer = http.request(method, filled(path), headers=headers)
            assert answer.status_code == 401, (answer.status_code, answer.text)
            assert answer.json()["error"]["type"] == "authentication_error"
            assert answer.headers["www-authenticate"]


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_every_route_wants_its_role(live: LiveServer, method: str, path: str) -> None:
    least = ROLES.get(f"{method} {path}", "user")
    ranks = ["user", "operator", "admin"]
    for role in ("user", "operator"):
        with live.http(role) as http:
            answer = http.request(method, filled(path), json={})
        if ranks.index(role) < ranks.index(least):
            assert answer.status_code == 403, (role, answer.text)
            assert answer.json()["error"]["code"] == "insufficient_role"
        else:
            assert answer.status_code not in (401, 403), (role, answer.text)


def test_health_needs_no_key_and_tells_little(live: LiveServer) -> None:
    with live.http() as http:
        assert http.get("/healthz").json() == {"status": "ok"}
        ready = http.get("/readyz")
    assert ready.status_code == 200
    parts = ready.json()["parts"]
    assert parts.pop("schedule")["state"] == "degraded"  # none runs here
    assert set(parts) == {"catalog", "keys", "search", "policy", "versions", "redis"}
    assert all(part == {"state": "ready", "detail": ""} for part in parts.values())


def test_a_key_is_made_used_listed_and_revoked(live: LiveServer) -> None:
    with live.http("admin") as admin:
        made = admin.post("/v1/keys", json={"name": "lab", "groups": ["science"], "expires_in_s": 60})
        assert made.status_code == 201
        key = made.json()
        assert key["key"].startswith(f"gl_{key['id']}_")
        shown = admin.get(f"/v1/keys/{key['id']}").json()
        assert "key" not in shown
        assert shown["last4"] == key["key"][-4:]
        assert key["key"] not in admin.get("/v1/keys").text
        with live.http(key=key["key"]) as user:
            assert user.get("/v1/models").status_code == 200
            assert admin.delete(f"/v1/keys/{key['id']}").json()["deleted"]
            assert user.get("/v1/models").status_code == 401
        assert admin.get("/v1/keys/nobody").status_code == 404
        assert admin.delete("/v1/keys/nobody").status_code == 404


def test_a_key_cannot_revoke_itself(live: LiveServer) -> None:
    with live.http("admin") as admin:
        own = live.keys["admin"].split("_")[1]
        assert admin.delete(f"/v1/keys/{own}").status_code == 409


def test_docs_take_the_key_from_a_browser(live: LiveServer) -> None:
    basic = base64.b64encode(f"me:{live.keys['user']}".encode()).decode()
    with live.http() as http:
        asked = http.get("/docs")
        assert asked.headers["www-authenticate"].startswith("Basic")
        page = http.get("/docs", headers={"Authorization": f"Basic {basic}"})
        assert page.status_code == 200
        assert "/v1/vector_stores" in page.text
        assert "<script" not in page.text
        # A browser sends Basic along with what other sites ask of it, so it opens nothing else.
        assert http.get("/v1/models", headers={"Authorization": f"Basic {basic}"}).status_code == 401


def test_only_a_trusted_key_names_an_end_user(live: LiveServer) -> None:
    header = {"X-Groundloop-User": "ada"}
    with live.http("user") as user, live.http("operator") as operator:
        assert user.get("/v1/models", headers=header).json()["error"]["code"] == "not_trusted"
        assert operator.get("/v1/models", headers=header).status_code == 200
        assert operator.get("/v1/models", headers={"X-Groundloop-User": "x" * 300}).status_code == 400


def test_a_keys_own_limit_is_held_with_the_time_to_wait(live: LiveServer) -> None:
    _, secret = live.container.keys.create("slow", requests_per_minute=2)
    with live.http(key=secret) as http:
        assert [http.get("/v1/models").status_code for _ in range(2)] == [200, 200]
        refused = http.get("/v1/models")
    assert refused.status_code == 429
    assert refused.json()["error"]["type"] == "rate_limit_error"
    assert 1 <= int(refused.headers["retry-after"]) <= 30
