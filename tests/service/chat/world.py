"""A chat over a small world: the real routes, keys, record and citations over a search by shared words.

Its policies are made to be watched: one quotes, one is slow.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import uvicorn
from fastapi import FastAPI
from redis.asyncio import Redis

from retrieval.errors import CollectionNotFound, DocumentNotFound
from retrieval.types import Caller, Passage
from service.access.keys import KeyStore
from service.chat.drain import on_stop_signal
from service.chat.options import ChatOptions
from service.chat.routes import router
from service.chat.service import ChatService
from service.chat.words import topical
from service.container import Container
from service.error_handlers import install_error_handlers
from service.feedback.answers import AnswerStore
from service.limits import RateLimits
from service.metrics import Metrics
from service.policies import PolicyBook
from service.requests import RequestMiddleware
from service.settings import Settings
from service.watch.tally import Tally
from training.policy.base import ABSTENTION, Answer, Delta, Prompt, Sampling, SamplingCancelled, ServingPolicy

HANDBOOK = {
    "chk_1": "Employees get 30 days of paid vacation a year. Unused days expire in March.",
    "chk_2": "The office in Berlin opens at 8 am. Parking is free for visitors.",
    "chk_3": "Groundloop is installed with make up. It needs Python 3.11 and a package index.",
}
SECRET = {"chk_9": "The merger with Initech closes in June."}


def passage(chunk_id: str, text: str, collection_id: str, score: float) -> Passage:
    """Make a passage of a document of its own."""
    return Passage(
        chunk_id=chunk_id,
        document_id="file-" + chunk_id,
        collection_id=collection_id,
        filename=f"{chunk_id}.md",
        title=f"Title of {chunk_id}",
        url=None,
        text=text,
        start=100,
        end=100 + len(text),
        page_start=1,
        page_end=1,
        heading_path=(),
        attributes={},
        score=score,
        dense_score=score / 2,
        lexical_score=score * 3,
    )


class WordSearcher:
    """Finds passages that share topical words with the query, inside what the caller may read."""

    def __init__(self, collections: Mapping[str, tuple[frozenset[str], Mapping[str, str]]]) -> None:
        self.collections = collections
        self.queries: list[str] = []
        self.delay_s = 0.0

    def readable_collections(self, caller: Caller) -> list[Any]:
        """Give what a caller may read, as the catalog does."""
        return [
            SimpleNamespace(collection_id=n) for n, (readers, _) in self.collections.items() if caller.may_read(readers)
        ]

    def collection(self, caller: Caller, collection_id: str) -> Any:
        """Give who may read a collection, as the catalog does."""
        readers, _ = self.collections.get(collection_id, (frozenset(), {}))
        if not caller.may_read(readers):
            raise CollectionNotFound(f"no collection {collection_id!r}")
        return SimpleNamespace(readers=readers)

    def chunk(self, caller: Caller, chunk_id: str) -> Passage:
        """Give a chunk that a caller may read, as the catalog does."""
        for name, (readers, texts) in self.collections.items():
            if chunk_id in texts and caller.may_read(readers):
                return passage(chunk_id, texts[chunk_id], name, 0.0)
        raise DocumentNotFound(f"no chunk {chunk_id!r}")

    async def asearch(
        self, caller: Caller, query: str, *, collections: Sequence[str] | None = None, k: int = 10, **_: Any
    ) -> list[Passage]:
        """Search as the real one does."""
        self.queries.append(query)
        await asyncio.sleep(self.delay_s)
        readable = [name for name, (readers, _) in self.collections.items() if caller.may_read(readers)]
        for name in collections or ():
            if name not in readable:
                raise CollectionNotFound(f"no collection {name!r} that you may read")
        wanted = set(topical(query))
        found = [
            passage(chunk_id, text, name, len(shared) / len(wanted))
            for name in (collections if collections is not None else readable)
            for chunk_id, text in self.collections[name][1].items()
            if (shared := wanted & set(topical(text)))
        ]
        return sorted(found, key=lambda item: -item.score)[:k]


class QuotingPolicy:
    """Answers with the first sentence of the best passage; the second answer with its second sentence, and so on."""

    version = "quoting-1"

    def stream(self, prompt: Prompt, sampling: Sampling) -> Iterator[Delta]:
        """Give the answer word by word."""
        answer = self.sample([prompt], 1, sampling)[0][0]
        for word in answer.text.split(" "):
            yield Delta(word if answer.text.startswith(word) else " " + word)
        yield Delta(answer=answer)

    def sample(
        self, prompts: Sequence[Prompt], n: int, sampling: Sampling, *, cancelled: Callable[[], bool] | None = None
    ) -> list[list[Answer]]:
        """Give n different sentences."""
        return [[self._answer(prompt, i, sampling) for i in range(n)] for prompt in prompts]

    def _answer(self, prompt: Prompt, i: int, sampling: Sampling) -> Answer:
        if "unanswerable" in prompt.question:
            return Answer(ABSTENTION, self.version, "stop", sampling, -0.1, 1, abstained=True)
        text = prompt.passages[0].text.split(". ")[i].rstrip(".") + ". [1]"
        if "invent" in prompt.question:
            text = "The moon is made of 17 cheeses. [1] [9]"
        return Answer(
            text, self.version, "stop", sampling, -1.5, 2, prompt_tokens=11, completion_tokens=7, actions=(0, -1)
        )

    def close(self) -> None:
        """Nothing to release."""


class SlowPolicy:
    """Streams a word every `delay_s` and tells how many streams are open and when the last one ended."""

    version = "slow-1"

    def __init__(self, delay_s: float = 0.02, words: int = 500, padding: int = 0) -> None:
        self.delay_s = delay_s
        self.padding = "x" * padding
        self.words = words
        self.running = 0
        self.ended_at: list[float] = []
        self._lock = threading.Lock()

    def stream(self, prompt: Prompt, sampling: Sampling) -> Iterator[Delta]:
        """Stream slowly; look at how it was left."""
        with self._lock:
            self.running += 1
        try:
            for i in range(self.words):
                time.sleep(self.delay_s)
                yield Delta(f"w{i} " + self.padding)
            text = "".join(f"w{i} " for i in range(self.words))
            yield Delta(answer=Answer(text, self.version, "stop", sampling, -1.0, self.words))
        finally:
            with self._lock:
                self.running -= 1
                self.ended_at.append(time.monotonic())

    def sample(
        self, prompts: Sequence[Prompt], n: int, sampling: Sampling, *, cancelled: Callable[[], bool] | None = None
    ) -> list[list[Answer]]:
        """Draw as `stream` does."""
        rows: list[list[Answer]] = []
        for prompt in prompts:
            rows.append([])
            for _ in range(n):
                for delta in self.stream(prompt, sampling):
                    if cancelled is not None and cancelled():
                        raise SamplingCancelled
                    if delta.answer is not None:
                        rows[-1].append(delta.answer)
        return rows

    def close(self) -> None:
        """Nothing to release."""


class World(Container):
    """A container whose heavy parts are the test's."""

    def __init__(
        self, home: Path, redis_url: str, policies: Sequence[ServingPolicy], options: ChatOptions | None = None
    ) -> None:
        super().__init__(Settings(home=home))
        home.mkdir(parents=True, exist_ok=True)
        self._redis_url = redis_url
        self._options = options or ChatOptions()
        self.words = WordSearcher(
            {"handbook": (frozenset({"*"}), HANDBOOK), "board": (frozenset({"group:board"}), SECRET)}
        )
        self.book = PolicyBook(policies, loaded_at=0.0)
        self.catalog = cast(Any, self.words)
        self.keys = KeyStore(home / "keys.db")
        self.metrics = Metrics()
        self.limits = RateLimits(0)
        self.key = self.keys.create("test")[1]

    @property
    def searcher(self) -> Any:
        """The test's search."""
        return self.words

    @property
    def policies(self) -> PolicyBook:
        """The test's policies."""
        return self.book

    async def open(self) -> None:
        """Open what needs the event loop."""
        self.redis = Redis.from_url(self._redis_url, socket_timeout=1.0, socket_connect_timeout=1.0)
        self.answers = AnswerStore(self.redis)
        self.tally = Tally(self.redis)
        self.chat = ChatService(cast(Container, self), self._options)
        self._forget_signals = on_stop_signal(self.begin_draining)
        self.loop = asyncio.get_running_loop()

    def stop_soon(self) -> None:
        """Do from the test's thread what a signal does."""
        self.loop.call_soon_threadsafe(self.begin_draining)

    async def close(self) -> None:
        """Close it."""
        self._forget_signals()
        await self.chat.close()
        await self.redis.aclose()
        self.keys.close()

    def gauge(self, name: str) -> float:
        """Read a metric."""
        return self.metrics.registry.get_sample_value(f"groundloop_{name}") or 0.0

    def app(self) -> FastAPI:
        """Build the application around this container."""

        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncIterator[None]:
            await self.open()
            app.state.container = self
            try:
                yield
            finally:
                await self.close()

        app = FastAPI(lifespan=lifespan)
        app.include_router(router)
        install_error_handlers(app)
        app.add_middleware(RequestMiddleware, settings=self.settings)
        return app


class Served:
    """A real uvicorn around an app, in a thread of this process."""

    def __init__(self, app: FastAPI) -> None:
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", timeout_graceful_shutdown=5)
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, name="uvicorn")

    def __enter__(self) -> Served:
        self.thread.start()
        until(lambda: self.server.started)
        return self

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self.thread.join(timeout=20)
        assert not self.thread.is_alive()

    @property
    def url(self) -> str:
        """Where it listens."""
        port = self.server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}/v1"


def until(condition: Any, *, limit_s: float = 10.0) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.005)


def ask(question: str, **more: Any) -> dict[str, Any]:
    """Give the body of a request."""
    return {"model": "groundloop", "messages": [{"role": "user", "content": question}], **more}


def http(served: Served, world: World, **more: Any) -> httpx.Client:
    """Give a client with the world's key."""
    return httpx.Client(base_url=served.url, headers={"Authorization": f"Bearer {world.key}"}, timeout=20, **more)
