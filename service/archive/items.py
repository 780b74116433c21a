"""The pieces that the record is made of, as Redis holds them, and their bytes in a journal.

An item's payload is kept as it is in Redis: whoever can read Redis can read the journal, and nothing is lost to a
conversion. Unknown kinds are skipped when read, so that an older program reads a newer journal.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from service.feedback import keys
from service.feedback.codec import decode_prompt, digest_of
from service.feedback.records import Entry, read_entry

Key = tuple[int, int]  # a stream entry's id, in the order of time


@dataclass(frozen=True)
class AnswerItem:
    """A served answer; `payload` begins with its header line."""

    entry_id: str
    answer_id: str
    payload: bytes

    @cached_property
    def header(self) -> Mapping[str, Any]:
        """What scripts read: prompt, user, version, segment, chunks, collections, consent."""
        return decode_header(self.payload)

    @property
    def prompt_id(self) -> str:
        """The prompt that it answers."""
        return str(self.header["prompt"])

    @property
    def user(self) -> str:
        """Who asked."""
        return str(self.header["user"])


@dataclass(frozen=True)
class PromptItem:
    """A prompt, which names its passages by digest."""

    prompt_id: str
    payload: bytes

    @cached_property
    def digests(self) -> tuple[str, ...]:
        """The passages it shows, each once."""
        return tuple(dict.fromkeys(shown.digest for shown in decode_prompt(self.payload)[1]))


@dataclass(frozen=True)
class PassageItem:
    """What a passage is, by content."""

    digest: str
    payload: bytes


@dataclass(frozen=True)
class EntryItem:
    """An entry of the feedback log: the fields as they are in the stream."""

    entry_id: str
    fields: Mapping[str, str]

    @cached_property
    def entry(self) -> Entry:
        """The judgement."""
        fields = {name.encode(): value.encode() for name, value in self.fields.items()}
        return read_entry(self.entry_id.encode(), fields)

    @property
    def current(self) -> tuple[str, str, str]:
        """Where the standing one of its kind is noted: (key, field, value), exactly as the scripts write it."""
        text, entry = self.fields, self.entry
        if entry.kind == "vote":
            key, parts = keys.votes(entry.answers[0]), [text["r"], text["d"]]
        else:
            key, parts = keys.preferences(entry.prompt_id), [text["a"], text["r"], text["d"]]
        return key, entry.current_field, f"{self.entry_id} {digest_of(*(part.encode() for part in parts))}"


@dataclass(frozen=True)
class StateItem:
    """Any other key that is worth keeping, by its type: string, hash, list, set or zset."""

    key: str
    kind: str
    value: bytes  # JSON; see `service.archive.state`


@dataclass(frozen=True)
class Mark:
    """How far the streams had been read when this was written."""

    answers: str
    feedback: str


Item = AnswerItem | PromptItem | PassageItem | EntryItem | StateItem | Mark


def decode_header(payload: bytes) -> Mapping[str, Any]:
    """Read the header line of an answer's bytes."""
    header: Mapping[str, Any] = json.loads(payload.partition(b"\n")[0])
    return header


def key_of(entry_id: str) -> Key:
    """Give the order of a stream entry's id."""
    at, _, sequence = entry_id.partition("-")
    return int(at), int(sequence or 0)


def encode(item: Item) -> bytes:
    """Give an item's bytes: a JSON line, then the payload as it is."""
    payload = b""
    line: list[Any]
    match item:
        case AnswerItem(entry_id, answer_id, payload):
            line = ["answer", entry_id, answer_id]
        case PromptItem(prompt_id, payload):
            line = ["prompt", prompt_id]
        case PassageItem(digest, payload):
            line = ["passage", digest]
        case EntryItem():
            line = ["entry", item.entry_id, dict(item.fields)]
        case StateItem():
            line, payload = ["state", item.key, item.kind], item.value
        case Mark(answers, feedback):
            line = ["mark", answers, feedback]
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" + payload


def decode(data: bytes) -> Item | None:
    """Undo `encode`; None for a kind that this program does not know."""
    text, _, payload = data.partition(b"\n")
    match json.loads(text):
        case ["answer", entry_id, answer_id]:
            return AnswerItem(entry_id, answer_id, payload)
        case ["prompt", prompt_id]:
            return PromptItem(prompt_id, payload)
        case ["passage", digest]:
            return PassageItem(digest, payload)
        case ["entry", entry_id, fields]:
            return EntryItem(entry_id, fields)
        case ["state", key, kind]:
            return StateItem(key, kind, payload)
        case ["mark", answers, feedback]:
            return Mark(answers, feedback)
        case _:
            return None


def decoded(frames: Iterable[bytes]) -> Iterator[Item]:
    """Decode frames, those of unknown kinds left out."""
    for data in frames:
        if (item := decode(data)) is not None:
            yield item
