"""Which server a command talks to, and with which key."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.client.errors import Refused

if TYPE_CHECKING:
    from service.client.http import Server
    from service.settings import Settings

Url = Annotated[
    str | None,
    typer.Option("--url", envvar="GROUNDLOOP_URL", help="Address of a running server; by default the local one."),
]
Key = Annotated[
    str | None,
    typer.Option(
        "--key", envvar="GROUNDLOOP_API_KEY", help="API key; by default the one in the home folder.", show_envvar=True
    ),
]
Home = Annotated[Path | None, typer.Option("--home", help="Home folder, instead of GROUNDLOOP_HOME.")]


def settings_for(**overrides: Any) -> Settings:
    """Load the settings.

    Args:
        **overrides: Options by setting name; one that is None was not given and is left to the environment.

    Returns:
        The settings.

    Raises:
        Refused: If a setting has a value that cannot work.
    """
    from pydantic import ValidationError

    from service.settings import load_settings

    try:
        return load_settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        problems = "; ".join(f"GROUNDLOOP_{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        raise Refused(f"a setting cannot be used: {problems}") from error


def server_for(url: str | None, key: str | None) -> Server:
    """Give a client for the named server, or for the one of the home folder."""
    from service.client.http import Server, local_url, saved_key

    if url is None or key is None:
        settings = settings_for()
        key = key or saved_key(settings.home)
        url = url or local_url(settings.host, settings.port)
    return Server(url, key)


def use_home(home: Path | None) -> None:
    """Let an option stand in for GROUNDLOOP_HOME, in this process and its children."""
    if home is not None:
        os.environ["GROUNDLOOP_HOME"] = str(home.expanduser().absolute())
