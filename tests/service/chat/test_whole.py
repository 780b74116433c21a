"""The whole pipeline as it ships: real catalog, index, encoder and embedded policy, behind the whole application."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from retrieval.catalog import Catalog
from retrieval.embed import DEFAULT_MODEL, Embedder
from retrieval.embed.query import QueryEncoder
from retrieval.ingest.ingester import Ingester
from retrieval.search import Searcher
from service.models import Models
from service.policies import PolicyBook
from service.settings import Settings
from tests.service.http_world import EVERYONE, InProcessParser, LiveServer, light_settings, running
from training.policy.extractive import ExtractivePolicy

DOCUMENTS = {
    "vacation.md": "# Vacation\n\nEmployees get 30 days of paid vacation a year. Unused days expire in March.",
    "pump.md": "# The X200 pump\n\nThe X200 pump has a warranty of five years. Clean it with warm water.",
    "berlin.md": "# Berlin office\n\nThe office in Berlin opens at eight in the morning. Visitors park for free.",
    "munich.md": "# Munich office\n\nThe office in Munich opens at seven in the morning. It has no parking.",
}


@pytest.fixture(scope="module")
def whole(
    tmp_path_factory: pytest.TempPathFactory, redis_server: Any, minilm: Embedder
) -> Iterator[tuple[LiveServer, str]]:
    """Serve a collection of a few documents with the models that ship."""

    def load(settings: Settings, catalog: Catalog) -> Models:
        encoder = QueryEncoder(minilm)
        searcher = Searcher(catalog, settings.home / "indexes", lambda name: encoder)

        def close() -> None:
            searcher.close()
            encoder.close()

        return Models(searcher, PolicyBook([ExtractivePolicy(minilm)], loaded_at=0.0), close)

    home: Path = tmp_path_factory.mktemp("whole")
    with running(light_settings(home, redis_server.url), load=load) as live:
        catalog = live.container.catalog
        collection = catalog.create_collection("handbook", embedding_model=DEFAULT_MODEL).collection_id
        for name, text in DOCUMENTS.items():
            staged = catalog.stage_upload()
            staged.write_text(text)
            file = catalog.add_file(staged, filename=name, purpose="assistants", owner="key:test")
            catalog.attach(EVERYONE, collection, file.file_id)
        Ingester(catalog, InProcessParser(), lambda name: minilm, worker="test").drain(lambda: False)
        yield live, collection


@pytest.fixture
def sdk(whole: tuple[LiveServer, str]) -> Iterator[openai.OpenAI]:
    """Give the official client with a user's key."""
    with whole[0].openai("user") as client:
        yield client


def user(*texts: str) -> Any:
    roles = ("user", "assistant")
    return [{"role": roles[i % 2], "content": text} for i, text in enumerate(texts)]


def test_answers_quote_the_source_word_for_word(sdk: openai.OpenAI, whole: tuple[LiveServer, str]) -> None:
    live, collection = whole
    completion: Any = sdk.chat.completions.create(
        model="groundloop", messages=user("How many days of vacation do employees get?")
    )
    message = completion.choices[0].message

    assert "30 days" in message.content
    assert message.context["citations"]
    for citation in message.context["citations"]:
        assert citation["verified"] is True
        source = live.container.catalog.document_text(EVERYONE, collection, citation["document_id"])
        assert source[citation["start_index"] : citation["end_index"]] == citation["content"]
    assert completion.choices[0].answer_id


def test_a_stream_says_the_same_as_the_whole(sdk: openai.OpenAI) -> None:
    messages = user("What is the warranty of the X200 pump?")
    whole: Any = sdk.chat.completions.create(model="groundloop", messages=messages)
    chunks: Any = sdk.chat.completions.create(model="groundloop", messages=messages, stream=True)
    received = list(chunks)

    text = "".join(chunk.choices[0].delta.content or "" for chunk in received)
    assert text == received[-1].choices[0].message["content"] == whole.choices[0].message.content
    assert "five years" in text


def test_follow_ups_are_answered_in_context(sdk: openai.OpenAI) -> None:
    messages = user("When does the office in Berlin open?", "At eight in the morning.", "And in Munich?")
    completion: Any = sdk.chat.completions.create(model="groundloop", messages=messages)

    message = completion.choices[0].message
    assert message.context["intent"] == "When does the office in Munich open?"
    assert "seven" in message.content


def test_what_the_documents_do_not_say_is_not_answered(sdk: openai.OpenAI) -> None:
    completion: Any = sdk.chat.completions.create(
        model="groundloop", messages=user("Who painted the ceiling of the Sistine Chapel?")
    )
    message = completion.choices[0].message

    assert message.context["abstained"] is True
    assert message.context["citations"] == []
    assert message.content == "I could not find that in the documents."


def test_two_answers_can_be_compared(sdk: openai.OpenAI, whole: tuple[LiveServer, str]) -> None:
    completion: Any = sdk.chat.completions.create(
        model="groundloop", messages=user("When does the office in Berlin open?"), n=2
    )
    first, second = completion.choices
    assert first.message.content != second.message.content

    with whole[0].http("user") as client:
        voted = client.post(
            "/v1/preferences", json={"answers": [first.answer_id, second.answer_id], "outcome": "first"}
        )
    assert voted.status_code in (200, 201), voted.text
