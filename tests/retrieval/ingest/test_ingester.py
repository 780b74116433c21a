"""The ingest loop: good documents become searchable, bad ones say why, and nothing stops it or is left half-done."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from retrieval.catalog import Catalog
from retrieval.embed.base import EncodeKind, Progress, Vectors
from retrieval.embed.hashing import HashingEmbedder
from retrieval.errors import ParseError, StorageFull
from retrieval.ingest import Ingester, IngestOptions
from retrieval.parse import ParserSandbox
from retrieval.types import Block, Caller, Document, DocumentError, ParsedDocument
from tests.retrieval.catalog.library import OPERATOR, Library

SECRET = "the document's own words"


class WordsParser:
    """Reads text files, one paragraph a line; some words make it fail."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def parse(self, path: Path, filename: str) -> ParsedDocument:
        self.seen.append(filename)
        text = path.read_text()
        if "unreadable" in text:
            raise ParseError("invalid_file", "The file is broken. Save it again.")
        if "bug" in text:
            raise KeyError(SECRET)
        blocks, start = [], 0
        for line in text.split("\n"):
            if line.strip():
                blocks.append(Block("paragraph", start, start + len(line)))
            start += len(line) + 1
        return ParsedDocument(text, tuple(blocks), title=filename)


class CountingEmbedder:
    """The hashing embedder, with a memory and a taste for trouble."""

    model_name = "model-a"
    dimension = 16

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.before: Callable[[], None] = lambda: None
        self._inner = HashingEmbedder(self.dimension)

    def encode(
        self, texts: Sequence[str], *, kind: EncodeKind = "passage", on_progress: Progress | None = None
    ) -> Vectors:
        self.calls.append(len(texts))
        self.before()
        if any("poison" in text for text in texts):
            raise RuntimeError(SECRET)
        if on_progress:
            on_progress(len(texts) // 2)
        return self._inner.encode(texts, kind=kind)


class Bench:
    """A library, and an ingester with its parts in reach."""

    def __init__(self, home: Path, **options: float) -> None:
        self.library = Library(home)
        self.catalog: Catalog = self.library.catalog
        self.collection = self.library.collection()
        self.parser = WordsParser()
        self.embedder = CountingEmbedder()
        self.ingester = Ingester(
            self.catalog,
            self.parser,
            lambda _: self.embedder,
            IngestOptions(**options),  # type: ignore[arg-type]
            worker="w",
        )

    def add(self, text: str, filename: str) -> str:
        return self.library.attach(self.collection, text, filename).document_id

    def drain(self) -> int:
        return self.ingester.drain(lambda: False)

    def document(self, document_id: str) -> Document:
        return self.catalog.document(OPERATOR, self.collection, document_id)

    def error(self, document_id: str) -> DocumentError:
        error = self.document(document_id).last_error
        assert error is not None
        return error


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "home")
    yield made
    made.catalog.close()


def test_documents_become_searchable_with_their_own_vectors(bench: Bench) -> None:
    texts = {f"{n}.txt": f"paragraph number {n} " * 5 for n in range(40)}
    ids = {bench.add(text, name): text for name, text in texts.items()}

    assert bench.drain() == 40

    shown = bench.library.searchable(bench.collection)
    assert {i: [ids[i].strip()] for i in ids} == {i: [t.strip() for t in chunks] for i, chunks in shown.items()}
    expected = HashingEmbedder(16)
    vectors = {
        i: v for found, rows in bench.catalog.iter_vectors(bench.collection) for i, v in zip(found, rows, strict=True)
    }
    for part in bench.catalog.iter_texts(bench.collection):
        for chunk in part:
            assert (vectors[chunk.row] == expected.encode([chunk.embedding_text])[0]).all()


def test_small_documents_share_a_batch_and_a_large_one_is_cut_evenly(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "home", chunks_per_batch=50)
    bench.embedder.before = lambda: wait_until(lambda: len(bench.parser.seen) == 31)
    for n in range(30):
        bench.add("small", f"{n}.txt")
    paragraph = "word " * 150
    bench.add("\n".join(f"{n} {paragraph}" for n in range(103)), "large.txt")

    bench.drain()

    assert max(bench.embedder.calls) <= 50
    assert sum(bench.embedder.calls) == bench.catalog.changes(bench.collection, 0).added.size
    assert len(bench.embedder.calls) <= 6
    bench.catalog.close()


def test_bad_documents_say_why_and_do_not_stop_the_rest(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    broken = bench.add("unreadable", "broken.txt")
    blank = bench.add(" \n ", "blank.txt")
    buggy = bench.add("bug", "buggy.txt")
    good = bench.add("good", "good.txt")

    with caplog.at_level(logging.INFO):
        bench.drain()

    assert bench.document(good).status == "completed"
    errors = {i: bench.error(i) for i in (broken, blank, buggy)}
    assert [error.code for error in errors.values()] == ["invalid_file", "empty_file", "server_error"]
    assert errors[broken].message == "The file is broken. Save it again."
    assert "KeyError while parsing" in errors[buggy].message
    assert bench.document(buggy).attempts == 3
    assert bench.catalog.pending_count() == 0
    assert "in parse" in caplog.text
    assert SECRET not in caplog.text


def test_one_document_the_encoder_cannot_take_fails_alone(bench: Bench) -> None:
    good = [bench.add(f"good {n}", f"{n}.txt") for n in range(5)]
    bad = bench.add("poison", "bad.txt")
    bench.drain()
    assert {bench.document(i).status for i in good} == {"completed"}
    assert bench.error(bad).code == "server_error"
    assert "embedding with model-a" in bench.error(bad).message


def test_stopping_gives_everything_back_untouched(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "home", chunks_per_batch=8)  # else all of them may be embedded together
    ids = [bench.add(f"text {n}", f"{n}.txt") for n in range(50)]
    stop = threading.Event()
    bench.embedder.before = stop.set

    bench.ingester.drain(stop.is_set)

    documents = [bench.document(i) for i in ids]
    assert {d.status for d in documents} <= {"completed", "in_progress"}
    waiting = [d for d in documents if d.status == "in_progress"]
    assert waiting
    assert {(d.stage, d.attempts) for d in waiting} == {("queued", 0)}
    bench.drain()
    assert {bench.document(i).status for i in ids} == {"completed"}
    bench.catalog.close()


def test_run_once_takes_one_claim(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "home", documents_per_claim=3)
    for n in range(5):
        bench.add(f"text {n}", f"{n}.txt")
    assert [bench.ingester.run_once() for _ in range(3)] == [3, 2, 0]
    bench.catalog.close()


def test_a_full_disk_blames_no_document(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    document = bench.add("text", "a.txt")

    def refuse(_: object) -> None:
        raise StorageFull("full")

    with monkeypatch.context() as patch:
        patch.setattr(bench.catalog, "complete_many", refuse)
        with pytest.raises(StorageFull):
            bench.drain()
    assert (bench.document(document).status, bench.document(document).attempts) == ("in_progress", 0)
    bench.drain()
    assert bench.document(document).status == "completed"


def test_a_long_encode_shows_progress_and_keeps_its_lease(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "home", lease_s=0.15, keep_alive_s=0.01)
    document = bench.add("text", "a.txt")
    stolen: list[object] = []

    def long() -> None:
        wait_until(lambda: bench.document(document).stage == "embedding")
        for _ in range(40):  # the catalog's clock moves on by ten leases while this encode lasts
            bench.library.monotonic.now += 0.0375
            threading.Event().wait(0.03)
            stolen.extend(bench.catalog.claim("thief", lease_s=1))

    bench.embedder.before = long
    bench.drain()
    assert stolen == []
    assert (bench.document(document).status, bench.document(document).attempts) == ("completed", 1)
    bench.catalog.close()


def test_what_another_worker_took_over_is_dropped(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "home", lease_s=3600.0)
    document = bench.add("text", "a.txt")

    def steal() -> None:
        bench.library.monotonic.now += 3601
        (claim,) = bench.catalog.claim("thief", lease_s=3600)
        bench.library.finish(claim)
        bench.embedder.before = lambda: None

    bench.embedder.before = steal
    bench.drain()
    assert bench.library.searchable(bench.collection) == {document: ["text"]}
    ((_, vectors),) = bench.catalog.iter_vectors(bench.collection)
    assert vectors.shape[1] == 8  # the thief's


def test_a_collection_is_embedded_again_with_its_new_model(bench: Bench) -> None:
    bench.add("one\ntwo", "a.txt")
    bench.drain()
    before = bench.library.searchable(bench.collection)
    bench.catalog.update_collection(OPERATOR, bench.collection, embedding_model="model-b")
    bench.embedder.dimension = 4
    bench.embedder._inner = HashingEmbedder(4)

    assert bench.drain() == 1

    assert bench.catalog.collection(OPERATOR, bench.collection).embedding_model == "model-b"
    assert bench.library.searchable(bench.collection) == before
    ((_, vectors),) = bench.catalog.iter_vectors(bench.collection)
    assert vectors.shape[1] == 4
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)


def test_real_files_through_the_real_sandbox(tmp_path: Path) -> None:
    library = Library(tmp_path / "home")
    collection = library.collection()
    page = "<html><head><title>Tea</title></head><body><h1>Green</h1><p>Steep it for two minutes.</p></body></html>"
    html = library.attach(collection, page, "tea.html").document_id
    nonsense = library.attach(collection, "%PDF-1.7 nonsense", "x.pdf").document_id
    with ParserSandbox() as sandbox:
        embedder = HashingEmbedder(16)
        Ingester(library.catalog, sandbox, lambda _: embedder, worker="w").drain(lambda: False)

    (chunk,) = library.catalog.chunks(Caller(), collection, html)
    assert "Steep it for two minutes." in chunk.text
    assert library.catalog.document_text(Caller(), collection, html)[chunk.start : chunk.end] == chunk.text
    failed = library.catalog.document(Caller(), collection, nonsense)
    assert failed.last_error is not None
    assert failed.last_error.code == "invalid_file"
    library.catalog.close()


def wait_until(holds: Callable[[], bool], attempts: int = 500) -> None:
    """Wait for another thread."""
    pause = threading.Event()
    for _ in range(attempts):
        if holds():
            return
        pause.wait(0.01)
    raise AssertionError("waited in vain")
