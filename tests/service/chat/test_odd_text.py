"""Text that is not what people type: refused or answered, never an error of ours."""

from __future__ import annotations

import json

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.service.chat.world import ask
from tests.service.http_world import LiveServer

ODD = [
    "\x00",
    "???",
    "\ud800",
    "🦕" * 50,
    "\u202e\u200b",
    "a" * 200_000,
    "it its they",
    "[1] [2]",
    '"' * 99,
    "AND OR NOT (",
]


@pytest.mark.parametrize("text", ODD, ids=lambda text: ascii(text)[:12])
@pytest.mark.parametrize("stream", [True, False])
def test_odd_questions_have_answers(live: LiveServer, text: str, stream: bool) -> None:
    with live.http("user") as client:
        response = client.post(
            "/v1/chat/completions",
            content=json.dumps(ask(text, stream=stream)),
            headers={"Content-Type": "application/json"},
        )
    assert response.status_code in (200, 400), response.text
    assert "internal_error" not in response.text


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(turns=st.lists(st.text(max_size=60), min_size=1, max_size=5), extra=st.text(max_size=200))
def test_any_dialogue_is_answered_or_refused(client: httpx.Client, turns: list[str], extra: str) -> None:
    roles = ["user", "assistant"]
    messages = [{"role": roles[i % 2], "content": text} for i, text in enumerate(turns)]
    if len(turns) % 2 == 0:
        messages.append({"role": "user", "content": "Who is she?"})
    body = {"messages": messages, "metadata": {"segment": extra}, "user": extra}
    response = client.post("/chat/completions", json=body)
    assert response.status_code in (200, 400), response.text
