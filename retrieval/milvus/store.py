"""What is asked of a Milvus server: rows in and out, and the nearest of them. Knows nothing of collections' history.

One Milvus collection holds the chunks of all of our collections that share an embedding model; ours is the partition
key, so a search reads its own partition only. The same code talks to a cluster, to a standalone server and to
milvus-lite, whose file is opened by one process alone.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from retrieval.errors import IndexUnavailable
from retrieval.index.hits import NO_HITS, Hits, Matrix, Rows, Vector, best
from retrieval.milvus.words import Sparse

_log = logging.getLogger(__name__)
MOST_HITS = 16_384  # what Milvus gives at once, at most
ROWS_IN_FILTER = 4_000  # a list of these is about 40 kB
_BATCH = 500  # rows of one upsert: about 2 MB, of the 64 MB that a server takes
_LONGEST_ID = 128
_EF = 256  # nodes that HNSW keeps in view, at least; 99 % recall on what was measured, and exact below ROWS_IN_FILTER
_METRIC = "IP"  # unit vectors: the inner product is the cosine


@dataclass(frozen=True, slots=True)
class MilvusOptions:
    """How to reach the server and what to call things there."""

    uri: str  # http(s)://host:19530, or a path ending in .db for milvus-lite
    token: str = ""  # "user:password" or an API key
    prefix: str = "groundloop"  # of the names of our Milvus collections; one for each home that shares a server
    timeout_s: float = 10.0


class Space(NamedTuple):
    """Where the chunks of one embedding model are."""

    model: str
    dimension: int


class Rowed(NamedTuple):
    """One chunk on its way into Milvus."""

    row: int
    vector: Vector  # (d,)
    words: Sparse


class MilvusStore:
    """A connection, made at the first use and again after a failure; thread-safe.

    Every method raises IndexUnavailable when the server does not answer or refuses.

    Args:
        options: Where it is.
    """

    def __init__(self, options: MilvusOptions) -> None:
        self._options = options
        self._client: Any = None
        self._guard = threading.Lock()
        self._known: set[str] = set()

    def name_of(self, space: Space) -> str:
        """Give the name of the Milvus collection of a space: readable, and different for different models."""
        readable = re.sub(r"\W+", "_", space.model.rsplit("/", 1)[-1])[:60]
        mark = hashlib.sha256(f"{space.model}\0{space.dimension}".encode()).hexdigest()[:8]
        return f"{self._options.prefix}_{readable}_{mark}"

    def exists(self, space: Space) -> bool:
        """Tell whether the server holds the Milvus collection of a space."""
        name = self.name_of(space)
        with self._asking() as client:
            there = bool(client.has_collection(name, timeout=self._options.timeout_s))
        if not there:
            self._known.discard(name)
        return there

    def upsert(self, space: Space, collection_id: str, feeding: int, rows: Sequence[Rowed]) -> None:
        """Write chunks; again gives the same. `feeding` tells which full feeding they belong to."""
        name = self._ready(space, make=True)
        for start in range(0, len(rows), _BATCH):
            batch = [
                {"row": r.row, "collection": collection_id, "feeding": feeding, "dense": r.vector, "words": r.words}
                for r in rows[start : start + _BATCH]
            ]
            with self._asking() as client:
                client.upsert(name, batch, timeout=self._options.timeout_s)

    def delete_rows(self, space: Space, rows: Rows) -> None:
        """Delete chunks; those that are not there are no error."""
        listed = rows.tolist()
        for start in range(0, len(listed), ROWS_IN_FILTER):
            self._delete(self.name_of(space), f"row in {listed[start : start + ROWS_IN_FILTER]}")

    def delete_after(self, space: Space, collection_id: str, row: int) -> None:
        """Delete the chunks of one of our collections whose rows are above a number."""
        self._delete(self.name_of(space), f"{_of(collection_id)} and row > {row}")

    def delete_collection(self, collection_id: str, *, keep: tuple[Space, int] | None = None) -> None:
        """Delete the chunks of one of our collections, in every space; `keep` spares one feeding in one space."""
        with self._asking() as client:
            names = client.list_collections(timeout=self._options.timeout_s)
        for name in names:
            if not name.startswith(f"{self._options.prefix}_"):
                continue
            condition = _of(collection_id)
            if keep is not None and name == self.name_of(keep[0]):
                condition += f" and feeding != {keep[1]}"
            self._delete(name, condition)

    def count(self, space: Space, collection_id: str, feeding: int) -> int:
        """Count the chunks of a feeding, all writes that were acknowledged among them."""
        if not self.exists(space):
            return 0
        name = self._ready(space)
        with self._asking() as client:
            found = client.query(
                name,
                filter=f"{_of(collection_id)} and feeding == {feeding}",
                output_fields=["count(*)"],
                consistency_level="Strong",
                timeout=self._options.timeout_s,
            )
            return int(found[0]["count(*)"])

    def nearest(
        self, space: Space, collection_id: str, asked: Vector | Sparse, k: int, rows: Rows | None = None
    ) -> Hits:
        """Find chunks by cosine, or by words when `asked` is sparse.

        Args:
            space: Where.
            collection_id: Whose.
            asked: `(d,)` of length one, or a question's sparse vector.
            k: Most hits, up to `MOST_HITS`.
            rows: The only ones that count, up to `ROWS_IN_FILTER`; None for all.

        Returns:
            Hits; by words only those with a term in common.
        """
        sparse = isinstance(asked, dict)
        if (sparse and not asked) or (rows is not None and not len(rows)):
            return NO_HITS
        condition = _of(collection_id) + ("" if rows is None else f" and row in {rows.tolist()}")
        name = self._ready(space)
        wanted: dict[str, Any] = {"drop_ratio_search": 0.0} if sparse else {"ef": max(_EF, 2 * k)}
        with self._asking() as client:
            (found,) = client.search(
                name,
                [asked],
                anns_field="words" if sparse else "dense",
                limit=k,
                filter=condition,
                output_fields=["row"],
                search_params={"metric_type": _METRIC, "params": wanted},
                timeout=self._options.timeout_s,
            )
        ids = np.fromiter((hit["row"] for hit in found), dtype=np.int64, count=len(found))
        scores = np.fromiter((hit["distance"] for hit in found), dtype=np.float32, count=len(found))
        if sparse:
            ids, scores = ids[scores > 0], scores[scores > 0]
        return best(ids, scores, k)

    def vectors(self, space: Space, rows: Rows) -> tuple[Rows, Matrix]:
        """Fetch the vectors of rows: those that are there `(m,)`, ascending, and `(m, d)` float32."""
        found: list[Any] = []
        name = self._ready(space)
        for start in range(0, len(rows), ROWS_IN_FILTER):
            listed = rows[start : start + ROWS_IN_FILTER].tolist()
            with self._asking() as client:
                found += client.query(
                    name,
                    filter=f"row in {listed}",
                    output_fields=["row", "dense"],
                    timeout=self._options.timeout_s,
                )
        found.sort(key=lambda entity: entity["row"])
        ids = np.fromiter((entity["row"] for entity in found), dtype=np.int64, count=len(found))
        matrix = np.array([entity["dense"] for entity in found], dtype=np.float32).reshape(len(found), space.dimension)
        return ids, matrix

    def close(self) -> None:
        """Close the connection; a later call opens it again."""
        with self._guard:
            client, self._client = self._client, None
            self._known.clear()
        if client is not None:
            client.close()

    def _ready(self, space: Space, *, make: bool = False) -> str:
        """Give the name of a space's Milvus collection, loaded; with `make`, made where it is missing."""
        name = self.name_of(space)
        if name not in self._known:
            with self._asking() as client:
                if make and not client.has_collection(name, timeout=self._options.timeout_s):
                    self._create(client, name, space.dimension)
                client.load_collection(name, timeout=self._options.timeout_s)
            self._known.add(name)
        return name

    def _delete(self, name: str, condition: str) -> None:
        with self._asking() as client:
            if client.has_collection(name, timeout=self._options.timeout_s):
                client.delete(name, filter=condition, timeout=self._options.timeout_s)

    def _create(self, client: Any, name: str, dimension: int) -> None:
        from pymilvus import DataType

        schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("row", DataType.INT64, is_primary=True)
        schema.add_field("collection", DataType.VARCHAR, max_length=_LONGEST_ID, is_partition_key=True)
        schema.add_field("feeding", DataType.INT64)
        schema.add_field("dense", DataType.FLOAT_VECTOR, dim=dimension)
        schema.add_field("words", DataType.SPARSE_FLOAT_VECTOR)
        indexes = client.prepare_index_params()
        indexes.add_index("dense", index_type="HNSW", metric_type=_METRIC, params={"M": 16, "efConstruction": 200})
        indexes.add_index("words", index_type="SPARSE_INVERTED_INDEX", metric_type=_METRIC)
        # Bounded: a search does not wait for the newest write, which this process still holds in memory anyway.
        client.create_collection(
            name,
            schema=schema,
            index_params=indexes,
            consistency_level="Bounded",
            timeout=self._options.timeout_s,
        )

    @contextmanager
    def _asking(self) -> Iterator[Any]:
        try:
            from pymilvus import MilvusClient, MilvusException
        except ImportError as error:
            raise IndexUnavailable(
                "Milvus is asked for, and pymilvus is not installed: pip install 'groundloop[milvus]'"
            ) from error
        try:
            with self._guard:
                if self._client is None:
                    # The library logs every failed call itself, with its filter; what we raise is logged once.
                    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
                    self._client = MilvusClient(
                        self._options.uri, token=self._options.token, timeout=self._options.timeout_s
                    )
                client = self._client
            yield client
        except MilvusException as error:
            with self._guard:
                self._known.clear()  # it may have been emptied, or be another server now
            raise IndexUnavailable(f"Milvus does not answer as it should: {_first_line(error)}") from error


def _of(collection_id: str) -> str:
    return f"collection == {json.dumps(collection_id)}"


def _first_line(error: Exception) -> str:
    return str(getattr(error, "message", "") or error).strip().split("\n", 1)[0][:300]
