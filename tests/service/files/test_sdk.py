"""The official SDK, unchanged, over files, vector stores, search and models."""

from __future__ import annotations

import io
import threading
import time

import openai
import pytest
from openai import OpenAI

from tests.service.http_world import LiveServer

HANDBOOK = b"# Vacation\n\nEmployees get thirty days of paid vacation a year. Unused days expire in March.\n"
OFFICE = b"# Office\n\nThe office in Berlin opens at eight. Parking is free for visitors.\n"


@pytest.fixture
def client(live: LiveServer) -> OpenAI:
    """Give the SDK with an admin's key."""
    return live.openai()


def test_a_file_is_uploaded_listed_downloaded_and_deleted(client: OpenAI) -> None:
    file = client.files.create(file=("Handbook ä.md", HANDBOOK), purpose="assistants")
    assert (file.filename, file.bytes, file.object, file.status) == (
        "Handbook ä.md",
        len(HANDBOOK),
        "file",
        "processed",
    )
    assert client.files.retrieve(file.id) == file
    assert file.id in [listed.id for listed in client.files.list(purpose="assistants")]
    assert client.files.content(file.id).read() == HANDBOOK
    assert client.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError, match="file"):
        client.files.retrieve(file.id)


def test_a_file_is_attached_ingested_searched_changed_and_detached(client: OpenAI, live: LiveServer) -> None:
    store = client.vector_stores.create(name="handbook", metadata={"team": "people"})
    assert (store.object, store.status, store.file_counts.total, store.metadata) == (
        "vector_store",
        "completed",
        0,
        {"team": "people"},
    )
    file = client.files.create(file=("vacation.md", HANDBOOK), purpose="assistants")
    queued = client.vector_stores.files.create(store.id, file_id=file.id, attributes={"year": 2024, "draft": False})
    assert (queued.status, queued.last_error) == ("in_progress", None)
    assert client.vector_stores.retrieve(store.id).status == "in_progress"

    live.ingest()
    document = client.vector_stores.files.retrieve(file.id, vector_store_id=store.id)
    assert document.status == "completed"
    [content] = client.vector_stores.files.content(file.id, vector_store_id=store.id)
    assert "thirty days" in str(content.text)

    [found] = client.vector_stores.search(store.id, query="how many days of vacation", max_num_results=3)
    assert (found.file_id, found.filename) == (file.id, "vacation.md")
    assert "thirty days" in found.content[0].text
    assert found.attributes == {"year": 2024, "draft": False}

    kept = {"type": "eq", "key": "year", "value": 2023}
    assert client.vector_stores.search(store.id, query="vacation", filters=kept).data == []  # type: ignore[arg-type]
    client.vector_stores.files.update(file.id, vector_store_id=store.id, attributes={"year": 2023})
    assert len(client.vector_stores.search(store.id, query="vacation", filters=kept).data) == 1  # type: ignore[arg-type]

    assert client.vector_stores.files.delete(file.id, vector_store_id=store.id).deleted
    assert client.vector_stores.search(store.id, query="vacation").data == []
    assert client.vector_stores.delete(store.id).deleted


def test_stores_and_their_files_are_paged_through(client: OpenAI, live: LiveServer) -> None:
    made = [client.vector_stores.create(name=f"page {i}").id for i in range(5)]
    seen = [store.id for store in client.vector_stores.list(limit=2)]
    assert [store_id for store_id in seen if store_id in made] == made[::-1]
    files = [client.files.create(file=(f"{i}.md", HANDBOOK), purpose="assistants").id for i in range(5)]
    for file_id in files:
        client.vector_stores.files.create(made[0], file_id=file_id)
    assert [file.id for file in client.vector_stores.files.list(made[0], limit=2, order="asc")] == files
    live.ingest()
    done = client.vector_stores.files.list(made[0], limit=2, filter="completed")
    assert [file.id for file in done] == files[::-1]
    assert client.vector_stores.files.list(made[0], filter="failed").data == []


def test_a_store_is_renamed_and_made_with_files(client: OpenAI) -> None:
    file = client.files.create(file=("a.md", HANDBOOK), purpose="user_data")
    store = client.vector_stores.create(name="one", file_ids=[file.id])
    assert store.file_counts.in_progress == 1
    renamed = client.vector_stores.update(store.id, name="two", metadata={"a": "b"})
    assert (renamed.name, renamed.metadata) == ("two", {"a": "b"})


def test_the_polling_helpers_come_to_an_end(client: OpenAI, live: LiveServer) -> None:
    store = client.vector_stores.create(name="polled")
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            live.ingest()
            time.sleep(0.05)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        one = client.vector_stores.files.upload_and_poll(vector_store_id=store.id, file=("one.md", HANDBOOK))
        assert one.status == "completed"
        batch = client.vector_stores.file_batches.upload_and_poll(
            store.id, files=[("two.md", io.BytesIO(OFFICE)), ("bad.pdf", io.BytesIO(b"%PDF-1.4 broken"))]
        )
    finally:
        stop.set()
        worker.join()
    assert (batch.status, batch.file_counts.completed, batch.file_counts.failed) == ("completed", 1, 1)
    [bad] = client.vector_stores.file_batches.list_files(batch.id, vector_store_id=store.id, filter="failed")
    assert bad.last_error is not None
    assert bad.last_error.code == "invalid_file"
    assert len(bad.last_error.message) > 10


def test_a_batch_is_cancelled(client: OpenAI) -> None:
    store = client.vector_stores.create(name="cancelled")
    files = [client.files.create(file=(f"{i}.md", OFFICE), purpose="assistants").id for i in range(3)]
    batch = client.vector_stores.file_batches.create(store.id, file_ids=files)
    assert (batch.status, batch.file_counts.in_progress) == ("in_progress", 3)
    cancelled = client.vector_stores.file_batches.cancel(batch.id, vector_store_id=store.id)
    assert (cancelled.status, cancelled.file_counts.cancelled) == ("cancelled", 3)


def test_models_are_listed_and_looked_at(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["groundloop", "groundloop@base-extractive"]
    assert client.models.retrieve("groundloop@base-extractive").owned_by == "groundloop"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-4o")


def test_the_sdk_sees_our_errors_as_its_own(client: OpenAI, live: LiveServer) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        client.vector_stores.search("vs_nothing", query="x")
    assert missing.value.code == "vector_store_not_found"
    with pytest.raises(openai.BadRequestError) as empty:
        client.files.create(file=("empty.md", b""), purpose="assistants")
    assert (empty.value.code, empty.value.param) == ("empty_file", "file")
    with pytest.raises(openai.AuthenticationError):
        OpenAI(base_url=f"{live.url}/v1", api_key="gl_no_key", max_retries=0).models.list()
    with pytest.raises(openai.PermissionDeniedError):
        live.openai("user").files.create(file=("a.md", HANDBOOK), purpose="assistants")
