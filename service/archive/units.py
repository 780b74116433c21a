"""Whole units - a prompt with its answers and judgements - read out of Redis, taken out of it, and brought back.

Reading is not atomic and need not be: taking out is one script that does nothing where anything was said meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from service.archive.items import AnswerItem, EntryItem, PassageItem, PromptItem
from service.archive.live import entry_item
from service.archive.parquet import Standing, Unit
from service.feedback import keys
from service.redis.calls import Call, script

if TYPE_CHECKING:
    from redis import Redis

DOOMED = "gl:doomed"  # of `service.privacy.keys`: passages that no prompt may show any more


def read_units(client: Redis, prompt_ids: Sequence[str], entry_of: Mapping[str, str]) -> list[Unit]:
    """Read units.

    Args:
        client: Redis, with `decode_responses=False`.
        prompt_ids: Which.
        entry_of: The stream entries of answers, by their ids.

    Returns:
        Those that are whole and of whose answers all entries are known.
    """
    listed = _pipelined(client, [("LRANGE", keys.prompt_answers(one), 0, -1) for one in prompt_ids])
    answers = {
        prompt_id: [name.decode() for name in names]
        for prompt_id, names in zip(prompt_ids, listed, strict=True)
        if names and all(name.decode() in entry_of for name in names)
    }
    names = [name for listed in answers.values() for name in listed]
    prompts = _by(answers, _pipelined(client, [("GET", keys.prompt(one)) for one in answers]))
    payloads = _by(names, _pipelined(client, [("GET", keys.answer(name)) for name in names]))
    votes = _by(names, _pipelined(client, [("HGETALL", keys.votes(name)) for name in names]))
    preferences = _by(answers, _pipelined(client, [("HGETALL", keys.preferences(one)) for one in answers]))
    standing = {
        prompt_id: [
            *(_standing(keys.votes(name), votes[name], prompt_id) for name in listed),
            _standing(keys.preferences(prompt_id), preferences[prompt_id], prompt_id),
        ]
        for prompt_id, listed in answers.items()
    }
    flat = {prompt_id: tuple(one for group in groups for one in group) for prompt_id, groups in standing.items()}
    entries = _chains(client, {one: [item.value.partition(" ")[0] for item in flat[one]] for one in flat})
    return [
        Unit(
            PromptItem(prompt_id, prompts[prompt_id]),
            tuple(AnswerItem(entry_of[name], name, payloads[name]) for name in listed),
            tuple(entries[prompt_id]),
            flat[prompt_id],
        )
        for prompt_id, listed in answers.items()
        if prompts[prompt_id] is not None and all(payloads[name] is not None for name in listed)
    ]


def read_passages(client: Redis, units: Sequence[Unit]) -> dict[str, PassageItem]:
    """Read what the prompts show, by digest."""
    digests = list(dict.fromkeys(digest for unit in units for digest in unit.prompt.digests))
    found = _by(digests, _pipelined(client, [("GET", keys.passage(digest)) for digest in digests]))
    return {digest: PassageItem(digest, payload) for digest, payload in found.items() if payload is not None}


def take_out(unit: Unit) -> Call[bool]:
    """Give the call that takes a unit out of Redis.

    Args:
        unit: As it was read.

    Returns:
        A call that tells whether it is out: where anything was said since it was read, nothing is done.
    """
    told = {
        "answers": [[item.answer_id, item.entry_id, item.user] for item in unit.answers],
        "entries": [[item.entry_id, item.fields["u"]] for item in unit.entries],
        "standing": [[one.key, one.field, one.value] for one in unit.standing],
        "digests": list(unit.prompt.digests),
    }
    prompt_id = unit.prompt.prompt_id
    names = [
        keys.ANSWERS,
        keys.FEEDBACK,
        keys.prompt(prompt_id),
        keys.prompt_answers(prompt_id),
        keys.preferences(prompt_id),
        DOOMED,
    ]
    return Call(script("service.archive", "remove"), names, [json.dumps(told)], bool)


def bring_back(unit: Unit, passages: Mapping[str, PassageItem]) -> Call[int]:
    """Give the call that puts a unit into Redis; its entries stay where they are.

    Args:
        unit: From the archive.
        passages: What its prompt shows.

    Returns:
        A call that tells how many answers were not there.
    """
    arguments: list[Any] = [unit.prompt.payload, len(unit.answers)]
    for item in unit.answers:
        arguments += [item.answer_id, item.user, item.payload]
    arguments.append(len(unit.standing))
    for one in unit.standing:
        arguments += [one.key, one.field, one.value]
    for digest in unit.prompt.digests:
        if digest in passages:
            arguments += [keys.passage(digest), passages[digest].payload]
    prompt_id = unit.prompt.prompt_id
    names = [keys.ANSWERS, keys.prompt(prompt_id), keys.prompt_answers(prompt_id)]
    return Call(script("service.archive", "restore"), names, arguments, int)


def _chains(client: Redis, heads: Mapping[str, Sequence[str]]) -> dict[str, list[EntryItem]]:
    """Follow what stands back to what it replaced, all units a step at a time, as far as it is in Redis."""
    found: dict[str, list[EntryItem]] = {prompt_id: [] for prompt_id in heads}
    wanted = [(prompt_id, entry_id) for prompt_id, ids in heads.items() for entry_id in ids]
    while wanted:
        replies = _pipelined(client, [("XRANGE", keys.FEEDBACK, entry_id, entry_id) for _, entry_id in wanted])
        following: list[tuple[str, str]] = []
        for (prompt_id, _), reply in zip(wanted, replies, strict=True):
            for one in reply:
                item = entry_item(*one)
                found[prompt_id].append(item)
                if before := item.fields["p"]:
                    following.append((prompt_id, before))
        wanted = following
    return found


def _standing(key: str, values: Any, prompt_id: str) -> Iterator[Standing]:
    for field, value in dict(values).items():
        yield Standing(key, field.decode(), value.decode(), prompt_id)


def _pipelined(client: Redis, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
    if not commands:
        return []
    with client.pipeline(transaction=False) as pipeline:
        for command in commands:
            pipeline.execute_command(*command)  # type: ignore[no-untyped-call]
        return list(pipeline.execute())


def _by(names: Any, values: list[Any]) -> dict[str, Any]:
    return dict(zip(names, values, strict=True))
