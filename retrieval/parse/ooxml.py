"""How the parts of an Office Open XML package find each other: relationships and core properties."""

from __future__ import annotations

import posixpath

from retrieval.parse.archive import SafeZip
from retrieval.parse.safe_xml import attribute, local_name, parse_xml

_KEPT = {"title": "title", "creator": "author", "created": "created", "modified": "modified"}


def _relationships(archive: SafeZip, part: str) -> list[tuple[str, str]]:
    """Give (kind, target part) of a part's internal relationships; `part` is empty for the package itself."""
    folder, name = posixpath.split(part)
    rels = posixpath.join(folder, "_rels", f"{name}.rels")
    if rels not in archive.names:
        return []
    found = []
    for item in parse_xml(archive.read(rels), "its table of parts"):
        target, kind = attribute(item, "Target") or "", attribute(item, "Type") or ""
        if local_name(item) == "Relationship" and attribute(item, "TargetMode") != "External":
            path = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
            found.append((kind.rpartition("/")[2], path))
    return found


def related_part(archive: SafeZip, part: str, kind: str) -> str | None:
    """Give the name of the part that `part` relates to as `kind` (such as `styles`), when it is there."""
    return next((path for k, path in _relationships(archive, part) if k == kind and path in archive.names), None)


def main_part(archive: SafeZip, default: str) -> str:
    """Give the name of the package's main part."""
    return related_part(archive, "", "officeDocument") or default


def core_properties(archive: SafeZip) -> dict[str, str]:
    """Give title, author and dates of the package, as far as it states them."""
    part = related_part(archive, "", "core-properties")
    if part is None:
        return {}
    root = parse_xml(archive.read(part), "its properties")
    return {_KEPT[local_name(e)]: e.text for e in root if local_name(e) in _KEPT and e.text and e.text.strip()}
