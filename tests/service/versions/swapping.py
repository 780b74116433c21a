"""A served collection in which every version finds another document first, and clients that notice (`finding.py`)."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from service.models import load_models
from tests.service.http_world import LiveServer, light_settings, running
from tests.service.versions.finding import DOCUMENTS, QUESTION


def fill(server: LiveServer) -> None:
    """Put the documents into a collection."""
    with server.http("operator") as http:
        files = [
            http.post("/v1/files", files={"file": (f"{number}.md", text)}).json()["id"]
            for number, text in enumerate(DOCUMENTS)
        ]
        made = http.post("/v1/vector_stores", json={"name": "things", "file_ids": files, "readers": ["*"]})
        assert made.status_code in (200, 201), made.text
    server.ingest()


@contextlib.contextmanager
def serving(home: Path, redis_url: str | None, **overrides: Any) -> Iterator[LiveServer]:
    """Serve the documents with the extractive policy on the encoder without weights, following the registry."""
    settings = light_settings(home, redis_url, **overrides)
    with running(settings, load=load_models) as server:
        fill(server)
        yield server


@dataclass
class Seen:
    """What clients saw."""

    answers: list[tuple[str, int]] = field(default_factory=list)  # version that answered, document that was found
    failures: list[str] = field(default_factory=list)

    @property
    def versions(self) -> set[str]:
        """Every version that answered."""
        return {version for version, _ in self.answers}


def ask(http: httpx.Client, seen: Seen, *, stream: bool, user: str = "somebody", **more: Any) -> None:
    """Ask once and note which version answered and what was found; whatever goes wrong is a failure."""
    body = {"messages": [{"role": "user", "content": QUESTION}], "stream": stream, **more}
    try:
        answer = http.post("/v1/chat/completions", json=body, headers={"X-Groundloop-User": user})
    except httpx.HTTPError as error:
        seen.failures.append(repr(error))
        return
    if answer.status_code != 200:
        seen.failures.append(f"{answer.status_code}: {answer.text[:200]}")
        return
    note = _streamed(answer.text) if stream else _whole(answer.json())
    if note is None:
        seen.failures.append(answer.text[-300:])
    else:
        seen.answers.append(note)


@contextlib.contextmanager
def asking(server: LiveServer, clients: int = 4) -> Iterator[Seen]:
    """Ask all the time from several clients, half of them by stream, until the block ends."""
    seen, stop = Seen(), threading.Event()

    def client(number: int) -> None:
        with server.http("operator") as http:
            while not stop.is_set():
                ask(http, seen, stream=number % 2 == 0, user=f"user-{number}")

    with ThreadPoolExecutor(clients) as pool:
        jobs = [pool.submit(client, number) for number in range(clients)]
        try:
            yield seen
        finally:
            stop.set()
            for job in jobs:
                job.result()


def until(condition: Any, limit_s: float = 150.0) -> None:
    """Wait for something that comes within a second; the bound is against hanging only."""
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def _whole(answer: dict[str, Any]) -> tuple[str, int]:
    found = answer["choices"][0]["message"]["context"]["retrieved"][0]["filepath"]
    return answer["system_fingerprint"], int(found.removesuffix(".md"))


def _streamed(text: str) -> tuple[str, int] | None:
    events = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    if not events or events[-1] != "[DONE]":
        return None
    chunks = [json.loads(event) for event in events[:-1]]
    if any("error" in chunk for chunk in chunks):
        return None
    versions = {chunk["system_fingerprint"] for chunk in chunks}
    finals = [choice["message"] for chunk in chunks for choice in chunk["choices"] if choice.get("message")]
    if len(versions) != 1 or len(finals) != 1:
        return None
    found = finals[0]["context"]["retrieved"][0]["filepath"]
    return versions.pop(), int(found.removesuffix(".md"))
