"""Puts the journal back into a Redis that lost its data, or part of it.

It only adds: what Redis holds is newer and stays, what the archive holds stays there, so running it twice, or while
people vote, does no harm. Answers and what was said come first, then the streams at one stroke, then the lists, the
standing votes and the counts by day, which follow from the streams. Memory: about 300 bytes an answer and 500 an entry
of the journal.
"""

from __future__ import annotations

import heapq
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Protocol

from redis.exceptions import ResponseError

from service.archive.items import AnswerItem, EntryItem, PassageItem, PromptItem, encode, key_of
from service.archive.items import decode as decode_item
from service.archive.live import stream
from service.archive.state import restore_state
from service.feedback import keys
from service.feedback.recount import recount

if TYPE_CHECKING:
    from redis import Redis

    from service.archive.items import Item, StateItem

BATCH = 500
TEMPORARY = "gl:rebuild:"
UNUSED_S = 3600


class Source(Protocol):
    """Where items come from, again and again in the same order: a journal, or a file of a backup."""

    def read(self) -> Iterator[Item]:
        """Give everything but the state."""

    def read_state(self) -> Sequence[StateItem]:
        """Give the other keys."""


class Elsewhere(Protocol):
    """What is kept outside Redis already: the archive."""

    def holds_answers(self, answer_ids: Sequence[str]) -> set[str]:
        """Give those of these answers that it holds."""

    def holds_entries(self, entry_ids: Sequence[str]) -> set[str]:
        """Give those of these entries that it holds."""


class Nowhere:
    """No archive."""

    def holds_answers(self, answer_ids: Sequence[str]) -> set[str]:
        """Hold nothing."""
        return set()

    def holds_entries(self, entry_ids: Sequence[str]) -> set[str]:
        """Hold nothing."""
        return set()


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What was put back."""

    answers: int = 0
    prompts: int = 0
    passages: int = 0
    entries: int = 0
    other_keys: int = 0

    def as_dict(self) -> dict[str, int]:
        """Give it as data."""
        return asdict(self)


@dataclass(slots=True)
class _Known:
    """What is to be in Redis in the end, by names."""

    answers: dict[str, tuple[str, str, str]]  # answer -> (entry, prompt, user)
    entries: dict[str, bytes]  # entry -> the item's bytes, which are smaller than the item


def rebuild(client: Redis, source: Source, elsewhere: Elsewhere | None = None) -> Rebuilt:
    """Put everything back that is missing.

    Args:
        client: Redis, with `decode_responses=False`.
        source: What was kept.
        elsewhere: What need not be in Redis.

    Returns:
        What was put back.

    Raises:
        redis.RedisError: Redis is away or full; run it again.
    """
    known = _survey(source, elsewhere or Nowhere())
    done = _put_payloads(client, source, known)
    asked = {entry: answer for answer, (entry, _, _) in known.answers.items()}
    done = replace(
        done,
        answers=_put_stream(client, keys.ANSWERS, asked, lambda entry: {"a": asked[entry]}),
        entries=_put_stream(
            client, keys.FEEDBACK, known.entries, lambda entry: dict(_entry(known.entries[entry]).fields)
        ),
    )
    _put_lists(client, known)
    _put_standing(client, known)
    done = replace(done, other_keys=restore_state(client, source.read_state()))
    recount(client)
    return done


def _survey(source: Source, elsewhere: Elsewhere) -> _Known:
    known = _Known({}, {})
    for item in source.read():
        if isinstance(item, AnswerItem):
            known.answers[item.answer_id] = (item.entry_id, item.prompt_id, item.user)
        elif isinstance(item, EntryItem):
            known.entries[item.entry_id] = encode(item)
    archived_answers = _asked(elsewhere.holds_answers, list(known.answers))
    archived_entries = _asked(elsewhere.holds_entries, list(known.entries))
    # A prompt about which anything happened since it was archived was back in Redis, with all that belongs to it.
    loose = {prompt for answer, (_, prompt, _) in known.answers.items() if answer not in archived_answers}
    loose |= {_entry(data).entry.prompt_id for one, data in known.entries.items() if one not in archived_entries}
    known.answers = {answer: what for answer, what in known.answers.items() if what[1] in loose}
    known.entries = {one: data for one, data in known.entries.items() if one not in archived_entries}
    return known


def _put_payloads(client: Redis, source: Source, known: _Known) -> Rebuilt:
    prompts = {prompt for _, prompt, _ in known.answers.values()}
    digests: set[str] = set()
    counts = {PromptItem: 0, PassageItem: 0}
    for piece in _pieces(source.read()):
        with client.pipeline(transaction=False) as pipeline:
            kinds: list[type[Item]] = []
            for item in piece:
                match item:
                    case AnswerItem() if item.answer_id in known.answers:
                        pipeline.set(keys.answer(item.answer_id), item.payload, nx=True)
                    case PromptItem() if item.prompt_id in prompts:
                        pipeline.set(keys.prompt(item.prompt_id), item.payload, nx=True)
                        digests.update(item.digests)
                    case PassageItem():
                        pipeline.set(keys.passage(item.digest), item.payload, nx=True)
                    case _:
                        continue
                kinds.append(type(item))
            for kind, kept in zip(kinds, pipeline.execute(), strict=True):
                if kept and kind in counts:
                    counts[kind] += 1
    return Rebuilt(prompts=counts[PromptItem], passages=counts[PassageItem])


def _put_stream(client: Redis, name: str, wanted: Iterable[str], fields_of: Callable[[str], dict[str, str]]) -> int:
    """Merge entries into a stream, whose ids must grow: a new one is made beside it and takes its place.

    Gives how many entries it did not have.
    """
    live = {entry_id.decode() for piece in stream(client, name) for entry_id, _ in piece}
    missing = sorted((entry_id for entry_id in wanted if entry_id not in live), key=key_of)
    if not missing:
        return 0
    # A name of its own: hosts that share a Redis may rebuild it at the same time. A killed one's expires.
    temporary, last_live = f"{TEMPORARY}{name}:{secrets.token_hex(8)}", "0-0"

    def of_live() -> Iterator[tuple[str, Any]]:
        nonlocal last_live
        for piece in stream(client, name):
            for entry_id, fields in piece:
                last_live = entry_id.decode()
                yield last_live, fields

    try:
        lost = ((one, fields_of(one)) for one in missing)
        for batch in _pieces(heapq.merge(lost, of_live(), key=lambda pair: key_of(pair[0]))):
            with client.pipeline(transaction=False) as pipeline:
                for entry_id, fields in batch:
                    pipeline.xadd(temporary, fields, id=entry_id)
                pipeline.expire(temporary, UNUSED_S)
                pipeline.execute()
        _script(client, "swap")(keys=[name, temporary], args=[last_live])
    except ResponseError:  # another host put things back meanwhile
        client.unlink(temporary)
        raise
    return len(missing)


def _put_lists(client: Redis, known: _Known) -> None:
    """Order the lists of users, prompts and voters anew."""
    lists: dict[str, list[tuple[str, str]]] = defaultdict(list)  # key -> (entry, what the list holds)
    for answer, (entry, prompt, user) in known.answers.items():
        lists[keys.user_answers(user)].append((entry, answer))
        lists[keys.prompt_answers(prompt)].append((entry, answer))
    for entry, data in known.entries.items():
        lists[keys.voter(_entry(data).entry.voter)].append((entry, entry))
    script = _script(client, "list")
    for batch in _pieces(lists.items()):
        with client.pipeline(transaction=False) as pipeline:
            for key, held in batch:
                script(keys=[key], args=[what for _, what in sorted(held, key=lambda p: key_of(p[0]))], client=pipeline)
            pipeline.execute()


def _put_standing(client: Redis, known: _Known) -> None:
    """Note which votes and preferences stand: the last of each voter about each thing."""
    standing: dict[str, dict[str, str]] = defaultdict(dict)
    for entry in sorted(known.entries, key=key_of):
        key, field, value = _entry(known.entries[entry]).current
        standing[key][field] = value
    script = _script(client, "current")
    for batch in _pieces(standing.items()):
        with client.pipeline(transaction=False) as pipeline:
            for key, values in batch:
                script(keys=[key], args=[part for pair in values.items() for part in pair], client=pipeline)
            pipeline.execute()


def _script(client: Redis, name: str) -> Any:
    return client.register_script(files("service.archive").joinpath(f"{name}.lua").read_text())


def _entry(data: bytes) -> EntryItem:
    item = decode_item(data)
    assert isinstance(item, EntryItem)
    return item


def _asked(ask: Any, names: list[str]) -> set[str]:
    found: set[str] = set()
    for first in range(0, len(names), BATCH):
        found |= ask(names[first : first + BATCH])
    return found


def _pieces(items: Iterable[Any]) -> Iterator[list[Any]]:
    piece: list[Any] = []
    for item in items:
        piece.append(item)
        if len(piece) == BATCH:
            yield piece
            piece = []
    if piece:
        yield piece
