"""`groundloop link`: works on the home folder itself, as `keys` does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from service.cli.connect import Home, settings_for
from service.cli.output import Json, emit


def link(
    url: Annotated[
        str | None,
        typer.Option(envvar="GROUNDLOOP_URL", help="Address at which the browser reaches the server."),
    ] = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """Print an address that signs one browser in with the first admin key, within 15 minutes."""
    from service.access.sessions import make_first_link, sign_in_url
    from service.client.errors import Refused
    from service.client.http import local_url

    settings = settings_for(home=home)
    made = make_first_link(settings.home)
    if made is None:
        raise Refused(f"no admin key stands in {settings.home}: `groundloop keys create NAME --role admin` makes one")
    kept, token = made
    address = sign_in_url(url or local_url(settings.host, settings.port), token)
    ends = datetime.fromtimestamp(kept.expires_at, UTC)
    emit({"url": address, "expires_at": kept.expires_at}, f"{address}\nworks once, until {ends:%H:%M} UTC", json)
