"""The sweep finds what was left behind, wherever it runs, and a broken ring stops nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval.catalog import Catalog
from service.jobs.enqueue import Ringer
from service.jobs.sweep import REBUILD_MARKER, Sweeper, last_sweep_age_s, mark_sweep, sweep
from service.settings import load_settings
from tests.service.jobs.documents import upload


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    catalog = Catalog.open(tmp_path)
    yield catalog
    catalog.close()


def test_rings_only_while_documents_wait(catalog: Catalog, tmp_path: Path) -> None:
    rings: list[int] = []
    assert sweep(catalog, tmp_path / "indexes", lambda: rings.append(1)) == 0
    assert rings == []
    upload(catalog, "a.txt", b"a text")
    assert sweep(catalog, tmp_path / "indexes", lambda: rings.append(1)) == 1
    assert rings == [1]


def test_rings_for_a_damaged_index(catalog: Catalog, tmp_path: Path) -> None:
    rings: list[int] = []
    marker = tmp_path / "indexes" / "vs_1" / REBUILD_MARKER
    marker.parent.mkdir(parents=True)
    marker.touch()
    sweep(catalog, tmp_path / "indexes", lambda: rings.append(1))
    assert rings == [1]


def test_the_marker_is_the_one_that_searches_leave(tmp_path: Path) -> None:
    store = pytest.importorskip("retrieval.index.store")
    folder = tmp_path / "indexes" / "vs_1"
    folder.mkdir(parents=True)
    store.request_rebuild(folder, "a test")
    assert (folder / REBUILD_MARKER).exists()


def test_a_dead_workers_document_waits_again(catalog: Catalog, tmp_path: Path) -> None:
    upload(catalog, "a.txt", b"a text")
    (claim,) = catalog.claim("dead", lease_s=0.0)
    sweep(catalog, tmp_path / "indexes", lambda: None)
    (again,) = catalog.claim("alive", lease_s=60.0)
    assert again.document.document_id == claim.document.document_id
    assert again.token > claim.token


def test_the_thread_looks_when_woken_and_outlives_a_broken_ring(catalog: Catalog, tmp_path: Path) -> None:
    upload(catalog, "a.txt", b"a text")
    rung = threading.Semaphore(0)

    def ring() -> None:
        rung.release()
        raise RuntimeError("broken")

    sweeper = Sweeper(catalog, tmp_path / "indexes", ring, interval_s=3600)
    sweeper.start()
    for _ in range(2):
        sweeper.wake()
        assert rung.acquire(timeout=10)
    sweeper.close()


def test_the_thread_looks_by_itself(catalog: Catalog, tmp_path: Path) -> None:
    upload(catalog, "a.txt", b"a text")
    rung = threading.Semaphore(0)
    sweeper = Sweeper(catalog, tmp_path / "indexes", lambda: rung.release(), interval_s=0.05)
    sweeper.start()
    assert rung.acquire(timeout=10)
    assert rung.acquire(timeout=10)
    sweeper.close()


def test_ringing_without_redis_neither_raises_nor_hangs(tmp_path: Path) -> None:
    Ringer(load_settings(home=tmp_path)).documents()
    Ringer(load_settings(home=tmp_path, redis_url="redis://127.0.0.1:1/0")).documents()


def test_the_sign_of_the_schedule(tmp_path: Path) -> None:
    assert last_sweep_age_s(tmp_path) is None
    mark_sweep(tmp_path)
    age = last_sweep_age_s(tmp_path)
    assert age is not None
    assert age < 60
