"""OpenAI's pagination: `after` is the id of the last item seen, `order` is by creation.

A cursor keeps working when its item has been deleted meanwhile, so a client may delete everything it lists.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from retrieval.catalog.validate import page_limit
from retrieval.errors import InvalidInput

Order = Literal["asc", "desc"]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that can be paged through.

    `source` is SQL from `FROM` on with the conditions on what belongs to the list; `row` and `public_id` are its
    columns for position and id; `scope` names the list among the departed. `wanted` are columns and the values asked
    for, None for any: a cursor may stand on an item that has changed meanwhile and is not wanted any more.
    """

    source: str
    parameters: Sequence[object]
    row: str
    public_id: str
    scope: str
    wanted: Mapping[str, str | None] = field(default_factory=dict)


def page(
    connection: sqlite3.Connection,
    listing: Listing,
    columns: str,
    *,
    limit: int,
    after: str | int | None,
    order: Order,
) -> tuple[list[sqlite3.Row], bool]:
    """Fetch one page.

    Args:
        connection: Inside a transaction.
        listing: What to page through.
        columns: SQL of the columns to fetch.
        limit: Most rows to return, 1 to 10,000.
        after: Id of the item before the page, or its position where that is known, or None for the first page.
        order: "asc" is oldest first.

    Returns:
        The rows, and whether more follow.

    Raises:
        InvalidInput: When `order` is unknown or `after` was never in this list.
    """
    if order not in ("asc", "desc"):
        raise InvalidInput("The order is 'asc' or 'desc'.", param="order")
    query = f"SELECT {columns} {listing.source}"
    parameters = list(listing.parameters)
    for column, value in listing.wanted.items():
        if value is not None:
            query += f" AND {column} = ?"
            parameters.append(value)
    if after is not None:
        query += f" AND {listing.row} {'>' if order == 'asc' else '<'} ?"
        parameters.append(after if isinstance(after, int) else position(connection, listing, after))
    query += f" ORDER BY {listing.row} {order} LIMIT ?"
    rows = connection.execute(query, [*parameters, page_limit(limit) + 1]).fetchall()
    return rows[:limit], len(rows) > limit


def depart(connection: sqlite3.Connection, scope: str, public_id: str, row: int) -> None:
    """Remember where a deleted item stood."""
    connection.execute("INSERT OR REPLACE INTO departed VALUES (?, ?, ?)", (scope, public_id, row))


def position(connection: sqlite3.Connection, listing: Listing, after: str) -> int:
    """Give where an item stands or stood; `InvalidInput` when it was never in this list."""
    found = connection.execute(
        f"SELECT {listing.row} {listing.source} AND {listing.public_id} = ?",
        [*listing.parameters, after],
    ).fetchone()
    if found is None:
        found = connection.execute(
            "SELECT row FROM departed WHERE scope = ? AND id = ?", (listing.scope, after)
        ).fetchone()
    if found is None:
        raise InvalidInput(f"There is no item {after!r} to continue after.", param="after")
    return int(found[0])
