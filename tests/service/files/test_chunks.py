"""The chunks of a document over HTTP: in pages, where they stand in the text, for readers alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.service.http_world import LiveServer, light_settings, running

TEXT = "# Travel\n\n" + "\n\n".join(
    f"## Rule {number}\n\n" + f"Rule {number} says what to do on day {number}. " * 12 for number in range(8)
)


@dataclass
class Shelf:
    """A server with one document that one group reads."""

    live: LiveServer
    path: str
    reader: str


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    with running(light_settings(tmp_path_factory.mktemp("chunks"), None)) as live, live.http("operator") as http:
        store = http.post("/v1/vector_stores", json={"name": "s", "readers": ["group:staff"]}).json()["id"]
        file = http.post("/v1/files", files={"file": ("travel.md", TEXT.encode())}).json()["id"]
        http.post(f"/v1/vector_stores/{store}/files", json={"file_id": file})
        _, secret = live.container.keys.create("reader", groups=["staff"], requests_per_minute=0)
        yield Shelf(live, f"/v1/vector_stores/{store}/files/{file}", secret)


def test_before_it_is_completed_there_are_none_and_then_pages(shelf: Shelf) -> None:
    with shelf.live.http(key=shelf.reader) as http:
        empty = http.get(f"{shelf.path}/chunks").json()
        assert (empty["object"], empty["data"], empty["has_more"], empty["last_id"]) == ("list", [], False, None)
        shelf.live.ingest()
        text = http.get(f"{shelf.path}/content").json()["data"][0]["text"]
        whole = http.get(f"{shelf.path}/chunks", params={"limit": 100}).json()
        assert len(whole["data"]) == http.get(shelf.path).json()["chunk_count"] > 2
        paged = []
        after: dict[str, str] = {}
        while True:
            page = http.get(f"{shelf.path}/chunks", params={"limit": 2, **after}).json()
            paged += page["data"]
            if not page["has_more"]:
                break
            after = {"after": page["last_id"]}
    assert paged == whole["data"]
    assert [chunk["position"] for chunk in paged] == list(range(len(paged)))
    for chunk in paged:
        assert text[chunk["start_index"] : chunk["end_index"]] == chunk["content"]
        assert chunk["object"] == "vector_store.file.chunk"
        assert chunk["heading_path"][0].startswith("Rule")


def test_who_may_not_read_finds_no_document(shelf: Shelf) -> None:
    for role, status in (("user", 404), ("operator", 200)):
        with shelf.live.http(role) as http:  # type: ignore[arg-type]
            assert http.get(f"{shelf.path}/chunks").status_code == status
    with shelf.live.http("operator") as http:
        acting = http.get(f"{shelf.path}/chunks", headers={"X-Groundloop-User": "jane"})
        assert acting.json()["error"]["code"] == "vector_store_not_found"
        wrong = http.get(f"{shelf.path}/chunks", params={"after": "chk_999999"})
        assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "after")
