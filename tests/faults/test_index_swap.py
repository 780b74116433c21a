"""Searching from many threads while documents come and go and generations are swapped underneath.

FAISS crashes the process when an index changes under a search; here nothing that is searched ever changes.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from retrieval.embed import QueryEncoder
from retrieval.index.build import build_generation
from retrieval.search import Searcher
from retrieval.types import Caller
from tests.retrieval.library import Library
from tests.retrieval.words import random_queries, random_texts

SECONDS = 10
THREADS = 8
TENANTS = ("left", "right")


@pytest.mark.fault
def test_search_during_ingest_and_swap(tmp_path: Path) -> None:
    library = Library(tmp_path)
    for tenant in TENANTS:
        library.collection(tenant, readers=frozenset({f"group:{tenant}"}))
        library.add(tenant, [f"{tenant} {text}" for text in random_texts(300)])
    encoder = QueryEncoder(library.embedder)
    stop = threading.Event()
    failures: list[BaseException] = []
    searches = [0] * THREADS
    builds = [0]

    with Searcher(library.catalog, library.indexes, lambda _model: encoder) as searcher:

        def guarded(work: object, *arguments: object) -> None:
            try:
                work(*arguments)  # type: ignore[operator]
            except BaseException as error:
                failures.append(error)
                stop.set()

        def search(number: int) -> None:
            tenant = TENANTS[number % 2]
            caller = Caller(frozenset({f"group:{tenant}"}))
            queries = random_queries(50, seed=number)
            while not stop.is_set():
                query = queries[searches[number] % len(queries)]
                passages = searcher.search(caller, query, k=20)
                assert all(p.collection_id == tenant and p.text.startswith(tenant) for p in passages)
                assert len({p.chunk_id for p in passages}) == len(passages)
                assert len(passages) >= 15  # 300 chunks are never removed
                searches[number] += 1

        def change() -> None:
            held: list[tuple[str, str]] = []
            turn = 0
            while not stop.is_set():
                tenant = TENANTS[turn % 2]
                document = library.add(tenant, [f"{tenant} {text}" for text in random_texts(20, seed=turn)])
                held.append((tenant, document))
                if len(held) > 10:
                    library.remove(*held.pop(0))
                turn += 1

        def build() -> None:
            while not stop.is_set():
                for tenant in TENANTS:
                    build_generation(library.catalog, tenant, library.indexes)
                    builds[0] += 1

        threads = [threading.Thread(target=guarded, args=(search, n)) for n in range(THREADS)]
        threads += [threading.Thread(target=guarded, args=(work,)) for work in (change, build)]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline and not stop.is_set():
            time.sleep(0.1)
        stop.set()
        for thread in threads:
            thread.join(60)
        assert not failures, failures[0]
        assert all(searches)
        assert builds[0] >= 2
        sizes = {status.collection_id: status.vectors for status in searcher.status()}
        assert sizes == {tenant: len(library.texts(tenant)) for tenant in TENANTS}
    encoder.close()
    library.catalog.close()
