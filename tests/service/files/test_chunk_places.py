"""A citation leads to its document: for those who read the collection, as long as the document is the same."""

from __future__ import annotations

from pathlib import Path

from tests.service.http_world import light_settings, running

TEXT = "# Travel\n\n" + "\n\n".join(f"## Rule {n}\n\nRule {n} says what to do on day {n}. 😀" for n in range(4))


def test_a_chunk_leads_to_its_document_for_readers_until_it_is_replaced(tmp_path: Path) -> None:
    with running(light_settings(tmp_path, None)) as live, live.http("operator") as http:
        store = http.post("/v1/vector_stores", json={"name": "s", "readers": ["group:staff"]}).json()["id"]
        file = http.post("/v1/files", files={"file": ("travel.md", TEXT.encode())}).json()["id"]
        http.post(f"/v1/vector_stores/{store}/files", json={"file_id": file})
        live.ingest()
        found = http.post(f"/v1/vector_stores/{store}/search", json={"query": "day 2"}).json()["data"][0]
        place = http.get(f"/v1/chunks/{found['chunk_id']}").raise_for_status().json()
        assert (place["vector_store_id"], place["file_id"]) == (store, file)
        text = http.get(f"/v1/vector_stores/{place['vector_store_id']}/files/{place['file_id']}/content").json()[
            "data"
        ][0]["text"]
        assert text[place["start_index"] : place["end_index"]] == found["content"][0]["text"]
        with live.http("user") as stranger:
            assert stranger.get(f"/v1/chunks/{found['chunk_id']}").status_code == 404
        for wrong in ("chk_99999", "chk_", "7", "chk_²"):
            assert http.get(f"/v1/chunks/{wrong}").json()["error"]["code"] == "file_not_found"
        again = http.post("/v1/files", files={"file": ("travel.md", TEXT.replace("day", "week").encode())}).json()["id"]
        http.post(f"/v1/vector_stores/{store}/files", json={"file_id": again})
        live.ingest()
        assert http.get(f"/v1/chunks/{found['chunk_id']}").status_code == 404
