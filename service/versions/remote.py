"""Versions behind a model server: the base as it is there, and adapters that it loads under the versions' own names."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from service.scopes import Scope, registry_folder

if TYPE_CHECKING:
    from service.settings import Settings
    from training.policy.remote import RemotePolicy
    from training.registry.versions import Version

log = logging.getLogger(__name__)


class Unfit(Exception):
    """A version that the settings cannot serve: for another policy or base model. Nothing is wrong with it."""


def remote_policy(
    settings: Settings,
    version: str,
    *,
    model: str | None = None,
    restore: Callable[[], None] | None = None,
    on_close: Callable[[], None] | None = None,
) -> RemotePolicy:
    """Make a policy of a model on the server that is set; nothing is sent.

    Args:
        settings: Which server.
        version: Name recorded on every answer.
        model: Its name on the server; the base's when None.
        restore: Loads it there again.
        on_close: Called after the last answer.

    Returns:
        The policy.
    """
    from training.policy.remote import Patience, RemotePolicy

    return RemotePolicy(
        settings.remote_base_url or "",
        model or settings.remote_model or "",
        _key(settings),
        version=version,
        patience=Patience(read_s=settings.remote_timeout_s),
        restore=restore,
        on_close=on_close,
    )


def lora_policy(settings: Settings, version: Version, scope: Scope, *, leaving: Callable[[], bool]) -> RemotePolicy:
    """Have the server load a version's adapter, and make a policy of it. Blocking.

    Its name there is the version's own, which never means another: several processes may load it, and a server that
    was started anew gets it again with the first request that misses it.

    Args:
        settings: Which server, and where it sees the registry.
        version: With an adapter.
        scope: Whose version it is.
        leaving: Tells whether this process ends; then the adapter stays, because other processes may use it.

    Returns:
        The policy; closing it unloads the adapter.

    Raises:
        Unfit: The version has no adapter.
        PolicyError: The server cannot be reached or does not load it.
    """
    from training.policy.remote import Patience
    from training.policy.remote.lora import LoraServer

    adapter = version.adapter
    if adapter is None:
        raise Unfit(f"{version.name} has no adapter")
    root = settings.remote_lora_root or settings.home / "registry"
    path = str(root / adapter.relative_to(registry_folder(settings, scope).parent))
    patience = Patience(read_s=settings.remote_timeout_s)
    server = LoraServer(settings.remote_base_url or "", _key(settings), patience=patience)

    def unload() -> None:
        try:
            if not leaving():
                server.unload(version.name)
        finally:
            server.close()

    def restore() -> None:
        log.warning("the model server lost the adapter %s; it is loaded again", version.name)
        server.load(version.name, path)

    try:
        server.load(version.name, path)
    except BaseException:
        server.close()
        raise
    return remote_policy(settings, version.name, model=version.name, restore=restore, on_close=unload)


def _key(settings: Settings) -> str:
    return "" if settings.remote_api_key is None else settings.remote_api_key.get_secret_value()
