"""A stranger's ids: what a caller may not read looks, on every route, exactly like what does not exist."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from tests.service.http_world import LiveServer

READS = [
    ("GET", "/v1/files/{file}"),
    ("GET", "/v1/files/{file}/content"),
    ("GET", "/v1/vector_stores/{store}"),
    ("GET", "/v1/vector_stores/{store}/files"),
    ("GET", "/v1/vector_stores/{store}/files/{file}"),
    ("GET", "/v1/vector_stores/{store}/files/{file}/content"),
    ("POST", "/v1/vector_stores/{store}/search"),
    ("GET", "/v1/vector_stores/{store}/file_batches/{batch}"),
    ("GET", "/v1/vector_stores/{store}/file_batches/{batch}/files"),
]


@dataclass(frozen=True)
class Board:
    """A store for the board alone, with one document."""

    ids: dict[str, str]
    member: httpx.Client
    stranger: httpx.Client


@pytest.fixture(scope="module")
def board(live: LiveServer) -> Iterator[Board]:
    """Put a secret into a store that only the group `board` reads."""
    with live.http("operator") as operator:
        store = operator.post("/v1/vector_stores", json={"name": "board", "readers": ["group:board"]}).json()["id"]
        upload = {"file": ("secret.md", b"The merger with Initech closes in June.")}
        file = operator.post("/v1/files", files=upload).json()["id"]
        batch = operator.post(f"/v1/vector_stores/{store}/file_batches", json={"file_ids": [file]}).json()["id"]
    live.ingest()
    _, member = live.container.keys.create("member", groups=frozenset({"board"}), requests_per_minute=0)
    ids = {"store": store, "file": file, "batch": batch}
    with live.http(key=member) as inside, live.http("user") as outside:
        yield Board(ids, inside, outside)


def ask(client: httpx.Client, method: str, path: str) -> httpx.Response:
    """Send the request with a body that fits."""
    return client.request(method, path, json={"query": "merger Initech"} if method == "POST" else None)


@pytest.mark.parametrize(("method", "path"), READS)
def test_a_member_reads_and_a_stranger_sees_nothing(board: Board, method: str, path: str) -> None:
    assert ask(board.member, method, path.format(**board.ids)).status_code == 200
    refused = ask(board.stranger, method, path.format(**board.ids))
    unknown = ask(board.stranger, method, path.format(**dict.fromkeys(board.ids, "nothing")))
    assert refused.status_code == unknown.status_code == 404
    shape = dict.fromkeys(board.ids.values(), "")
    told, expected = refused.text, unknown.text
    for name in shape:
        told = told.replace(name, "nothing")
    assert told == expected


def test_lists_leave_out_what_may_not_be_read(board: Board) -> None:
    for path, key in (("/v1/vector_stores", "store"), ("/v1/files", "file")):
        limit = {"limit": 100}
        assert board.ids[key] in [item["id"] for item in board.member.get(path, params=limit).json()["data"]]
        assert board.ids[key] not in [item["id"] for item in board.stranger.get(path, params=limit).json()["data"]]


def test_readers_are_shown_to_operators_only(board: Board, live: LiveServer) -> None:
    path = f"/v1/vector_stores/{board.ids['store']}"
    assert board.member.get(path).json()["readers"] is None
    with live.http("operator") as operator:
        assert operator.get(path).json()["readers"] == ["group:board"]


def test_an_operator_acting_for_a_user_reads_as_that_user(live: LiveServer) -> None:
    with live.http("operator") as operator:
        store = operator.post("/v1/vector_stores", json={"name": "team", "readers": ["group:team"]}).json()["id"]
        path = f"/v1/vector_stores/{store}"
        assert operator.get(path).status_code == 200
        assert operator.get(path, headers={"X-Groundloop-User": "ada"}).status_code == 404
        operator.post(path, json={"readers": ["group:team", "user:ada"]})
        assert operator.get(path, headers={"X-Groundloop-User": "ada"}).status_code == 200
        assert operator.get(path, headers={"X-Groundloop-User": "bob"}).status_code == 404


def test_another_stores_batch_is_unknown(board: Board, live: LiveServer) -> None:
    with live.http("operator") as operator:
        other = operator.post("/v1/vector_stores", json={"name": "other"}).json()["id"]
    path = f"/v1/vector_stores/{other}/file_batches/{board.ids['batch']}"
    assert board.stranger.get(path).status_code == 404
