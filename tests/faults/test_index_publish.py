"""SIGKILL while an index is being written: words, vectors, manifest or pointer, wherever the moment falls.

No acknowledged generation is lost, what is published can be read, and the next build succeeds.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from retrieval.embed import QueryEncoder
from retrieval.index.build import build_generation, collection_folder, published_info
from retrieval.index.store import load_newest, rebuild_requested
from retrieval.search import Searcher
from tests.faults.index_child import COLLECTION
from tests.retrieval.library import OPERATOR, Library
from tests.retrieval.words import random_texts

ROUNDS = 20
ROOT = Path(__file__).resolve().parents[2]


def _killed_while_building(home: Path, delay_s: float) -> int:
    """Run the child, kill it that long after its first breath; gives the last sequence number it acknowledged."""
    command = [sys.executable, "-m", "tests.faults.index_child", str(home)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(delay_s)
        child.send_signal(signal.SIGKILL)
        lines = child.stdout.read().splitlines()
    return max((int(line.split()[1]) for line in lines if line.startswith("built ")), default=0)


@pytest.mark.fault
@pytest.mark.timeout(600)
def test_killed_builds_lose_nothing(tmp_path: Path) -> None:
    rng = random.Random(3)
    library = Library(tmp_path)
    library.collection(COLLECTION)
    for start in range(0, 2_000, 500):
        library.add(COLLECTION, random_texts(500, seed=start))
    build_generation(library.catalog, COLLECTION, library.indexes)
    folder = collection_folder(library.indexes, COLLECTION)
    interrupted = 0
    for _ in range(ROUNDS):
        acknowledged = _killed_while_building(tmp_path, rng.uniform(0, 0.8))
        interrupted += any(path.name.startswith(".tmp") for path in folder.iterdir())
        generation = load_newest(folder)
        assert generation is not None
        assert not rebuild_requested(folder)
        assert generation.info.seq >= acknowledged
        assert generation.lexical.documents == generation.info.count == len(generation.rows)

        encoder = QueryEncoder(library.embedder)
        with Searcher(library.catalog, library.indexes, lambda _m, e=encoder: e) as searcher:  # type: ignore[misc]
            for row, text in library.texts(COLLECTION).items():
                if text.startswith("marker"):
                    (found,) = searcher.search(OPERATOR, text.split()[0], k=1, mode="lexical")
                    assert found.chunk_id == f"chk_{row}"
        encoder.close()

        count = build_generation(library.catalog, COLLECTION, library.indexes)
        info = published_info(folder)
        assert info is not None
        assert (info.count, info.seq) == (count, library.catalog.collection_seq(COLLECTION))
        assert not [path for path in folder.iterdir() if path.name.startswith(".tmp")]
    assert interrupted, "no kill fell into a build: the delays no longer fit"
    library.catalog.close()
