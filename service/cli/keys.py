"""`groundloop keys ...`: works on the home folder itself, whether or not the server runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.connect import Home, settings_for
from service.cli.output import Json, emit, table

if TYPE_CHECKING:
    from service.access.keys import ApiKey, KeyStore

MOST_PER_MINUTE = 1_000_000_000
app = typer.Typer(help="API keys of the local home folder.", no_args_is_help=True)


class RoleName(StrEnum):
    """What a key may do, each more than the one before."""

    user = "user"
    operator = "operator"
    admin = "admin"


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What people call it.", show_default=False)],
    role: Annotated[RoleName, typer.Option(help="What it may do.")] = RoleName.user,
    group: Annotated[
        list[str] | None, typer.Option(help="A group whose collections it may read; may be repeated.")
    ] = None,
    trusted: Annotated[
        bool, typer.Option("--trusted", help="It may name the end user it acts for; operators and admins always may.")
    ] = False,
    segment: Annotated[str | None, typer.Option(help="Label by which its results are reported.")] = None,
    requests_per_minute: Annotated[
        int | None,
        typer.Option(min=0, max=MOST_PER_MINUTE, help="Limit of its own, instead of the setting; 0 is none."),
    ] = None,
    votes_per_minute: Annotated[
        int | None, typer.Option(min=0, max=MOST_PER_MINUTE, help="The same for votes.")
    ] = None,
    expires_days: Annotated[
        float | None, typer.Option(min=0.001, max=36500, help="Days until it ends; never by default.")
    ] = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """Make a key and show it, once."""
    expires_at = None if expires_days is None else datetime.now(UTC).timestamp() + expires_days * 86400
    with _store(home) as store:
        key, secret = store.create(
            name,
            role.value,
            groups=frozenset(group or ()),
            trusted=trusted,
            segment=segment,
            requests_per_minute=requests_per_minute,
            votes_per_minute=votes_per_minute,
            expires_at=expires_at,
        )
    emit({**_as_json(key), "key": secret}, secret, json)


@app.command("list")
def list_(home: Home = None, json: Json = False) -> None:
    """List the keys; secrets are not kept, so they cannot be shown."""
    with _store(home) as store:
        keys = store.list()
    rows = [(key.key_id, key.name, key.role, f"…{key.last4}", _state(key)) for key in keys]
    emit([_as_json(key) for key in keys], table(("id", "name", "role", "ends", "state"), rows), json)


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(show_default=False)], home: Home = None, json: Json = False) -> None:
    """End a key, now and for good."""
    from service.client.errors import Refused

    with _store(home) as store:
        key = store.revoke(key_id)
    if key is None:
        raise Refused(f"there is no key {key_id}: `groundloop keys list` shows them")
    emit(_as_json(key), f"revoked {key_id}", json)


@contextmanager
def _store(home: Any) -> Iterator[KeyStore]:
    from service.access.keys import KeyStore

    store = KeyStore(settings_for(home=home).home / "keys.db")
    try:
        yield store
    finally:
        store.close()


def _as_json(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.key_id,
        "name": key.name,
        "role": key.role,
        "last4": key.last4,
        "groups": sorted(key.groups),
        "trusted": key.trusted,
        "segment": key.segment,
        "requests_per_minute": key.requests_per_minute,
        "votes_per_minute": key.votes_per_minute,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }


def _state(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is None:
        return "valid"
    ends = datetime.fromtimestamp(key.expires_at, UTC)
    return "ended" if ends <= datetime.now(UTC) else f"valid until {ends:%Y-%m-%d}"
