"""The files of one batch of the archive.

Every row carries its bytes exactly as Redis held them, and beside them the columns that people ask for; any Parquet
reader can query those. A batch holds whole units: a prompt, all its answers, every judgement of them that was in Redis,
and which of them stood.

answers   answer_id, entry_id, time, prompt_id, user, version, segment, collections, consent, payload
prompts   prompt_id, user, payload
passages  digest, payload
feedback  entry_id, time, kind, answers, prompt_id, user, versions, segment, rating, consent, replaces, details
standing  key, field, value, prompt_id: the current vote or preference of each voter, as in Redis
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.archive.items import AnswerItem, EntryItem, PassageItem, PromptItem, key_of

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_PER_GROUP = 1000  # what reading one row costs to read: about 1 MB
TABLES = ("answers", "prompts", "passages", "feedback", "standing")
Row = dict[str, Any]


@dataclass(frozen=True)
class Standing:
    """Which entry of a voter stands; `key` and `field` are those of Redis."""

    key: str
    field: str
    value: str
    prompt_id: str


@dataclass(frozen=True)
class Unit:
    """A prompt with everything that hangs on it."""

    prompt: PromptItem
    answers: tuple[AnswerItem, ...]
    entries: tuple[EntryItem, ...]
    standing: tuple[Standing, ...]

    @property
    def user(self) -> str:
        """Who asked."""
        return self.answers[0].user

    @property
    def first_ms(self) -> int:
        """When its first answer was served, by Redis's clock."""
        return min(key_of(item.entry_id)[0] for item in self.answers)


def write_batch(folder: Path, units: Sequence[Unit], passages: Mapping[str, PassageItem]) -> None:
    """Write the files of a batch into an empty folder.

    Args:
        folder: Where to.
        units: What is archived.
        passages: What the prompts show, by digest.
    """
    digests = sorted({digest for unit in units for digest in unit.prompt.digests if digest in passages})
    answers = sorted((item for unit in units for item in unit.answers), key=lambda item: key_of(item.entry_id))
    entries = sorted((item for unit in units for item in unit.entries), key=lambda item: key_of(item.entry_id))
    write_rows(
        folder,
        {
            "answers": [_answer_row(item) for item in answers],
            "prompts": [
                {"prompt_id": unit.prompt.prompt_id, "user": unit.user, "payload": unit.prompt.payload}
                for unit in units
            ],
            "passages": [{"digest": digest, "payload": passages[digest].payload} for digest in digests],
            "feedback": [_entry_row(item) for item in entries],
            "standing": [
                {"key": one.key, "field": one.field, "value": one.value, "prompt_id": one.prompt_id}
                for unit in units
                for one in unit.standing
            ],
        },
    )


def write_rows(folder: Path, tables: Mapping[str, Sequence[Row]]) -> None:
    """Write rows as the files of a batch."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schemas = _schemas()
    for name in TABLES:
        table = pa.Table.from_pylist(list(tables[name]), schema=schemas[name])
        # Payloads are deflated already and differ in every row: a dictionary of them would double the file.
        plain = [field.name for field in schemas[name] if field.name not in ("payload", "details")]
        pq.write_table(
            table,
            folder / f"{name}.parquet",
            compression="zstd",
            row_group_size=ROWS_PER_GROUP,
            use_dictionary=plain,
        )


def answer_item(row: Row) -> AnswerItem:
    """Give a row of `answers` as an item."""
    return AnswerItem(row["entry_id"], row["answer_id"], row["payload"])


def entry_item(row: Row) -> EntryItem:
    """Give a row of `feedback` as an item, field by field as it was in the stream."""
    fields = {
        "k": row["kind"],
        "a": ",".join(row["answers"]),
        "q": row["prompt_id"],
        "u": row["user"],
        "v": ",".join(row["versions"]),
        "s": row["segment"],
        "r": row["rating"],
        "c": "1" if row["consent"] else "0",
        "p": row["replaces"],
        "d": row["details"],
    }
    return EntryItem(row["entry_id"], fields)


def _answer_row(item: AnswerItem) -> Row:
    header = item.header
    return {
        "answer_id": item.answer_id,
        "entry_id": item.entry_id,
        "time": key_of(item.entry_id)[0],
        "prompt_id": item.prompt_id,
        "user": item.user,
        "version": header["version"],
        "segment": header["segment"],
        "collections": list(header["collections"]),
        "consent": bool(header["consent"]),
        "payload": item.payload,
    }


def _entry_row(item: EntryItem) -> Row:
    text = item.fields
    return {
        "entry_id": item.entry_id,
        "time": key_of(item.entry_id)[0],
        "kind": text["k"],
        "answers": text["a"].split(","),
        "prompt_id": text["q"],
        "user": text["u"],
        "versions": text["v"].split(","),
        "segment": text["s"],
        "rating": text["r"],
        "consent": text["c"] == "1",
        "replaces": text["p"],
        "details": text["d"],
    }


def _schemas() -> dict[str, pa.Schema]:
    import pyarrow as pa

    text, time, texts = pa.string(), pa.timestamp("ms", tz="UTC"), pa.list_(pa.string())
    common = [("time", time), ("prompt_id", text), ("user", text), ("segment", text), ("consent", pa.bool_())]
    return {
        "answers": pa.schema(
            [
                ("answer_id", text),
                ("entry_id", text),
                *common,
                ("version", text),
                ("collections", texts),
                ("payload", pa.binary()),
            ]
        ),
        "prompts": pa.schema([("prompt_id", text), ("user", text), ("payload", pa.binary())]),
        "passages": pa.schema([("digest", text), ("payload", pa.binary())]),
        "feedback": pa.schema(
            [
                ("entry_id", text),
                *common,
                ("kind", text),
                ("answers", texts),
                ("versions", texts),
                ("rating", text),
                ("replaces", text),
                ("details", text),
            ]
        ),
        "standing": pa.schema([("key", text), ("field", text), ("value", text), ("prompt_id", text)]),
    }
