"""What training keeps of people on disk: job folders with snapshots, and versions that learned from them.

A job's folder goes whole: besides the records it may hold texts in checkpoints. What stays of it is who was in which
snapshot, by pseudonym and hash, so that a later erasure still finds the versions that learned from a person.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import redis

from retrieval.durable import sync_directory
from service.privacy import keys
from service.privacy.identity import pseudonym
from training.registry.errors import VersionDamaged
from training.registry.registry import Registry

ERASED = "data it learned from were erased"
_DOOMED = ".erased-"
_READABLE = {".json", ".jsonl", ".log", ".md", ".txt", ".csv"}
_RECORDS = ("snapshot/records.jsonl", "feedback/records.jsonl")
_PEOPLE = (*_RECORDS, "feedback/prompts.jsonl")
_CHUNK = 1 << 20


def jobs_with(training: Path, user: str) -> list[Path]:
    """Find the job folders that hold anything of a person.

    Args:
        training: The folder of all jobs.
        user: Identity.

    Returns:
        The folders, also those of jobs that run.
    """
    # As JSON writes it, with or without escapes; quoted, so that nobody is found who is only called alike.
    wanted = {json.dumps(user, ensure_ascii=ascii_only).encode() for ascii_only in (True, False)}
    return [job for job in _jobs(training) if any(_holds(path, wanted) for path in _files(job))]


def datasets_in(job: Path) -> set[str]:
    """Give the SHA-256 of the records of a job's snapshots."""
    return {_sha256(job / name) for name in _RECORDS if (job / name).is_file()}


def datasets_with(client: redis.Redis, user: str) -> set[str]:
    """Give the SHA-256 of the records of snapshots whose folders are gone and that a person was in."""
    named = [name.decode() for name in client.scan_iter(match=keys.learned("*"), count=500)]
    with client.pipeline(transaction=False) as pipeline:
        for name in named:
            pipeline.sismember(name, pseudonym(user))
        held = pipeline.execute()
    return {name.removeprefix(keys.LEARNED) for name, is_in in zip(named, held, strict=True) if is_in}


def remove_job(client: redis.Redis, job: Path) -> None:
    """Delete a job's folder; who was in its snapshot is noted first, by pseudonym.

    Args:
        client: Takes the note.
        job: The folder of a job that does not run.

    Raises:
        redis.RedisError: Redis is away; the folder stays.
    """
    people = {pseudonym(user) for name in _PEOPLE if (job / name).is_file() for user in _people(job / name)}
    for digest in datasets_in(job) if people else ():
        client.sadd(keys.learned(digest), *people)
    doomed = job.with_name(_DOOMED + secrets.token_hex(8))  # whoever is killed while deleting leaves what to look for
    job.rename(doomed)
    sync_directory(job.parent)
    shutil.rmtree(doomed)


def remove_leftovers(training: Path) -> None:
    """Delete what a killed process had begun to delete."""
    for path in training.glob(f"{_DOOMED}*"):
        shutil.rmtree(path, ignore_errors=True)


def mark_versions(registries: Path, datasets: set[str]) -> tuple[list[str], list[str]]:
    """Mark the versions that learned from any of these snapshots; one that is marked already is left as it is.

    Args:
        registries: The folder of all registries.
        datasets: SHA-256 of records.

    Returns:
        Every version that learned from them, as "<registry> <version>", and those of them that are marked only now.

    Raises:
        StorageFull: The disk is full; some are marked.
    """
    found, new = [], []
    for folder in sorted(registries.iterdir()) if registries.is_dir() and datasets else ():
        registry = Registry(folder) if folder.is_dir() else None
        for listed in registry.list() if registry is not None else ():
            learned = datasets & set(listed.version.card.data_hashes.values()) if listed.version else set()
            if registry is None or listed.version is None or not learned:
                continue
            found.append(f"{folder.name} {listed.name}")
            known = {digest for mark in listed.version.marks if mark.reason == ERASED for digest in mark.data}
            if learned - known:
                try:
                    registry.mark(listed.name, ERASED, who="erasure", data=tuple(sorted(learned)))
                except VersionDamaged:
                    continue  # it cannot serve either
                new.append(f"{folder.name} {listed.name}")
    return found, new


def _jobs(training: Path) -> list[Path]:
    if not training.is_dir():
        return []
    return sorted(path for path in training.iterdir() if path.is_dir() and not path.name.startswith(_DOOMED))


def _files(job: Path) -> Iterator[Path]:
    for path in job.rglob("*"):
        if path.suffix in _READABLE and path.is_file():
            yield path


def _holds(path: Path, wanted: set[bytes]) -> bool:
    longest = max(map(len, wanted))
    before = b""
    try:
        with path.open("rb") as content:
            while piece := content.read(_CHUNK):
                if any(one in before + piece for one in wanted):
                    return True
                before = piece[-longest:]
    except FileNotFoundError:
        return False  # a job that runs has replaced it
    return False


def _people(path: Path) -> Iterator[str]:
    """Give everybody who asked or judged in a file of records or of served answers."""
    with path.open("rb") as lines:
        for line in lines:
            row = json.loads(line)
            answers = row["answers"] if "answers" in row else [row["answer"]]
            yield from (name for name in (row.get("voter"), *(answer.get("user") for answer in answers)) if name)


def _sha256(path: Path) -> str:
    hashed = hashlib.sha256()
    with path.open("rb") as content:
        while piece := content.read(_CHUNK):
            hashed.update(piece)
    return hashed.hexdigest()
