"""The one error shape, on every route and for every kind of mistake."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
import redis.exceptions

from retrieval import errors as retrieval_errors
from service.errors import ApiError, as_api_error
from tests.service.access.test_routes import ALL, filled
from tests.service.http_world import LiveServer
from training.policy.base import PolicyUnavailable, PromptTooLong


def check(answer: httpx.Response, status: int) -> dict[str, Any]:
    """Assert the envelope and give what is in it."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert isinstance(body["error"]["message"], str)
    assert body["error"]["message"]
    assert isinstance(body["error"]["type"], str)
    if status in (429, 503):
        assert int(answer.headers["retry-after"]) >= 1
    return dict(body["error"])


@pytest.mark.parametrize(("method", "path"), [pair for pair in ALL if pair[1] not in ("/healthz", "/readyz")])
def test_every_route_refuses_nonsense_in_the_one_shape(live: LiveServer, method: str, path: str) -> None:
    with live.http("admin") as http:
        if method in ("POST", "PUT"):
            for body in (b"{", b"[]", b'{"unknown": 1', b"\xff\xfe"):
                answer = http.request(method, filled(path), content=body, headers={"Content-Type": "application/json"})
                assert 400 <= answer.status_code < 500, (answer.status_code, answer.text)
                check(answer, answer.status_code)
        else:
            answer = http.request(method, filled(path), params={"limit": "many", "order": "up"})
            if answer.is_error:
                check(answer, answer.status_code)
        wrong = http.request("PATCH", filled(path))
        check(wrong, 405)
        assert wrong.headers["allow"]


@pytest.mark.parametrize(
    ("method", "path", "body", "param", "says"),
    [
        ("POST", "/v1/keys", {}, "name", "required"),
        ("POST", "/v1/keys", {"name": "a", "role": "king"}, "role", "operator"),
        ("POST", "/v1/keys", {"name": "a", "rolle": "user"}, "rolle", "not permitted"),
        ("POST", "/v1/vector_stores", {"name": 7}, "name", "string"),
        ("POST", "/v1/vector_stores", {"id": "../x"}, "collection_id", "letters"),
        (
            "POST",
            "/v1/vector_stores",
            {"expires_after": {"anchor": "last_active_at", "days": 1}},
            "expires_after",
            "delete",
        ),
        ("POST", "/v1/vector_stores", {"metadata": {"a": "x" * 600}}, "attributes", "512"),
        ("GET", "/v1/vector_stores?limit=0", None, "limit", "greater"),
        ("GET", "/v1/vector_stores?after=nothing", None, "after", "nothing"),
        ("GET", "/v1/vector_stores?before=x", None, "before", "after"),
        ("GET", "/v1/files?order=up", None, "order", "asc"),
        ("GET", "/v1/jobs?after=nothing", None, "after", "job"),
        ("POST", "/v1/vector_stores/x/search", {"query": ""}, "query", "character"),
        ("POST", "/v1/vector_stores/x/search", {"query": "a", "max_num_results": 51}, "max_num_results", "50"),
        ("POST", "/v1/vector_stores/x/search", {"query": "a", "filters": {"type": "like"}}, "filters", "eq"),
        ("POST", "/v1/vector_stores/x/file_batches", {}, "file_ids", "files"),
    ],
)
def test_a_bad_value_is_named_with_what_would_be_right(
    live: LiveServer, method: str, path: str, body: object, param: str, says: str
) -> None:
    with live.http("admin") as http:
        error = check(http.request(method, path, json=body), 400)
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert says in error["message"]


def test_an_unknown_route_and_a_missing_thing(live: LiveServer) -> None:
    with live.http("admin") as http:
        assert check(http.get("/v2/nothing"), 404)["code"] == "not_found"
        assert check(http.get("/v1/vector_stores/nothing"), 404)["code"] == "vector_store_not_found"
        assert check(http.get("/v1/jobs/nothing"), 404)["code"] == "job_not_found"


def test_a_large_body_is_refused_with_and_without_its_length(live: LiveServer) -> None:
    limit = live.container.settings.max_body_bytes
    with live.http("admin") as http:
        check(http.post("/v1/keys", content=b" " * (limit + 1)), 413)
        chunked = (b" " * 65536 for _ in range(limit // 65536 + 2))
        check(http.post("/v1/keys", content=chunked, headers={"Content-Type": "application/json"}), 413)


def test_a_bug_is_a_500_that_hides_its_details(live: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the secret detail")

    monkeypatch.setattr(live.container.catalog, "files", broken)
    with live.http("admin") as http:
        answer = http.get("/v1/files", headers={"X-Request-Id": "req-42"})
    error = check(answer, 500)
    assert "secret" not in answer.text
    assert "req-42" in error["message"]
    assert answer.headers["x-request-id"] == "req-42"


def test_a_strange_request_id_is_replaced(live: LiveServer) -> None:
    with live.http() as http:
        assert http.get("/healthz", headers={"X-Request-Id": "a b"}).headers["x-request-id"] != "a b"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (retrieval_errors.CollectionNotFound("x"), 404, "vector_store_not_found"),
        (retrieval_errors.DocumentNotFound("x"), 404, "file_not_found"),
        (retrieval_errors.Conflict("x"), 409, "conflict"),
        (retrieval_errors.InvalidInput("x", param="p"), 400, "invalid_value"),
        (retrieval_errors.ParseError("encrypted_file", "x"), 400, "encrypted_file"),
        (retrieval_errors.StorageFull("x"), 503, "storage_unavailable"),
        (PolicyUnavailable("x", retry_after_s=9), 503, "policy_unavailable"),
        (PromptTooLong("x"), 400, "context_length_exceeded"),
        (redis.exceptions.ConnectionError("x"), 503, "redis_unavailable"),
        (redis.exceptions.TimeoutError("x"), 503, "redis_unavailable"),
        (redis.exceptions.ResponseError("OOM command not allowed"), 503, "redis_unavailable"),
        (redis.exceptions.ResponseError("MISCONF disk"), 503, "redis_unavailable"),
        (redis.exceptions.ReadOnlyError("x"), 503, "redis_unavailable"),
    ],
)
def test_errors_of_the_floors_below_get_their_status(error: Exception, status: int, code: str) -> None:
    translated = as_api_error(error)
    assert translated is not None
    assert (translated.status, translated.code) == (status, code)
    assert json.dumps(translated.body())
    assert ("Retry-After" in translated.headers()) == (status == 503)


@pytest.mark.parametrize(
    "error", [KeyError("x"), redis.exceptions.ResponseError("WRONGTYPE"), retrieval_errors.IndexCorrupt("x")]
)
def test_what_is_a_bug_stays_one(error: Exception) -> None:
    assert as_api_error(error) is None


def test_the_defaults_of_an_error() -> None:
    error = ApiError(429, "slow down")
    assert error.body() == {
        "error": {"message": "slow down", "type": "rate_limit_error", "param": None, "code": "rate_limit_exceeded"}
    }
    assert error.headers() == {"Retry-After": "1"}
