"""Collections and their access lists: rows of `collections` and `collection_readers`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence

from retrieval.catalog import documents, feed, reembedding, validate
from retrieval.catalog.access import collection_row, readable_collection
from retrieval.catalog.paging import Listing, Order, depart, page
from retrieval.catalog.rows import CollectionRef, Page, to_collection
from retrieval.errors import CollectionNotFound, Conflict
from retrieval.types import Caller, Collection

_SCOPE = "collections"


def create(
    connection: sqlite3.Connection,
    collection_id: str,
    name: str,
    *,
    embedding_model: str,
    readers: frozenset[str],
    attributes: Mapping[str, str] | None,
    now: float,
) -> Collection:
    """Add a collection."""
    seq = feed.next_seq(connection)
    try:
        row = connection.execute(
            "INSERT INTO collections (collection_id, name, embedding_model, attributes, seq, floor_seq, "
            "created_at, last_active_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
            (
                validate.collection_id(collection_id),
                validate.name(name),
                embedding_model,
                validate.metadata_json(attributes),
                seq,
                seq,
                now,
                now,
            ),
        ).fetchone()
    except sqlite3.IntegrityError as error:
        raise Conflict(f"The collection id {collection_id!r} is taken.") from error
    _set_readers(connection, row["row"], readers)
    return describe(connection, [row])[0]


def get(connection: sqlite3.Connection, caller: Caller, collection_id: str) -> Collection:
    """Fetch one collection the caller may read."""
    return describe(connection, [collection_row(connection, caller, collection_id)])[0]


def find(connection: sqlite3.Connection, caller: Caller, name_or_id: str) -> Collection | None:
    """Fetch a collection by id, else the oldest readable one with that name."""
    condition, parameters = readable_collection(caller)
    row = connection.execute(
        f"SELECT c.* FROM collections c WHERE (c.collection_id = ? OR c.name = ?) AND {condition} "
        "ORDER BY c.collection_id = ? DESC, c.row LIMIT 1",
        [name_or_id, name_or_id, *parameters, name_or_id],
    ).fetchone()
    return describe(connection, [row])[0] if row else None


def list_page(
    connection: sqlite3.Connection, caller: Caller, *, limit: int, after: str | None, order: Order
) -> Page[Collection]:
    """Fetch a page of the collections the caller may read."""
    condition, parameters = readable_collection(caller)
    listing = Listing(f"FROM collections c WHERE {condition}", parameters, "c.row", "c.collection_id", _SCOPE)
    rows, has_more = page(connection, listing, "c.*", limit=limit, after=after, order=order)
    return Page(tuple(describe(connection, rows)), has_more)


def references(connection: sqlite3.Connection, caller: Caller, ids: Sequence[str] | None) -> tuple[CollectionRef, ...]:
    """Fetch the readable collections among `ids`, in that order, or all readable ones for None."""
    condition, parameters = readable_collection(caller)
    wanted = None if ids is None else json.dumps(list(ids))
    rows = connection.execute(
        f"SELECT c.collection_id, c.name, c.embedding_model, c.seq FROM collections c WHERE {condition} "
        "AND (? IS NULL OR c.collection_id IN (SELECT value FROM json_each(?))) ORDER BY c.row",
        [*parameters, wanted, wanted],
    )
    found = {row["collection_id"]: CollectionRef(*row) for row in rows}
    if ids is None:
        return tuple(found.values())
    for missing in (i for i in ids if i not in found):
        raise CollectionNotFound(f"There is no collection {missing!r}.")
    return tuple(found[i] for i in dict.fromkeys(ids))


def update(
    connection: sqlite3.Connection,
    caller: Caller,
    collection_id: str,
    *,
    name: str | None,
    attributes: Mapping[str, str] | None,
    readers: frozenset[str] | None,
    embedding_model: str | None,
    now: float,
) -> Collection:
    """Change what is not None."""
    row = collection_row(connection, caller, collection_id)
    if name is not None:
        connection.execute("UPDATE collections SET name = ? WHERE row = ?", (validate.name(name), row["row"]))
    if attributes is not None:
        connection.execute(
            "UPDATE collections SET attributes = ? WHERE row = ?", (validate.metadata_json(attributes), row["row"])
        )
    if readers is not None:
        _set_readers(connection, row["row"], readers)
    if embedding_model is not None:
        reembedding.start(connection, row, embedding_model)
    documents.touch(connection, row["row"], now=now)
    feed.bump(connection, row["row"])
    fresh = connection.execute("SELECT * FROM collections WHERE row = ?", (row["row"],)).fetchone()
    return describe(connection, [fresh])[0]


def delete(connection: sqlite3.Connection, caller: Caller, collection_id: str) -> None:
    """Delete a collection with its documents; their files stay."""
    row = collection_row(connection, caller, collection_id)
    connection.execute("DELETE FROM collections WHERE row = ?", (row["row"],))
    depart(connection, _SCOPE, collection_id, row["row"])
    feed.next_seq(connection)


def describe(connection: sqlite3.Connection, rows: Sequence[sqlite3.Row]) -> list[Collection]:
    """Add readers and counts to rows of `collections`."""
    wanted = json.dumps([row["row"] for row in rows])
    readers: dict[int, set[str]] = {row["row"]: set() for row in rows}
    counts: dict[int, dict[str, int]] = {row["row"]: {} for row in rows}
    usage: dict[int, int] = dict.fromkeys(readers, 0)
    for owner, principal in connection.execute(
        "SELECT collection_row, principal FROM collection_readers WHERE collection_row IN (SELECT value "
        "FROM json_each(?))",
        [wanted],
    ):
        readers[owner].add(principal)
    for owner, status, count, used in connection.execute(
        "SELECT collection_row, status, count(*), sum(usage_bytes) FROM documents "
        "WHERE collection_row IN (SELECT value FROM json_each(?)) GROUP BY collection_row, status",
        [wanted],
    ):
        counts[owner][status] = count
        usage[owner] += used
    return [to_collection(r, frozenset(readers[r["row"]]), counts[r["row"]], usage[r["row"]]) for r in rows]


def _set_readers(connection: sqlite3.Connection, row: int, readers: frozenset[str]) -> None:
    connection.execute("DELETE FROM collection_readers WHERE collection_row = ?", (row,))
    connection.executemany(
        "INSERT INTO collection_readers VALUES (?, ?)", [(principal, row) for principal in validate.readers(readers)]
    )
