"""The whole application on a real port, over a real catalog, index and Redis; only encoder and policy are light."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from openai import OpenAI

from retrieval.catalog import Catalog
from retrieval.embed.hashing import HashingEmbedder
from retrieval.embed.query import QueryEncoder
from retrieval.ingest.ingester import Ingester
from retrieval.parse import ParseLimits, parse_file
from retrieval.search import Searcher
from retrieval.types import Caller, ParsedDocument
from service.access import Role
from service.app import create_app
from service.container import Container
from service.models import Models
from service.policies import PolicyBook
from service.settings import Settings
from training.policy.base import Answer, Delta, Prompt, Sampling

EVERYONE = Caller(reads_all=True)


class FirstSentencePolicy:
    """Answers with the first sentence of the first passage."""

    version = "base-extractive"

    def stream(self, prompt: Prompt, sampling: Sampling) -> Iterator[Delta]:
        """Give the answer in two deltas."""
        answer = self.sample([prompt], 1, sampling)[0][0]
        yield Delta(answer.text)
        yield Delta(answer=answer)

    def sample(
        self, prompts: Sequence[Prompt], n: int, sampling: Sampling, *, cancelled: Callable[[], bool] | None = None
    ) -> list[list[Answer]]:
        """Give the same answer n times."""
        return [[self._answer(prompt, sampling)] * n for prompt in prompts]

    def _answer(self, prompt: Prompt, sampling: Sampling) -> Answer:
        if not prompt.passages:
            return Answer(
                "I could not find that in the documents.", self.version, "stop", sampling, -0.1, 1, abstained=True
            )
        first = prompt.passages[0].text.split(". ")[0].rstrip(".")
        return Answer(f"{first}. [1]", self.version, "stop", sampling, -0.5, 2, prompt_tokens=10, completion_tokens=5)

    def close(self) -> None:
        """Nothing to release."""


class InProcessParser:
    """Parses in this process; the sandbox has its own tests."""

    def parse(self, path: Path, filename: str) -> ParsedDocument:
        """Read the file."""
        return parse_file(path, filename, ParseLimits())


def load_light(settings: Settings, catalog: Catalog) -> Models:
    """Give a real search over a hashing encoder, and a policy that needs no model."""
    encoder = QueryEncoder(HashingEmbedder())
    searcher = Searcher(catalog, settings.home / "indexes", lambda name: encoder)

    def close() -> None:
        searcher.close()
        encoder.close()

    return Models(searcher, PolicyBook([FirstSentencePolicy()], loaded_at=time.time()), close)


class LiveServer:
    """A running server, its keys and its insides."""

    def __init__(self, app: FastAPI, url: str, keys: dict[Role, str]) -> None:
        self.app = app
        self.url = url
        self.keys = keys

    @property
    def container(self) -> Container:
        """The app's container."""
        container: Container = self.app.state.container
        return container

    def http(self, role: Role | None = None, *, key: str | None = None) -> httpx.Client:
        """Give a client with the key of a role, or without one."""
        secret = key or (self.keys[role] if role else None)
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    def openai(self, role: Role = "admin") -> OpenAI:
        """Give the official SDK, which must not hide a failure by trying again."""
        return OpenAI(base_url=f"{self.url}/v1", api_key=self.keys[role], max_retries=0)

    def ingest(self) -> None:
        """Do what the worker does, here and now."""
        embedder = HashingEmbedder()
        Ingester(self.container.catalog, InProcessParser(), lambda name: embedder, worker="test").drain(lambda: False)


@contextlib.contextmanager
def running(settings: Settings, **options: Any) -> Iterator[LiveServer]:
    """Serve the app in a thread until the block ends."""
    app = create_app(settings, load=options.pop("load", load_light))
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=3)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive())
        store = app.state.container.keys
        keys: dict[Role, str] = {
            role: store.create(role, role, requests_per_minute=0)[1] for role in ("user", "operator", "admin")
        }
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        live = LiveServer(app, url, keys)
        if options.get("wait_loaded", True):
            wait_until(lambda: live.container.loaded)
        yield live
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()


def wait_until(condition: Any, timeout_s: float = 20.0) -> None:
    """Wait for a condition; fail when it does not come."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def light_settings(home: Path, redis_url: str | None, **overrides: Any) -> Settings:
    """Settings of a test's server."""
    return Settings(
        home=home,
        redis_url=redis_url,
        embedding_model="hashing",
        sweep_interval_s=overrides.pop("sweep_interval_s", 3600),
        requests_per_minute=overrides.pop("requests_per_minute", 0),
        journal=overrides.pop("journal", False),  # a journal puts back what a test empties out of the shared Redis
        **overrides,
    )
