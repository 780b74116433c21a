"""Bringing local files into a collection of a running server: skip what is there, upload the rest, wait for each.

It can be stopped at any point and run again: what was acknowledged is found by its content hash and not sent twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from service.client.errors import Refused
from service.client.folder import LocalFile, sha256_of
from service.client.http import Json, Server

Outcome = Literal["unchanged", "completed", "failed", "unsupported", "deleted"]
SOURCE, HASH = "source", "sha256"  # attributes of a document that we wrote ourselves
POLL_S = 0.3
IN_FLIGHT = 64  # uploads that may wait for the worker; more would only grow its queue


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of one file."""

    source: str
    outcome: Outcome
    document_id: str | None = None
    reason: str | None = None  # why it failed, for a person

    def as_json(self) -> Json:
        """Give the fields that are set."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class Progress:
    """Who is told how it goes; each is called from the calling thread."""

    uploading: Callable[[LocalFile], None]
    stage: Callable[[str, str, int], None]  # source, stage, percent
    finished: Callable[[FileResult], None]


def find_or_create_collection(server: Server, name: str, attributes: Mapping[str, str] | None = None) -> str:
    """Give the id of the collection with this id or name; make one of that name if there is none."""
    if found := find_collection(server, name):
        return found
    return str(server.call("POST", "/v1/vector_stores", body={"name": name, "metadata": dict(attributes or {})})["id"])


def find_collection(server: Server, name: str) -> str | None:
    """Give the id of the collection with this id or name, None if there is none that we may see."""
    by_name = None
    for store in server.pages("/v1/vector_stores"):
        if store["id"] == name:
            return str(store["id"])
        if store["name"] == name and by_name is None:
            by_name = str(store["id"])
    return by_name


def ingest(
    server: Server,
    collection_id: str,
    files: Sequence[LocalFile],
    progress: Progress,
    *,
    supported: Callable[[Path], bool],
    delete_missing: bool = False,
) -> list[FileResult]:
    """Bring files into a collection and wait until each is searchable or has failed.

    Args:
        server: The running server.
        collection_id: Where the files go.
        files: What to bring.
        progress: Told about each step.
        supported: Tells whether a file is of a kind that can be read at all.
        delete_missing: Also remove documents that an earlier call brought and that are no longer among `files`.

    Returns:
        One result a file, and one for each removal.
    """
    present = _present(server, collection_id)
    run = _Run(server, collection_id, progress)
    for file in files:
        if supported(file.path):
            run.bring(file, present.get(file.source))
        else:
            kind = file.path.suffix or "a name without an ending"
            run.finish(FileResult(file.source, "unsupported", reason=f"{kind} is not supported"))
    run.wait(0)
    if delete_missing:
        kept = {file.source for file in files}
        for source, known in present.items():
            if source not in kept:
                server.call("DELETE", f"/v1/files/{known['id']}")
                run.finish(FileResult(source, "deleted", str(known["id"])))
    return run.results


class _Run:
    """One call of `ingest`: what is in flight and what is done."""

    def __init__(self, server: Server, collection_id: str, progress: Progress) -> None:
        self.results: list[FileResult] = []
        self._server = server
        self._files = f"/v1/vector_stores/{collection_id}/files"
        self._progress = progress
        self._in_flight: dict[str, str] = {}  # document id -> source

    def bring(self, file: LocalFile, known: Json | None) -> None:
        """Send a file unless the server has it, in this content, done or being worked on.

        Args:
            file: The file here.
            known: The newest document of that name there.
        """
        try:
            digest = sha256_of(file.path)
        except OSError as error:
            self.finish(FileResult(file.source, "failed", reason=f"cannot be read: {error.strerror}"))
            return
        if known is not None and known["status"] in ("failed", "cancelled"):
            # Tried anew; its failure would stay in the list for ever.
            self._server.call("DELETE", f"/v1/files/{known['id']}")
        elif known is not None and known["attributes"].get(HASH) == digest:
            if known["status"] == "completed":
                self.finish(FileResult(file.source, "unchanged", str(known["id"])))
            else:
                self.follow(str(known["id"]), file.source)
            return
        self.send(file, digest)

    def send(self, file: LocalFile, digest: str) -> None:
        """Upload and attach one file; a refusal is a result of this file alone."""
        self._progress.uploading(file)
        try:
            with file.path.open("rb") as content:
                uploaded = self._server.upload(content, file.source)
            attributes = {SOURCE: file.source[-512:], HASH: digest}
            self._server.call("POST", self._files, body={"file_id": uploaded["id"], "attributes": attributes})
        except (Refused, OSError) as error:
            self.finish(FileResult(file.source, "failed", reason=str(error)))
            return
        self.follow(str(uploaded["id"]), file.source)
        self.wait(IN_FLIGHT)

    def follow(self, document_id: str, source: str) -> None:
        """Wait for this document too."""
        self._in_flight[document_id] = source

    def finish(self, result: FileResult) -> None:
        """Keep and tell a result."""
        self.results.append(result)
        self._progress.finished(result)

    def wait(self, at_most: int) -> None:
        """Poll until no more than so many documents are in flight."""
        while len(self._in_flight) > at_most:
            # One list for all of them: a request a document would run into the key's rate limit.
            unfinished = {one["id"]: one for one in self._server.pages(self._files, query={"filter": "in_progress"})}
            for document_id, source in list(self._in_flight.items()):
                document = unfinished.get(document_id) or self._server.call("GET", f"{self._files}/{document_id}")
                self._take_in(document_id, source, document)
            if len(self._in_flight) > at_most:
                time.sleep(POLL_S)

    def _take_in(self, document_id: str, source: str, document: Json) -> None:
        status = document["status"]
        if status == "in_progress":
            self._progress.stage(source, str(document.get("stage", "queued")), int(document.get("percent", 0)))
            return
        del self._in_flight[document_id]
        if status == "completed":
            self.finish(FileResult(source, "completed", document_id))
        else:
            error: Any = document.get("last_error") or {}
            self.finish(FileResult(source, "failed", document_id, str(error.get("message", status))))


def _present(server: Server, collection_id: str) -> dict[str, Json]:
    """Give the documents that carry our attributes, the newest of each source."""
    present: dict[str, Json] = {}
    documents: Iterable[Json] = server.pages(f"/v1/vector_stores/{collection_id}/files", query={"order": "asc"})
    for document in documents:
        attributes = document.get("attributes") or {}
        if SOURCE in attributes:
            present[str(attributes[SOURCE])] = document
    return present
