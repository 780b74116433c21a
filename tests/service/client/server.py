"""A server as the client sees it: the contract's shapes over a dictionary, in memory."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import httpx

from service.client.http import Server


@dataclass
class Fake:
    """Files and collections; documents are done at the second look, or fail when their name says so."""

    stores: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    documents: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    refusals: list[httpx.Response] = field(default_factory=list)  # given first

    def client(self) -> Server:
        """Give a client of it."""
        return Server("http://fake", "gl_key", transport=httpx.MockTransport(self.handle))

    def uploads(self) -> int:
        """Count the uploads so far."""
        return self.requests.count("POST /v1/files")

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        self.requests.append(f"{request.method} {request.url.path}")
        if self.refusals:
            return self.refusals.pop(0)
        assert request.headers["authorization"] == "Bearer gl_key"
        match request.method, request.url.path.removeprefix("/v1/").split("/"):
            case "GET", ["vector_stores"]:
                return listing([{"id": key, "name": name} for key, name in self.stores.items()])
            case "POST", ["vector_stores"]:
                key = f"vs_{len(self.stores)}"
                self.stores[key] = json.loads(request.content)["name"]
                return httpx.Response(200, json={"id": key})
            case "POST", ["files"]:
                name = re.search(rb'filename="([^"]*)"', request.content)
                assert name is not None
                key = f"file_{len(self.files)}"
                self.files[key] = name[1].decode()
                return httpx.Response(200, json={"id": key})
            case "DELETE", ["files", key]:
                self.documents.pop(key, None)
                return httpx.Response(200, json={"id": key, "deleted": True})
            case "POST", ["vector_stores", _, "files"]:
                body = json.loads(request.content)
                document = {
                    "id": body["file_id"],
                    "attributes": body["attributes"],
                    "status": "in_progress",
                    "looks": 0,
                }
                self.documents[body["file_id"]] = document
                return httpx.Response(200, json=document)
            case "GET", ["vector_stores", _, "files"]:
                return self._list(request)
            case "GET", ["vector_stores", _, "files", key]:
                return httpx.Response(200, json=self.documents[key])
        return httpx.Response(404, json={"error": {"message": "no such thing"}})

    def _list(self, request: httpx.Request) -> httpx.Response:
        status = request.url.params.get("filter")
        shown = [one for one in self.documents.values() if status in (None, one["status"])]
        answer = listing([dict(one, stage="embedding", percent=50) for one in shown])
        for one in shown:
            one["looks"] += 1
            if one["status"] == "in_progress" and one["looks"] >= 1:
                bad = "bad" in str(one["attributes"]["source"])
                one["status"] = "failed" if bad else "completed"
                one["last_error"] = {"message": "it is encrypted"} if bad else None
        return answer


def listing(items: list[dict[str, Any]]) -> httpx.Response:
    """Give a list in one page."""
    return httpx.Response(200, json={"object": "list", "data": items, "has_more": False})
