"""The snapshot of a cycle: what may be learned from, copied from the log first of all, whole, hashed, immutable.

JOB/feedback/
  records.jsonl    judgements joined with their prompts and answers, in the order of the log
  left_out.jsonl   {"entry", "reason"} for every other entry of the window
  prompts.jsonl    a sample of what was served in the same time, judged or not
  manifest.json    sizes and hashes; counts, window and scope under `metadata`

The same log gives the same snapshot. A cycle that is taken up again finds its snapshot and takes no second one.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from retrieval.durable import Manifest, publish_directory, read_manifest
from service.archive.archive import Archive
from service.archive.places import open_archive
from service.archive.reading import ArchivedRecord
from service.cycles.client import open_redis
from service.cycles.readers import current_readers
from service.cycles.reading import Rules, TrainingReader
from service.cycles.served import sample_served
from service.cycles.tally import Base, Counted, catch_up, counted, mark
from service.cycles.window import dataset_config
from service.feedback.answers import AnswerStore
from service.feedback.log import FeedbackLog
from service.privacy.consent import Consents
from service.privacy.redact import Redactor
from service.scopes import Readers, Scope
from service.settings import Settings
from service.voters.store import VoterStore

FEEDBACK = "feedback"
RECORDS, LEFT_OUT, PROMPTS = "records.jsonl", "left_out.jsonl", "prompts.jsonl"


@dataclass(frozen=True, slots=True)
class SnapshotInfo:
    """A snapshot described."""

    directory: Path
    records: int
    digest: str  # SHA-256 of the records
    since: float  # seconds since the epoch: nothing older was read
    until: float  # the same, by Redis's clock: when the reading began
    last_id: str  # newest entry of the log at that time; empty where there was none
    left_out: Mapping[str, int]  # by reason
    prompts: int  # of the sample

    @property
    def files(self) -> dict[str, Path]:
        """Give the files by their names."""
        return {name: self.directory / name for name in (RECORDS, LEFT_OUT, PROMPTS)}


def write_snapshot(settings: Settings, scope: Scope, directory: Path) -> SnapshotInfo:
    """Take the snapshot of a cycle into `directory/feedback`, or give the one that is there.

    Args:
        settings: Where Redis and the catalog are, and what is too old.
        scope: What the cycle trains for.
        directory: The job's; made when absent.

    Returns:
        The snapshot.

    Raises:
        redis.exceptions.RedisError: Redis does not answer; nothing was left behind.
        StorageFull: The disk is full; nothing was left behind.
        BadJob: The options of the data set make no sense.
    """
    if not (directory / FEEDBACK).is_dir():
        _take(settings, scope, directory)
    told = read_manifest(directory / FEEDBACK).metadata
    asyncio.run(_mark(settings, scope, Base(told["last_id"], told["counted"], told["own"], told["since"])))
    return read_snapshot(directory)


def read_snapshot(directory: Path) -> SnapshotInfo:
    """Describe the snapshot of a job.

    Args:
        directory: The job's.

    Returns:
        The snapshot.

    Raises:
        IndexCorrupt: There is none, or its manifest is damaged.
    """
    manifest: Manifest = read_manifest(directory / FEEDBACK)
    told = manifest.metadata
    return SnapshotInfo(
        directory=directory / FEEDBACK,
        records=told["records"],
        digest=manifest.files[RECORDS].sha256,
        since=told["since"],
        until=told["until"],
        last_id=told["last_id"],
        left_out=told["left_out"],
        prompts=told["prompts"],
    )


def _take(settings: Settings, scope: Scope, directory: Path) -> None:
    readers = current_readers(settings)
    metadata: dict[str, Any] = {}
    with closing(open_archive(settings)) as archive:
        taking = _Taking(settings, scope, readers, archive)

        def fill(target: Path) -> None:
            metadata.update(asyncio.run(taking.write(target)))

        publish_directory(directory, FEEDBACK, fill, metadata=metadata)  # read after `fill`


@dataclass(frozen=True, slots=True)
class _Taking:
    """One snapshot in the making."""

    settings: Settings
    scope: Scope
    readers: Readers
    archive: Archive

    async def write(self, target: Path) -> dict[str, Any]:
        """Write the files; gives what the manifest says of them."""
        window_s = dataset_config(self.settings).window_s
        async with open_redis(self.settings) as client:
            older = ArchivedRecord(client, self.archive)
            seconds, micros = await client.time()
            until = seconds + micros / 1e6
            since = 0.0 if window_s is None else max(0.0, until - window_s)
            log = FeedbackLog(client, older)
            newest = await log.range("-", "+", count=1, newest_first=True)
            last_id = newest[0].entry_id if newest else ""
            excluded = frozenset(await VoterStore(client).excluded())
            rules = Rules(self.scope, self.readers, excluded, Redactor.of(self.settings))
            consents = Consents(client, default=self.settings.consent_default)
            await catch_up(client, rules.readers, rules.excluded)
            before = (await counted(client)).get(str(self.scope), Counted()).judgements
            answers = AnswerStore(client, older)
            records, own, left_out = 0, 0, Counter[str]()
            with (target / RECORDS).open("wb") as kept, (target / LEFT_OUT).open("wb") as dropped:
                if last_id:
                    reader = TrainingReader(log, answers, consents, rules)
                    async for piece in reader.pieces(str(int(since * 1000)), last_id):
                        _write(kept, piece.rows)
                        _write(dropped, ({"entry": entry, "reason": reason} for entry, reason in piece.left_out))
                        records += len(piece.rows)
                        own += piece.own
                        left_out.update(reason for _, reason in piece.left_out)
            with (target / PROMPTS).open("wb") as served:
                prompts = await sample_served(
                    client, answers, consents, rules, since, lambda rows: _write(served, rows)
                )
        return {
            "scope": str(self.scope),
            "records": records,
            "own": own,
            "counted": before,
            "left_out": dict(sorted(left_out.items())),
            "prompts": prompts,
            "since": since,
            "until": until,
            "last_id": last_id,
        }


async def _mark(settings: Settings, scope: Scope, found: Base) -> None:
    async with open_redis(settings) as client:
        await mark(client, scope, found)


def _write(out: IO[bytes], rows: Iterable[Mapping[str, Any]]) -> None:
    out.writelines(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for row in rows)
