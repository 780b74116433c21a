"""The backend on this machine's disk: FAISS and tantivy, memory-mapped by every process that searches."""

from __future__ import annotations

from pathlib import Path

from retrieval.catalog import Catalog, CollectionRef
from retrieval.index.build import build_generation, needs_build, remove_orphans
from retrieval.index.generation import Generation, open_generation


class LocalIndex:
    """Satisfies `Backend`.

    Args:
        indexes_dir: Where generations are published, one folder per collection.
    """

    def __init__(self, indexes_dir: Path) -> None:
        self._indexes_dir = indexes_dir

    def open(self, folder: Path) -> Generation:
        """Open a published directory."""
        return open_generation(folder)

    def needs_build(self, catalog: Catalog, collection: CollectionRef, *, idle: bool = False) -> bool:
        """Tell whether a generation is due."""
        return needs_build(catalog, collection, self._indexes_dir, idle=idle)

    def build(self, catalog: Catalog, collection_id: str) -> int:
        """Build and publish a generation."""
        return build_generation(catalog, collection_id, self._indexes_dir)

    def remove_orphans(self, catalog: Catalog) -> int:
        """Delete the generations of collections that are gone."""
        return remove_orphans(catalog, self._indexes_dir)
