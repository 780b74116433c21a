"""The official client, unchanged, against a real server."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import pytest

from tests.service.chat.world import HANDBOOK, Served, World

MESSAGES: Any = [{"role": "user", "content": "How many days of vacation do employees get?"}]
SENTENCE = "Employees get 30 days of paid vacation a year."


def test_an_answer_cites_what_it_says(sdk: openai.OpenAI) -> None:
    completion: Any = sdk.chat.completions.create(model="groundloop", messages=MESSAGES)

    assert completion.object == "chat.completion"
    assert completion.model == "groundloop@quoting-1"
    [choice] = completion.choices
    assert choice.finish_reason == "stop"
    assert choice.message.content == f"{SENTENCE} [1]"
    assert completion.usage is not None
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens, completion.usage.total_tokens) == (
        11,
        7,
        18,
    )

    context = choice.message.context
    [citation] = context["citations"]
    assert citation["verified"] is True
    start, end = citation["start_index"], citation["end_index"]  # in the document, whose chunk begins at 100
    assert HANDBOOK["chk_1"][start - 100 : end - 100] == citation["content"]
    assert citation["content"] == SENTENCE.rstrip(".")
    assert {"number", "document_id", "chunk_id", "title", "url", "filepath", "score"} <= citation.keys()
    assert context["retrieved"][0]["content"] == HANDBOOK["chk_1"]
    assert context["retrieved"][0]["cited"] is True
    assert {"score", "dense_score", "lexical_score"} <= context["retrieved"][0].keys()

    assert choice.message.annotations is not None
    [annotation] = choice.message.annotations
    place = annotation.url_citation
    assert choice.message.content[place.start_index : place.end_index] == "[1]"
    assert place.title == "Title of chk_1"


def test_a_stream_flows_and_ends_with_the_evidence(sdk: openai.OpenAI) -> None:
    chunks: list[Any] = list(
        sdk.chat.completions.create(
            model="groundloop", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
    )

    assert len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[0].choices[0].context["retrieved"][0]["chunk_id"] == "chk_1"
    *text, final, usage = chunks
    assert "".join(chunk.choices[0].delta.content for chunk in text) == f"{SENTENCE} [1]"
    assert len(text) > 5
    assert all(chunk.choices[0].finish_reason is None and chunk.usage is None for chunk in text)
    choice = final.choices[0]
    assert choice.finish_reason == "stop"
    assert choice.answer_id.startswith("ans_")
    assert choice.delta.context["citations"][0]["verified"] is True
    assert choice.delta.annotations[0]["url_citation"]["title"] == "Title of chk_1"
    assert choice.message["content"] == f"{SENTENCE} [1]"
    assert usage.choices == []
    assert usage.usage.total_tokens == 18


def test_the_stream_helper_of_the_sdk_adds_the_deltas_up(sdk: openai.OpenAI) -> None:
    with sdk.chat.completions.stream(model="groundloop", messages=MESSAGES) as stream:
        completion: Any = stream.get_final_completion()

    message = completion.choices[0].message
    assert message.content == f"{SENTENCE} [1]"
    assert len(message.context["citations"]) == 1


def test_two_answers_differ_and_share_a_prompt(sdk: openai.OpenAI, served: Served, world: World) -> None:
    completion: Any = sdk.chat.completions.create(model="groundloop", messages=MESSAGES, n=2)

    assert [choice.index for choice in completion.choices] == [0, 1]
    texts = [choice.message.content for choice in completion.choices]
    assert texts == [f"{SENTENCE} [1]", "Unused days expire in March. [1]"]
    ids = [choice.answer_id for choice in completion.choices]
    assert len(set(ids)) == 2


def test_two_streamed_answers_carry_their_index(sdk: openai.OpenAI) -> None:
    texts: dict[int, str] = {0: "", 1: ""}
    finals: dict[int, str] = {}
    stream: Any = sdk.chat.completions.create(model="groundloop", messages=MESSAGES, n=2, stream=True)
    for chunk in stream:
        [choice] = chunk.choices
        texts[choice.index] += choice.delta.content or ""
        if choice.finish_reason:
            finals[choice.index] = choice.answer_id

    assert texts == {0: f"{SENTENCE} [1]", 1: "Unused days expire in March. [1]"}
    assert len(set(finals.values())) == 2


def test_the_async_client_streams(served: Served, world: World) -> None:
    async def run() -> str:
        async with openai.AsyncOpenAI(base_url=served.url, api_key=world.key) as client:
            stream: Any = await client.chat.completions.create(model="groundloop", messages=MESSAGES, stream=True)
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    assert asyncio.run(run()) == f"{SENTENCE} [1]"


def test_raw_responses_carry_the_request_id(sdk: openai.OpenAI) -> None:
    raw = sdk.chat.completions.with_raw_response.create(model="groundloop", messages=MESSAGES)

    assert raw.headers["x-request-id"]
    assert raw.headers["content-type"] == "application/json"
    assert raw.parse().choices[0].message.content


def test_errors_become_the_sdks_own(sdk: openai.OpenAI, served: Served) -> None:
    with pytest.raises(openai.NotFoundError, match="groundloop@quoting-1") as missing:
        sdk.chat.completions.create(model="gpt-4o", messages=MESSAGES)
    assert missing.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        sdk.chat.completions.create(model="groundloop", messages=MESSAGES, extra_body={"collections": ["board"]})
    with pytest.raises(openai.BadRequestError, match="role 'user'"):
        sdk.chat.completions.create(model="groundloop", messages=[{"role": "system", "content": "Be kind."}])
    with (
        openai.OpenAI(base_url=served.url, api_key="gl_nobody_x", max_retries=0) as stranger,
        pytest.raises(openai.AuthenticationError),
    ):
        stranger.chat.completions.create(model="groundloop", messages=MESSAGES)


def test_a_version_can_be_pinned(sdk: openai.OpenAI) -> None:
    stream: Any = sdk.chat.completions.create(model="groundloop@slow-1", messages=MESSAGES, stream=True)
    first = next(iter(stream))
    stream.close()

    assert first.model == "groundloop@slow-1"
