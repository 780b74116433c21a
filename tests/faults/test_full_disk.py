"""A full disk: a typed error, nothing half-done visible, and everything works again once there is room."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from retrieval import durable
from retrieval.catalog import Catalog, Claim
from retrieval.errors import StorageFull
from retrieval.types import Caller, ChunkDraft, ParsedDocument

pytestmark = pytest.mark.fault

OPERATOR = Caller(reads_all=True)
DISK_BYTES = 3 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of three megabytes."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(tmp_path)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this user may not mount a small file system")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def fill_disk(directory: Path, leave_bytes: int = 0) -> Path:
    """Write until the disk is full, then leave a little room."""
    ballast = directory / "ballast"
    with ballast.open("wb", buffering=0) as stream:
        with suppress(OSError):
            while True:
                stream.write(b"x" * 4096)
        if leave_bytes:
            os.ftruncate(stream.fileno(), max(0, os.fstat(stream.fileno()).st_size - leave_bytes))
    return ballast


def write_big(directory: Path) -> None:
    (directory / "big").write_bytes(b"y" * 300_000)


@pytest.mark.parametrize("leave", [0, 4096, 8192, 16384, 65536, 262144])
def test_a_generation_that_does_not_fit_is_not_there(small_disk: Path, leave: int) -> None:
    home = small_disk / "index"
    durable.publish_generation(home, lambda d: (d / "a").write_text("first"))
    ballast = fill_disk(small_disk, leave)

    with pytest.raises(StorageFull):
        durable.publish_generation(home, write_big)

    found = durable.open_current(home)
    assert found is not None
    assert (found.path.name, found.is_fallback) == ("gen-000001", False)
    assert {p.name for p in home.iterdir()} == {"gen-000001", "CURRENT"}
    ballast.unlink()
    assert durable.publish_generation(home, write_big).name == "gen-000002"


def test_a_file_that_does_not_fit_keeps_its_old_content(small_disk: Path) -> None:
    path = small_disk / "file"
    durable.write_file_atomic(path, b"old")
    fill_disk(small_disk)
    with pytest.raises(StorageFull):
        durable.write_file_atomic(path, b"y" * 10_000)
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("leave", [0, 8192, 32768, 131072, 524288])
def test_the_catalog_keeps_what_it_acknowledged_and_goes_on_later(small_disk: Path, leave: int) -> None:
    catalog = Catalog.open(small_disk / "home")
    collection = catalog.create_collection("c", embedding_model="m").collection_id
    _ingest(catalog, collection, "first", 10)
    before = catalog.changes(collection, 0)
    ballast = fill_disk(small_disk, leave)

    with pytest.raises(StorageFull):
        _ingest_until_full(catalog, collection)
    catalog.close()

    catalog = Catalog.open(small_disk / "home")
    after = catalog.changes(collection, before.seq)
    assert after.removed.size == 0
    rows = catalog.changes(collection, 0).added
    assert len(catalog.passages(OPERATOR, rows)) == len(rows)
    for file in catalog.files(OPERATOR, limit=1000).items:
        assert catalog.file_path(file).stat().st_size == file.size_bytes

    ballast.unlink()
    _ingest(catalog, collection, "at last", 10)
    while claims := catalog.claim("w", lease_s=60):
        for claim in claims:
            _complete(catalog, claim, 10)
    statuses = catalog.collection(OPERATOR, collection).documents_by_status
    assert set(statuses) == {"completed"}
    catalog.close()


def test_an_upload_that_does_not_fit_is_refused_whole(small_disk: Path) -> None:
    catalog = Catalog.open(small_disk / "home")
    fill_disk(small_disk, 65536)
    staged = catalog.stage_upload()
    with pytest.raises(StorageFull), durable.storage_errors(), staged.open("wb") as stream:
        stream.write(b"z" * 200_000)
    staged.unlink()
    assert catalog.files(OPERATOR).items == ()
    catalog.close()


def test_a_file_size_limit_counts_as_a_full_disk(tmp_path: Path) -> None:
    """The same through a quota, which needs no rights: the limit is set in a child."""
    program = f"""
import resource, sys
from pathlib import Path
from retrieval import durable
from retrieval.errors import StorageFull
home = Path({str(tmp_path)!r})
durable.publish_generation(home, lambda d: (d / "a").write_text("first"))
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, {resource.RLIM_INFINITY}))
try:
    durable.publish_generation(home, lambda d: (d / "big").write_bytes(b"y" * 300_000))
except StorageFull:
    sys.exit(7)
"""
    child = subprocess.run([sys.executable, "-c", program], check=False)
    assert child.returncode == 7
    assert durable.read_pointer(tmp_path) == "gen-000001"
    assert durable.publish_generation(tmp_path, write_big).name == "gen-000002"


def _ingest_until_full(catalog: Catalog, collection: str) -> None:
    for n in range(100):
        _ingest(catalog, collection, f"more {n}", 2000)


def _ingest(catalog: Catalog, collection: str, name: str, chunks: int) -> None:
    staged = catalog.stage_upload()
    with durable.storage_errors():
        staged.write_text(name)
    file = catalog.add_file(staged, filename=name, purpose="assistants", owner="key:a")
    catalog.attach(OPERATOR, collection, file.file_id)
    (claim,) = catalog.claim("w", lease_s=0.000001)
    _complete(catalog, claim, chunks)


def _complete(catalog: Catalog, claim: Claim, chunks: int) -> None:
    text = "w" * chunks
    drafts = [ChunkDraft("w", i, i + 1) for i in range(chunks)]
    catalog.complete(claim, ParsedDocument(text, ()), drafts, np.ones((chunks, 16), np.float32))
