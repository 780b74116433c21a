"""A published index of one collection as of one sequence number: rows, vectors and words, in one immutable directory.

`<indexes>/<collection>/gen-000007/` holds `rows.npy`, `dense.faiss` (with `vectors.f16.npy` when that is approximate)
and `lexical/`; its manifest carries `GenerationInfo`. What came later is in the catalog's feed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.durable import Published, read_pointer
from retrieval.errors import IndexCorrupt
from retrieval.index.dense import DenseIndex, DenseKind, write_dense
from retrieval.index.hits import Matrix, Rows
from retrieval.index.lexical import LexicalIndex, write_lexical

FORMAT = 1
_ROWS_FILE = "rows.npy"
_LEXICAL = "lexical"


@dataclass(frozen=True, slots=True)
class GenerationInfo:
    """What a generation says of itself."""

    collection_id: str
    embedding_model: str
    dimension: int
    seq: int  # the collection's changes up to here are in it
    count: int
    total_terms: int
    dense: DenseKind
    format: int = FORMAT

    def to_metadata(self) -> dict[str, Any]:
        """Give it as JSON can hold it."""
        return dataclasses.asdict(self)

    @staticmethod
    def from_metadata(metadata: dict[str, Any]) -> GenerationInfo:
        """Read it from a manifest; IndexCorrupt when another format wrote it."""
        try:
            info = GenerationInfo(**{**metadata, "dense": DenseKind(**metadata["dense"])})
        except (TypeError, KeyError) as error:
            raise IndexCorrupt(f"the manifest does not describe an index: {error}") from error
        if info.format != FORMAT:
            raise IndexCorrupt(f"the index has format {info.format}; this program reads {FORMAT}")
        return info


@dataclass(frozen=True)
class Generation:
    """An open generation; thread-safe."""

    name: str
    info: GenerationInfo
    rows: Rows  # (n,) ascending
    dense: DenseIndex
    lexical: LexicalIndex


def write_generation(
    folder: Path, rows: Rows, vectors: Matrix, texts: Iterable[tuple[int, str]]
) -> tuple[DenseKind, int]:
    """Write the files of a generation into an empty folder.

    Args:
        folder: Exists and is empty.
        rows: `(n,)` ascending, not empty.
        vectors: `(n, d)` float32 unit vectors, in the order of rows.
        texts: Each row once with its text, in any order.

    Returns:
        How the vectors are searched, and the number of terms in all texts.
    """
    with (folder / _ROWS_FILE).open("wb") as stream:
        np.save(stream, rows)
    kind = write_dense(folder, vectors)
    lexical = folder / _LEXICAL
    lexical.mkdir()
    return kind, write_lexical(lexical, texts)


def open_generation(published: Published) -> Generation:
    """Open a generation whose files have been verified.

    Args:
        published: What `retrieval.durable.open_current` found.

    Returns:
        The open generation.

    Raises:
        IndexCorrupt: The files are not what the manifest says.
    """
    info = GenerationInfo.from_metadata(dict(published.manifest.metadata))
    folder = published.path
    try:
        rows = np.load(folder / _ROWS_FILE)
        lexical = LexicalIndex(folder / _LEXICAL, rows, info.total_terms)
    except (OSError, ValueError) as error:
        raise IndexCorrupt(f"{folder.name} cannot be read: {error}") from error
    if len(rows) != info.count or lexical.documents != info.count:
        raise IndexCorrupt(f"{folder.name} holds {len(rows)} rows and {lexical.documents} texts, not {info.count}")
    return Generation(
        published.manifest.name, info, rows, DenseIndex(folder, info.dense, rows, info.dimension), lexical
    )


def current_name(folder: Path) -> str | None:
    """Give the name of the generation to serve; cheap."""
    return read_pointer(folder)
