"""A published index of one collection as of one sequence number: rows, vectors and words, in one immutable directory.

`<indexes>/<collection>/gen-000007/` holds `rows.npy`, `dense.faiss` and `lexical/`;
`index.json` is its `GenerationInfo`. What came later is in the catalog's feed.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retrieval.catalog import Changes
from retrieval.durable import write_file_atomic
from retrieval.errors import IndexCorrupt
from retrieval.index.base import PublishedVectors, PublishedWords
from retrieval.index.dense import DenseIndex, DenseKind, write_dense
from retrieval.index.hits import Matrix, Rows
from retrieval.index.lexical import LexicalIndex, write_lexical

FORMAT = 1
INFO_FILE = "index.json"
ROWS_FILE = "rows.npy"
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


@dataclass(frozen=True)
class Generation:
    """An open generation; thread-safe."""

    name: str
    info: GenerationInfo
    rows: Rows  # (n,) ascending
    dense: PublishedVectors
    lexical: PublishedWords


def write_generation(
    folder: Path, collection_id: str, changes: Changes, rows: Rows, vectors: Matrix, texts: Iterable[tuple[int, str]]
) -> GenerationInfo:
    """Write the files of a generation into an empty folder.

    Args:
        folder: Exists and is empty.
        collection_id: Whose index it is.
        changes: What of the collection is in it.
        rows: `(n,)` ascending, not empty.
        vectors: `(n, d)` float32 unit vectors, in the order of rows.
        texts: Each row once with its text, in any order.

    Returns:
        What the generation says of itself.
    """
    with (folder / ROWS_FILE).open("wb") as stream:
        np.save(stream, rows)
    kind = write_dense(folder, vectors)
    lexical = folder / _LEXICAL
    lexical.mkdir()
    total_terms = write_lexical(lexical, texts)
    count, dimension = vectors.shape
    info = GenerationInfo(collection_id, changes.embedding_model, dimension, changes.seq, count, total_terms, kind)
    write_file_atomic(folder / INFO_FILE, json.dumps(dataclasses.asdict(info), indent=1).encode())
    return info


def read_info(folder: Path) -> GenerationInfo:
    """Read what a generation says of itself; IndexCorrupt when that is missing or another format wrote it."""
    try:
        record = json.loads((folder / INFO_FILE).read_bytes())
        if record["format"] != FORMAT:
            raise IndexCorrupt(f"{folder.name} has index format {record['format']}; this program reads {FORMAT}")
        return GenerationInfo(**{**record, "dense": DenseKind(**record["dense"])})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IndexCorrupt(f"{folder.name}/{INFO_FILE} is missing or damaged: {error}") from error


def open_generation(folder: Path) -> Generation:
    """Open a generation whose files have been compared with its manifest.

    Args:
        folder: A published directory.

    Returns:
        The open generation.

    Raises:
        IndexCorrupt: The files do not fit together.
    """
    info = read_info(folder)
    if not info.dense.is_local:
        raise IndexCorrupt(f"{folder.name} is searched in {info.dense.kind}, not on this machine")
    try:
        rows = np.load(folder / ROWS_FILE)
        lexical = LexicalIndex(folder / _LEXICAL, rows, info.total_terms)
    except (OSError, ValueError) as error:
        raise IndexCorrupt(f"{folder.name} cannot be read: {error}") from error
    if len(rows) != info.count or lexical.documents != info.count:
        raise IndexCorrupt(f"{folder.name} holds {len(rows)} rows and {lexical.documents} texts, not {info.count}")
    return Generation(folder.name, info, rows, DenseIndex(folder, info.dense, rows, info.dimension), lexical)
