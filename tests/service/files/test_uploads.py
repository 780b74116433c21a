"""Uploads over the wire: streamed, bounded, whole or not at all."""

from __future__ import annotations

import http.client
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.http_world import LiveServer, light_settings, running, wait_until

LIMIT = 300_000
BOUNDARY = "b0undary"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """Give a server that takes small files only."""
    settings = light_settings(tmp_path_factory.mktemp("small"), None, max_upload_bytes=LIMIT)
    with running(settings) as server:
        yield server


def staged(server: LiveServer) -> list[Path]:
    """Give what lies in the staging folder."""
    return list((server.container.settings.home / "blobs" / "staging").iterdir())


def form(*parts: tuple[str, bytes], end: bool = True) -> bytes:
    """Write a multipart body of raw parts (their Content-Disposition, their content)."""
    body = b"".join(
        f"--{BOUNDARY}\r\nContent-Disposition: {head}\r\n\r\n".encode() + content + b"\r\n" for head, content in parts
    )
    return body + (f"--{BOUNDARY}--\r\n".encode() if end else b"")


def post(server: LiveServer, body: bytes) -> tuple[int, dict[str, str]]:
    """Send a body as a form and give status and error."""
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    with server.http("operator") as http:
        answer = http.post("/v1/files", content=body, headers=headers)
    return answer.status_code, answer.json().get("error", {})


FILE = 'form-data; name="file"; filename="a.md"'


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (form((FILE, b"")), "empty_file"),
        (form(('form-data; name="purpose"', b"assistants")), "missing_required_parameter"),
        (form((FILE, b"x"), (FILE, b"y")), "invalid_value"),
        (form((FILE, b"x" * 5000), end=False), "invalid_value"),
        (form((FILE, b"x"), ('form-data; name="purpose"', b"world domination")), "invalid_value"),
        (form((FILE, b"x"), ('form-data; name="purpose"', b"x" * 5000)), "invalid_value"),
        (form((FILE, b"x"), *((f'form-data; name="f{i}"', b"") for i in range(20))), "invalid_value"),
        (form((FILE, b"x"), ('form-data; name="expires_after[seconds]"', b"3600")), "invalid_value"),
        (form(('form-data; name="file"; filename=""', b"x")), "missing_required_parameter"),
        (b"not a form at all", "invalid_value"),
        (b"", "invalid_value"),
    ],
)
def test_a_bad_form_is_refused_and_leaves_nothing(small: LiveServer, body: bytes, code: str) -> None:
    status, error = post(small, body)
    assert (status, error.get("code")) == (400, code)
    assert staged(small) == []


def test_a_file_of_the_limit_is_taken_and_one_byte_more_is_not(small: LiveServer) -> None:
    assert post(small, form((FILE, b"x" * LIMIT)))[0] == 200
    status, error = post(small, form((FILE, b"x" * (LIMIT + 1))))
    assert (status, error["code"]) == (413, "too_large")
    assert str(LIMIT) in error["message"]
    assert staged(small) == []


def test_the_bytes_come_back_as_they_were(small: LiveServer) -> None:
    content = os.urandom(LIMIT - 1000) + f"\r\n--{BOUNDARY}x\r\n".encode()
    with small.http("operator") as http:
        file = http.post("/v1/files", files={"file": ("../../etc/pass\x00wd", content)}).json()
        answer = http.get(f"/v1/files/{file['id']}/content")
    assert answer.content == content
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not list(small.container.settings.home.rglob("*pass*"))


def test_a_client_that_leaves_midway_leaves_nothing(small: LiveServer) -> None:
    host = small.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=5)
    connection.putrequest("POST", "/v1/files")
    connection.putheader("Authorization", f"Bearer {small.keys['operator']}")
    connection.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
    connection.putheader("Content-Length", str(LIMIT))
    connection.endheaders()
    connection.send(form((FILE, b"x" * 50_000), end=False))
    wait_until(lambda: len(staged(small)) == 1)
    connection.close()
    wait_until(lambda: staged(small) == [])
    with small.http("user") as client:
        assert client.get("/healthz").status_code == 200
