"""A vector store's access list and its move to another embedding model, as the API shows and changes them."""

from __future__ import annotations

import httpx
import pytest

from retrieval.embed.hashing import HashingEmbedder
from retrieval.ingest.ingester import Ingester
from tests.service.http_world import InProcessParser, LiveServer


class Broken(HashingEmbedder):
    """Embeds nothing."""

    def encode(self, *args: object, **more: object) -> None:  # type: ignore[override]
        """Fail as a model does that went away."""
        raise RuntimeError("no such model")


@pytest.fixture
def store(live: LiveServer) -> str:
    """Give a vector store with two documents that are completed."""
    with live.http("operator") as http:
        files = [http.post("/v1/files", files={"file": (f"{i}.md", f"day {i}")}).json()["id"] for i in range(2)]
        made = http.post("/v1/vector_stores", json={"name": "moving", "file_ids": files, "readers": ["group:board"]})
        assert (made.json()["reembedding"], made.json()["readers"]) == (None, ["group:board"])
    live.ingest()
    return f"/v1/vector_stores/{made.json()['id']}"


def found(http: httpx.Client, store: str) -> int:
    """Count what a search finds."""
    return len(http.post(f"{store}/search", json={"query": "day"}).json()["data"])


def test_a_move_is_asked_for_shown_and_ends(live: LiveServer, store: str) -> None:
    waiting = {"target_model": "better", "done": 0, "total": 2, "failed": 0, "last_error": None}
    with live.http("operator") as http:
        moving = http.post(store, json={"embedding_model": "better"}).json()
        assert (moving["embedding_model"], moving["reembedding"]) == ("hashing", waiting)
        assert http.get(store).json()["reembedding"] == waiting
        listed = {item["id"]: item for item in http.get("/v1/vector_stores", params={"limit": 100}).json()["data"]}
        assert listed[moving["id"]]["reembedding"] == waiting
        assert found(http, store) == 2
        live.ingest()
        moved = http.get(store).json()
        assert (moved["embedding_model"], moved["reembedding"]) == ("better", None)
        assert found(http, store) == 2
        http.post(store, json={"embedding_model": "best"})
        abandoned = http.post(store, json={"embedding_model": "better"}).json()
        assert (abandoned["embedding_model"], abandoned["reembedding"]) == ("better", None)


def test_a_move_that_cannot_be_made_says_why(live: LiveServer, store: str) -> None:
    def embedder_for(name: str) -> HashingEmbedder:
        return Broken() if name == "broken" else HashingEmbedder()

    with live.http("operator") as http:
        http.post(store, json={"embedding_model": "broken"})
        worker = Ingester(live.container.catalog, InProcessParser(), embedder_for, worker="test")
        worker.drain(lambda: False)
        shown = http.get(store).json()
        assert shown["embedding_model"] == "hashing"
        assert "broken" in shown["reembedding"]["last_error"]
        assert (shown["reembedding"]["done"], shown["reembedding"]["total"]) == (0, 2)
        assert found(http, store) == 2
        http.post(store, json={"embedding_model": "hashing"})


def test_operators_change_who_reads(live: LiveServer, store: str) -> None:
    with live.http("operator") as http, live.http("user") as user:
        assert user.get(store).status_code == 404
        assert user.post(store, json={"readers": ["*"]}).status_code == 403
        assert http.post(store, json={"readers": ["*"]}).json()["readers"] == ["*"]
        assert user.get(store).json()["readers"] is None
        assert http.post(store, json={"name": "renamed"}).json()["readers"] == ["*"]
        assert http.post(store, json={"readers": ["everyone"]}).status_code == 400
        assert http.post(store, json={"readers": []}).json()["readers"] == []
        assert user.get(store).status_code == 404
