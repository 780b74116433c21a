"""A process to kill: builds generation after generation, adding a document before each, and says what it finished.

Run as `python -m tests.faults.index_child HOME`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from retrieval.index.build import build_generation
from tests.retrieval.library import Library

COLLECTION = "c"


def main() -> None:
    """Build until killed."""
    library = Library(Path(sys.argv[1]))
    print("ready", flush=True)
    while True:
        library.add(COLLECTION, [f"marker{library.catalog.version()} text"])
        seq = library.catalog.collection_seq(COLLECTION)
        build_generation(library.catalog, COLLECTION, library.indexes)
        print(f"built {seq}", flush=True)


if __name__ == "__main__":
    main()
