"""Logs: JSON with the request's id, human on a terminal, and silent about secrets."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from service.logs import HumanFormatter, JsonFormatter, mask, request_id, setup_logging
from service.settings import Settings
from tests.service.http_world import LiveServer

SECRET = "gl_0123456789ab_" + "x" * 43


def record(message: str, **extra: object) -> logging.LogRecord:
    """Make a record."""
    made = logging.makeLogRecord({"name": "service.test", "levelname": "INFO", "levelno": 20, "msg": message})
    made.__dict__.update(extra)
    return made


def test_a_json_line_has_the_request_and_what_was_added() -> None:
    token = request_id.set("req-1")
    try:
        entry = json.loads(JsonFormatter().format(record("done", ms=3.5, key="abc")))
    finally:
        request_id.reset(token)
    assert entry["time"].endswith("+00:00")
    del entry["time"]
    assert entry == {
        "level": "info",
        "logger": "service.test",
        "message": "done",
        "request_id": "req-1",
        "ms": 3.5,
        "key": "abc",
    }


@pytest.mark.parametrize("formatter", [JsonFormatter(), HumanFormatter()])
def test_secrets_are_masked_in_messages_extras_and_tracebacks(formatter: logging.Formatter) -> None:
    made = record(f"key {SECRET} at redis://:hunter2@db:6379/0", note=SECRET)
    try:
        raise ValueError(f"cannot use {SECRET}")
    except ValueError:
        made.exc_info = sys.exc_info()
    line = formatter.format(made)
    assert "x" * 43 not in line
    assert "hunter2" not in line
    assert "gl_0123456789ab_***" in line
    assert "ValueError" in line


def test_mask_leaves_ordinary_text_alone() -> None:
    text = "see https://example.org/a:b@c and gl_short, sk-1"
    assert mask(text) == text


@pytest.fixture
def _root_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level


@pytest.mark.usefixtures("_root_as_it_was")
def test_json_goes_to_a_pipe_and_lines_to_a_person() -> None:
    pipe = io.StringIO()
    setup_logging(Settings(), pipe)
    logging.getLogger("service.test").info("hello")
    assert json.loads(pipe.getvalue())["message"] == "hello"
    terminal = io.StringIO()
    setup_logging(Settings(log_format="human"), terminal)
    logging.getLogger("service.test").info("hello", extra={"ms": 1})
    assert terminal.getvalue().rstrip().endswith("service.test: hello  ms=1")


def test_no_request_logs_its_key_or_its_document(live: LiveServer, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="service"), live.http("operator") as http:
        store = http.post("/v1/vector_stores", json={"name": "logged"}).json()["id"]
        file = http.post("/v1/files", files={"file": ("a.md", b"the swordfish paragraph")}).json()["id"]
        http.post(f"/v1/vector_stores/{store}/files", json={"file_id": file})
        live.ingest()
        http.post(f"/v1/vector_stores/{store}/search", json={"query": "marlin question"})
        http.post(
            "/v1/chat/completions", json={"model": "groundloop", "messages": [{"role": "user", "content": "marlin?"}]}
        )
    lines = "\n".join(JsonFormatter().format(made) for made in caplog.records)
    assert '"status": 200' in lines
    for secret in ("swordfish", "marlin", live.keys["operator"]):
        assert secret not in lines
