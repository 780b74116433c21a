"""What must go from the archive and the journal: a person's data at once, and what is older than may be kept."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from service.archive.folder import BatchName
from service.archive.items import AnswerItem, EntryItem, Item, PromptItem, key_of
from service.archive.journal import Journal
from service.archive.parquet import TABLES, Row, write_rows

if TYPE_CHECKING:
    from service.archive.archive import Archive

Keep = Callable[[Row], bool]


@dataclass(frozen=True, slots=True)
class Erased:
    """What went."""

    answers: int = 0
    judgements: int = 0
    batches: int = 0  # rewritten or deleted
    journal_items: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Give it as data."""
        return asdict(self)


def erase_user(archive: Archive, journal: Journal, user: str) -> Erased:
    """Erase a person: their prompts and answers with everything said about those, and what they said of others'.

    Passages that nothing else in a file shows go with them. Running it again finishes what a crash left.

    Args:
        archive: The archive; each batch that holds the person is rewritten and the old one deleted.
        journal: The journal; its segments are rewritten.
        user: Identity (`Principal.identity`).

    Returns:
        What went.

    Raises:
        StorageFull: The disk is full; run it again.
        ArchiveDamaged: A rewritten batch does not read back; the old one is still there.
    """
    answers = {item.answer_id for item in journal.read() if isinstance(item, AnswerItem) and item.user == user}

    def stays(item: Item) -> bool:
        match item:
            case AnswerItem():
                return item.user != user
            case EntryItem():
                return item.fields["u"] != user and not answers.intersection(item.entry.answers)
            case _:
                return True

    gone = Erased(journal_items=journal.rewrite(stays))
    archive.refresh()
    for batch in archive.folder.batches():
        gone = _add(gone, _without(archive, batch, user))
    archive.index.scrub()  # whatever went: a run that was killed may have come as far as this
    return gone


def drop_before(archive: Archive, journal: Journal, before: float) -> Erased:
    """Drop what was served before a moment: whole batches, rows of the others, and the journal's items.

    Args:
        archive: The archive.
        journal: The journal.
        before: Seconds since the epoch, by Redis's clock.

    Returns:
        What went.
    """
    before_ms = int(before * 1000)
    month = f"{datetime.fromtimestamp(before, UTC):%Y-%m}"
    archive.refresh()
    gone = Erased()
    for batch in archive.folder.batches():
        if batch.month > month:
            continue
        rows = archive.table(batch, "answers", ["entry_id", "prompt_id"]).to_pylist()
        doomed = {row["prompt_id"] for row in rows if key_of(row["entry_id"])[0] < before_ms}
        # A prompt that was asked again goes with its last answer.
        doomed -= {row["prompt_id"] for row in rows if key_of(row["entry_id"])[0] >= before_ms}
        if doomed:
            gone = _add(gone, _rewrite(archive, batch, doomed, lambda row: True))
    old = {item.answer_id for item in journal.read() if isinstance(item, AnswerItem) and _ms(item) < before_ms}

    def stays(item: Item) -> bool:
        if isinstance(item, EntryItem):
            return not old.issuperset(item.entry.answers)
        return not isinstance(item, AnswerItem) or item.answer_id not in old

    return _add(gone, Erased(journal_items=journal.rewrite(stays) if old else 0))


def _without(archive: Archive, batch: BatchName, user: str) -> Erased:
    """Rewrite a batch without a person, if they are in it."""
    prompts = archive.table(batch, "prompts", ["prompt_id", "user"]).to_pylist()
    said = archive.table(batch, "feedback", ["user"])["user"].to_pylist()
    fields = archive.table(batch, "standing", ["field"])["field"].to_pylist()
    theirs = {row["prompt_id"] for row in prompts if row["user"] == user}
    if not theirs and user not in said and not any(_voter(field) == user for field in fields):
        return Erased()
    return _rewrite(
        archive, batch, theirs, lambda row: row.get("user") != user and _voter(row.get("field", "")) != user
    )


def _rewrite(archive: Archive, batch: BatchName, prompts: Collection[str], keep: Keep) -> Erased:
    """Publish the next revision of a batch without some prompts and rows, then delete this one."""
    rows: dict[str, list[Row]] = {name: archive.table(batch, name).to_pylist() for name in TABLES}
    kept = {
        name: [row for row in rows[name] if row.get("prompt_id") not in prompts and keep(row)]
        for name in TABLES
        if name != "passages"
    }
    shown = {digest for row in kept["prompts"] for digest in PromptItem(row["prompt_id"], row["payload"]).digests}
    kept["passages"] = [row for row in rows["passages"] if row["digest"] in shown]
    gone = Erased(
        answers=len(rows["answers"]) - len(kept["answers"]),
        judgements=len(rows["feedback"]) - len(kept["feedback"]),
        batches=1,
    )
    if kept["prompts"]:
        for row in (*kept["answers"], *kept["feedback"]):
            row["time"] = int(row["time"].timestamp() * 1000)
        archive.publish(batch.next(), lambda folder: write_rows(folder, kept))
    archive.remove(batch)
    return gone


def _voter(field: str) -> str:
    """Read the voter out of a field of `gl:votes:` (the voter) or `gl:prefs:` (a digest, a space, the voter)."""
    return field.partition(" ")[2] or field


def _ms(item: AnswerItem) -> int:
    return key_of(item.entry_id)[0]


def _add(one: Erased, other: Erased) -> Erased:
    return Erased(*(a + b for a, b in zip(asdict(one).values(), asdict(other).values(), strict=True)))
