"""SIGKILL while uploading and while ingesting: every acknowledged file is there, whole, and no document is in limbo."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from retrieval.catalog import Catalog
from retrieval.types import Caller

pytestmark = pytest.mark.fault

OPERATOR = Caller(reads_all=True)
ROUNDS = 15
LONGEST_S = 0.4

UPLOADER = """
import sys
from pathlib import Path
from retrieval.catalog import Catalog
from retrieval.types import Caller
catalog, tag = Catalog.open(Path(sys.argv[1])), sys.argv[2]
print("ready", flush=True)
n = 0
while True:
    staged = catalog.stage_upload()
    staged.write_text(f"{tag} {n} " * 500)
    file = catalog.add_file(staged, filename=f"{n % 7}.txt", purpose="assistants", owner="key:a")
    catalog.attach(Caller(reads_all=True), "c", file.file_id)
    print(file.file_id, flush=True)
    n += 1
"""

WORKER = """
import sys
from pathlib import Path
import numpy as np
from retrieval.catalog import Catalog
from retrieval.errors import StaleClaim
from retrieval.types import ChunkDraft, ParsedDocument
catalog = Catalog.open(Path(sys.argv[1]), max_attempts=1000)
print("ready", flush=True)
while True:
    for claim in catalog.claim("worker-" + sys.argv[2], lease_s=0.05, limit=3):
        try:
            text = claim.blob.read_text()
            catalog.progress(claim, "embedding", 50)
            chunks = [ChunkDraft(text[i : i + 10], i, i + 10) for i in range(0, 3000, 10)]
            catalog.complete(claim, ParsedDocument(text, ()), chunks, np.ones((300, 64), np.float32))
        except (StaleClaim, FileNotFoundError):
            continue
        print(claim.document.document_id, flush=True)
"""


def start(program: str, home: Path, tag: str) -> tuple[subprocess.Popen[str], list[str], threading.Thread]:
    """Run a child and collect what it acknowledges."""
    child = subprocess.Popen([sys.executable, "-c", program, str(home), tag], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    lines: list[str] = []

    def read() -> None:
        assert child.stdout is not None
        with child.stdout:
            lines.extend(line.strip() for line in child.stdout if line.endswith("\n"))

    reader = threading.Thread(target=read)
    reader.start()
    return child, lines, reader


def test_uploads_and_ingestion_survive_being_killed(tmp_path: Path) -> None:
    rng = random.Random(4)
    Catalog.open(tmp_path).create_collection("c", embedding_model="m", collection_id="c")
    uploaded: set[str] = set()
    for number in range(ROUNDS):
        children = [start(UPLOADER, tmp_path, f"u{number}"), start(WORKER, tmp_path, f"{number}")]
        time.sleep(rng.uniform(0.02, LONGEST_S))
        for child, _, _ in children:
            child.kill()
        for child, _, reader in children:
            child.wait()
            reader.join()
        uploaded.update(children[0][1])

        catalog = Catalog.open(tmp_path, max_attempts=1000)
        for file_id in uploaded:
            file = catalog.file(OPERATOR, file_id)
            assert hashlib.sha256(catalog.file_path(file).read_bytes()).hexdigest() == file.sha256
        rows = catalog.changes("c", 0).added
        passages = catalog.passages(OPERATOR, rows)
        assert sorted(passages) == rows.tolist()
        ids = [i for found, _ in catalog.iter_vectors("c") for i in found.tolist()]
        assert ids == rows.tolist()
        for document in catalog.documents(OPERATOR, "c", limit=10_000).items:
            assert document.status in ("in_progress", "completed")
            whole = 300 if document.status == "completed" else 0
            assert sum(p.document_id == document.document_id for p in passages.values()) == whole
        catalog.close()
    assert uploaded

    # Whatever was left behind is finished by a worker that lives.
    child, _, reader = start(WORKER, tmp_path, "last")
    catalog = Catalog.open(tmp_path)
    deadline = time.monotonic() + 60
    while catalog.pending_count() and time.monotonic() < deadline:
        time.sleep(0.05)
    child.kill()
    child.wait()
    reader.join()
    documents = catalog.documents(OPERATOR, "c", limit=10_000).items
    assert {d.status for d in documents} == {"completed"}
    assert sorted(d.filename for d in documents) == sorted({d.filename for d in documents})
    catalog.close()
