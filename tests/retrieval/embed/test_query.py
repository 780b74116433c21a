"""The micro-batcher: right vectors for each caller, few model calls, no caller hurt by another."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from retrieval.embed import HashingEmbedder, QueryEncoder
from retrieval.embed.base import EncodeKind, Progress, Vectors


class _Recording(HashingEmbedder):
    """Counts calls, can hold them at a gate, and refuses one text."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[list[str]] = []
        self.gate = threading.Event()
        self.gate.set()

    def encode(
        self, texts: Sequence[str], *, kind: EncodeKind = "passage", on_progress: Progress | None = None
    ) -> Vectors:
        assert kind == "query"
        self.batches.append(list(texts))
        self.gate.wait(10)
        if "bad" in texts:
            raise ValueError("no such word")
        return super().encode(texts, kind=kind)


def test_each_caller_gets_its_own_vector() -> None:
    encoder = QueryEncoder(HashingEmbedder())
    texts = [f"question number {n}" for n in range(200)]
    with ThreadPoolExecutor(16) as pool:
        vectors = list(pool.map(encoder.encode, texts))
    np.testing.assert_array_equal(np.stack(vectors), HashingEmbedder().encode(texts))
    encoder.close()


def test_waiting_texts_share_calls_of_at_most_max_batch() -> None:
    embedder = _Recording()
    encoder = QueryEncoder(embedder, max_batch=8)
    embedder.gate.clear()
    futures = [encoder.submit(f"text {n}") for n in range(33)]
    embedder.gate.set()
    for future in futures:
        future.result(10)
    assert max(map(len, embedder.batches)) <= 8
    assert len(embedder.batches) <= 6
    encoder.close()


def test_same_text_is_encoded_once() -> None:
    embedder = _Recording()
    encoder = QueryEncoder(embedder)
    first = encoder.encode("again")
    assert encoder.encode("again") is first
    assert embedder.batches == [["again"]]
    encoder.close()


def test_cache_is_bounded_and_can_be_off() -> None:
    embedder = _Recording()
    encoder = QueryEncoder(embedder, cache_size=0)
    encoder.encode("again")
    encoder.encode("again")
    assert len(embedder.batches) == 2
    encoder.close()


def test_a_bad_text_fails_alone() -> None:
    embedder = _Recording()
    encoder = QueryEncoder(embedder)
    embedder.gate.clear()
    encoder.submit("holds the thread")
    good, bad = encoder.submit("good"), encoder.submit("bad")
    embedder.gate.set()
    np.testing.assert_array_equal(good.result(10), HashingEmbedder().encode(["good"])[0])
    with pytest.raises(ValueError, match="no such word"):
        bad.result(10)
    encoder.close()


def test_a_cancelled_caller_is_skipped() -> None:
    embedder = _Recording()
    encoder = QueryEncoder(embedder)
    embedder.gate.clear()
    encoder.submit("holds the thread")
    cancelled, kept = encoder.submit("cancelled"), encoder.submit("kept")
    assert cancelled.cancel()
    embedder.gate.set()
    kept.result(10)
    assert not any("cancelled" in batch for batch in embedder.batches)
    encoder.close()


def test_close_finishes_the_queue_and_refuses_more() -> None:
    encoder = QueryEncoder(HashingEmbedder())
    futures = [encoder.submit(f"text {n}") for n in range(300)]
    encoder.close()
    encoder.close()
    assert all(future.done() for future in futures)
    with pytest.raises(RuntimeError, match="closed"):
        encoder.submit("late")
