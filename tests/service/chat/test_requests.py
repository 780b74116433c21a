"""What a request may say, and what it is told when it may not."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.service.chat.world import World, ask

Q = "How many days of vacation do employees get?"
PATH = "/chat/completions"


def content(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(parts)}]


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {}}}

REFUSED = [
    ({"messages": []}, "messages", "empty"),
    ({"messages": [{"role": "assistant", "content": "Hi"}]}, "messages", "role 'user'"),
    ({"messages": [{"role": "user", "content": "  "}]}, "messages", "last message is empty"),
    ({"messages": [{"role": "user", "content": None}]}, "messages.0.content", "must be a string"),
    ({"messages": [{"role": "robot", "content": "x"}]}, "messages.0.role", "developer"),
    ({"messages": content(IMAGE)}, "messages.0.content", "image_url"),
    ({"messages": [{"role": "tool", "content": "x", "tool_call_id": "1"}]}, "messages.0", "Tools are not supported"),
    ({"tools": [TOOL]}, None, "Tools and functions"),
    ({"response_format": {"type": "json_object"}}, None, "response_format 'json_object'"),
    ({"logprobs": True}, None, "log-probabilities"),
    ({"n": 5}, "n", "less than or equal to 4"),
    ({"n": 0}, "n", "greater than or equal to 1"),
    ({"temperature": 3}, "temperature", "less than or equal to 2"),
    ({"top_p": 0}, "top_p", "greater than 0"),
    ({"max_tokens": 0}, "max_tokens", "greater than or equal to 1"),
    ({"collections": []}, "collections", "at least one"),
    ({"metadata": {"segment": "x" * 200}}, "metadata.segment", "128"),
]


@pytest.mark.parametrize(("more", "param", "says"), REFUSED, ids=lambda value: str(value)[:40])
def test_what_cannot_work_is_refused_with_what_would(
    client: httpx.Client, more: dict[str, Any], param: str | None, says: str
) -> None:
    response = client.post(PATH, json={**ask(Q), **more})

    assert response.status_code == 400, response.text
    error = response.json()["error"]
    assert says in error["message"]
    if param is not None:
        assert error["param"].startswith(param)


def test_openais_other_fields_are_let_through(client: httpx.Client) -> None:
    more = {
        "frequency_penalty": 0.1,
        "parallel_tool_calls": True,
        "tools": [],
        "tool_choice": "none",
        "response_format": {"type": "text"},
        "reasoning_effort": "low",
        "logit_bias": {},
        "stop": ["END"],
        "seed": 7,
        "max_completion_tokens": 50,
        "brand_new_field": {"a": 1},
    }
    assert client.post(PATH, json={**ask(Q), **more}).status_code == 200


def test_text_parts_are_read(client: httpx.Client) -> None:
    parts = content({"type": "text", "text": "How many days of"}, {"type": "text", "text": "vacation?"})
    response = client.post(PATH, json={"messages": parts})
    assert "30 days" in response.json()["choices"][0]["message"]["content"]


def test_a_follow_up_is_searched_for_in_its_self_contained_form(client: httpx.Client, world: World) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is Groundloop?"},
        {"role": "assistant", "content": "A server. [1]"},
        {"role": "user", "content": "How is it installed?"},
    ]
    body = client.post(PATH, json={"messages": messages}).json()

    assert world.words.queries == ["How is Groundloop installed?"]
    message = body["choices"][0]["message"]
    assert message["context"]["intent"] == "How is Groundloop installed?"
    assert "make up" in message["content"]


def test_nothing_found_is_an_honest_answer(client: httpx.Client) -> None:
    for question in ("zzz qqq", "An unanswerable question on vacation"):
        choice = client.post(PATH, json=ask(question)).json()["choices"][0]
        assert choice["finish_reason"] == "stop"
        assert choice["message"]["context"]["abstained"] is True
        assert choice["message"]["context"]["citations"] == choice["message"]["annotations"] == []
        assert "could not find" in choice["message"]["content"]
        assert choice["answer_id"]


def test_an_invented_claim_is_marked_and_an_invented_source_dropped(client: httpx.Client) -> None:
    message = client.post(PATH, json=ask("Please invent something on vacation")).json()["choices"][0]["message"]

    assert [citation["verified"] for citation in message["context"]["citations"]] == [False]
    assert "[9]" not in message["content"]


def test_only_the_callers_collections_are_searched(client: httpx.Client, world: World) -> None:
    hidden = client.post(PATH, json=ask("When does the merger with Initech close?")).json()["choices"][0]
    assert hidden["message"]["context"]["abstained"] is True

    refused = client.post(PATH, json=ask(Q, collections=["handbook", "board"]))
    assert refused.status_code == 404
    assert refused.json()["error"]["code"] == "vector_store_not_found"

    secret = world.keys.create("director", groups=frozenset({"board"}))[1]
    headers = {"Authorization": f"Bearer {secret}"}
    seen = client.post(
        PATH, json=ask("When does the merger with Initech close?", collections=["board"]), headers=headers
    )
    assert "June" in seen.json()["choices"][0]["message"]["content"]


def test_no_key_no_answer(client: httpx.Client) -> None:
    assert client.post(PATH, json=ask(Q), headers={"Authorization": ""}).status_code == 401
