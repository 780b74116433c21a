"""When a collection is closed: which versions learned from it while everybody could read it.

What was said about it is out of the next snapshots (`service/scopes.py`). Versions made before hold something of it, so
they are marked: marked versions are not promoted, and one that serves goes on until a cycle made without it, or an
operator, replaces it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from service.scopes import Readers, is_open, named_scope, registry_folder, registry_kind, scopes_present

if TYPE_CHECKING:
    from service.settings import Settings
    from training.registry.versions import Version

log = logging.getLogger(__name__)


def mark_closed(settings: Settings, readers: Readers, *, who: str) -> tuple[str, ...]:
    """Mark the versions that learned from collections which not everybody may read any more, and warn of them.

    Args:
        settings: Where the registries are.
        readers: Access lists of the collections to look at; the open ones among them are no reason.
        who: Who closed one, or looked.

    Returns:
        The names of the versions newly marked. A collection's own adapter is never one of them.

    Raises:
        StorageFull: The disk is full; some may be marked.
    """
    from training.registry.registry import Registry

    closed = {one for one in readers if not is_open(one, readers)}
    newly: list[str] = []
    for scope in scopes_present(settings) if closed else ():
        folder = registry_folder(settings, scope)
        if not folder.is_dir():
            continue
        registry = Registry(folder, kind=registry_kind(settings))
        theirs = {one for one in closed if named_scope("collection", one) != scope}
        for version in [line.version for line in registry.list() if line.version is not None]:
            for reason in _reasons(version, theirs):
                registry.mark(version.name, reason, who=who)
                newly.append(version.name)
                log.warning(
                    "version %s (%s) %s; it is not promoted any more, and replaced by the next cycle if it serves",
                    version.name,
                    scope,
                    reason,
                )
    return tuple(dict.fromkeys(newly))


def _reasons(version: Version, closed: set[str]) -> Iterator[str]:
    """Give what is not marked yet."""
    known = {mark.reason for mark in version.marks}
    for collection_id in sorted(closed & set(version.card.data.get("collections", {}))):
        reason = f"learned from collection {collection_id}, which not everybody may read any more"
        if reason not in known:
            yield reason
