"""Groundloop's own documentation as its first collection, so that the first question can be about Groundloop."""

from __future__ import annotations

import json
from pathlib import Path

from service.client.folder import local_files
from service.client.http import Server, saved_key
from service.client.ingest import FileResult, Progress, find_collection, find_or_create_collection, ingest

DOCS_COLLECTION = "groundloop-docs"
ROOT = Path(__file__).resolve().parents[2]


def own_documents(root: Path = ROOT) -> list[Path]:
    """Give the README and the docs folder of a source tree; nothing where the program was installed without them."""
    if not (root / "docs").is_dir() or not (root / "pyproject.toml").is_file():
        return []
    return [path for path in (root / "README.md", root / "docs") if path.exists()]


def ingest_own_docs(url: str, home: Path, *, root: Path = ROOT) -> list[FileResult]:
    """Bring the documentation into its collection; unchanged files are skipped, a deleted collection stays deleted.

    Args:
        url: The running server.
        home: Where the first admin key is kept.
        root: The source tree.

    Returns:
        What became of each file; nothing where there is nothing to ingest.

    Raises:
        ClientError: If the server refuses or goes away.
    """
    files = [
        file for file in local_files(own_documents(root)) if file.path.suffix == ".md" and file.path.stat().st_size
    ]
    key = saved_key(home)
    if not files or key is None:
        return []
    marker = home / "run" / "docs.json"
    with Server(url, key) as server:
        if marker.exists() and find_collection(server, DOCS_COLLECTION) is None:
            return []
        collection = find_or_create_collection(server, DOCS_COLLECTION)
        marker.write_text(json.dumps({"collection": collection}))
        quiet = Progress(
            uploading=lambda file: None, stage=lambda source, stage, percent: None, finished=lambda result: None
        )
        return ingest(server, collection, files, quiet, supported=lambda path: True, delete_missing=True)


def summary(results: list[FileResult]) -> str | None:
    """Say in one sentence what happened, None if there is nothing to say."""
    if not results:
        return None
    failed = [result for result in results if result.outcome == "failed"]
    if failed:
        return f"{len(failed)} documents of {DOCS_COLLECTION} failed, the first: {failed[0].source}: {failed[0].reason}"
    new = sum(result.outcome == "completed" for result in results)
    kept = sum(result.outcome == "unchanged" for result in results)
    return (
        f"{DOCS_COLLECTION}: {new} documents ingested, {kept} unchanged"
        if new
        else f"{DOCS_COLLECTION}: {kept} documents, unchanged"
    )
