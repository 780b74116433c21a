"""TRL's preference files in, the same files out.

In: `prompt/chosen/rejected` (also without `prompt`: it is then what the two begin with alike, in whole words) and
`prompt/completion/label`, each as text or as lists of chat messages. Foreign text does not say which passages were
shown, so the prompt has none: everything up to the last question becomes history or instructions, the last user message
is the question. A causal policy can learn from such records. The extractive policy cannot, since it may only choose
sentences of shown passages; it leaves them out. Who judged is not known either: every line counts as one voter of its
own, so thumbs are never put together to pairs, and no cap on voters protects against what is in the file.

Out: what the service exports as `dpo` and `kto`, made of examples.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from os.path import commonprefix
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from training.citations.abstention import is_abstention
from training.datasets.examples import Example, decided_pairs
from training.policy.base import Answer, Prompt, Sampling, Turn
from training.policy.prompting import RULES, build_messages
from training.records.checks import check
from training.records.limits import Limits
from training.records.read import ReadRecords, collect
from training.records.row import BadLine, reason_of
from training.records.types import JudgedAnswer, Record

_WANTED = "each line must be a JSON object with prompt, chosen and rejected, or with prompt, completion and label"
Row = dict[str, Any]
_TURN = "\n\nAssistant:"  # as in hh-rlhf and the sets made in its image


class _Message(BaseModel):
    """One chat message; tool calls and pictures are not understood."""

    model_config = ConfigDict(strict=True, extra="ignore")

    role: Literal["system", "developer", "user", "assistant"]
    content: str


_Said = str | tuple[_Message, ...]


class _PairRow(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    prompt: _Said | None = None
    chosen: _Said
    rejected: _Said


class _ThumbRow(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    prompt: _Said
    completion: _Said
    label: bool


_KEYS = TypeAdapter(dict[str, object])


def read_trl(path: str | os.PathLike[str], *, judged_at: float, limits: Limits | None = None) -> ReadRecords:
    """Read a TRL file of pairs or of labelled completions; a file may mix them.

    Args:
        path: JSON Lines.
        judged_at: When the judgements count as said, in seconds since the epoch: the files do not tell.
        limits: How much the file may hold.

    Returns:
        Records marked `imported`, and the lines that were left out with the reason.

    Raises:
        RecordsUnreadable: The file cannot be opened or is not text.
        RecordsTooLarge: It holds more bytes or lines than allowed.
        NoRecords: It is empty, or no line can be used.
    """
    limits = limits or Limits()
    seen: set[str] = set()

    def one(line: bytes) -> Record:
        record = _record(line, judged_at)
        check(record, limits)
        if record.record_id in seen:
            raise BadLine("an earlier line says the same")
        seen.add(record.record_id)
        return record

    return collect(path, limits, one, _WANTED)


def write_dpo(examples: Iterable[Example]) -> Iterator[Row]:
    """Give `{"prompt", "chosen", "rejected"}` for every pair that has a winner, in TRL's conversational form."""
    for example in examples:
        prompt = build_messages(example.prompt)
        for chosen, rejected, _ in decided_pairs(example):
            yield {
                "prompt": prompt,
                "chosen": _said(example.answers[chosen].text),
                "rejected": _said(example.answers[rejected].text),
            }


def write_kto(examples: Iterable[Example]) -> Iterator[Row]:
    """Give `{"prompt", "completion", "label"}` for every thumb, in TRL's conversational form."""
    for example in examples:
        prompt = build_messages(example.prompt)
        for thumb in example.thumbs:
            yield {"prompt": prompt, "completion": _said(example.answers[thumb.answer].text), "label": thumb.up}


def _said(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def _record(line: bytes, judged_at: float) -> Record:
    ranks: tuple[int, ...] = ()
    try:
        names = _KEYS.validate_json(line, strict=True)
        if "label" in names or "completion" in names:
            thumb = _ThumbRow.model_validate_json(line)
            prompt, texts = _prompt(thumb.prompt), [_answer(thumb.completion)]
            kind, rating = "vote", "up" if thumb.label else "down"
        else:
            pair = _PairRow.model_validate_json(line)
            asked, chosen, rejected = _apart(pair)
            prompt, texts = _prompt(asked), [_answer(chosen), _answer(rejected)]
            kind, rating, ranks = "preference", None, (1, 2)
    except ValidationError as error:
        raise BadLine(reason_of(error)) from None
    prompt_id = f"imp_{_digest(prompt.question, prompt.instructions, *(turn.text for turn in prompt.history))}"
    if len(set(texts)) < len(texts):
        raise BadLine("chosen and rejected are the same")
    record_id = f"imported-{_digest(kind, str(rating), prompt_id, *texts)}"
    return Record(
        record_id=record_id,
        kind=kind,  # type: ignore[arg-type]
        judged_at=judged_at,
        voter=record_id,
        prompt_id=prompt_id,
        prompt=prompt,
        answers=tuple(_judged(prompt_id, text, judged_at) for text in texts),
        rating=rating,  # type: ignore[arg-type]
        outcome="first" if kind == "preference" else None,
        ranks=ranks,
        imported=True,
    )


def _judged(prompt_id: str, text: str, served_at: float) -> JudgedAnswer:
    answer = Answer(text, "imported", "stop", Sampling(), None, 0, abstained=is_abstention(text))
    return JudgedAnswer(f"{prompt_id}_{_digest(text)}", answer, served_at=served_at)


def _apart(pair: _PairRow) -> tuple[_Said, _Said, _Said]:
    """Give prompt, chosen and rejected; a prompt that is not given is what both begin with alike."""
    chosen, rejected = pair.chosen, pair.rejected
    if pair.prompt is not None:
        return pair.prompt, chosen, rejected
    if isinstance(chosen, str) and isinstance(rejected, str):
        start = _beginning(chosen, rejected)
        return start, chosen[len(start) :].strip(), rejected[len(start) :].strip()
    if isinstance(chosen, tuple) and isinstance(rejected, tuple):
        alike = 0
        for one, other in zip(chosen, rejected, strict=False):
            if one != other:
                break
            alike += 1
        return chosen[:alike], chosen[alike:], rejected[alike:]
    raise BadLine("chosen and rejected: both as text or both as messages")


def _beginning(chosen: str, rejected: str) -> str:
    """Give what two texts have in common at the start: up to the assistant's turn where the text marks turns, so that
    answers that begin alike stay whole; else up to the last whole word.
    """
    start = commonprefix([chosen, rejected])
    turn = start.rfind(_TURN)
    if turn >= 0:
        return start[: turn + len(_TURN)]
    return start if start in (chosen, rejected) else start[: len(start) - len(start.split(" ")[-1])].rstrip(" ")


def _prompt(said: _Said) -> Prompt:
    if isinstance(said, str):
        if not said.strip():
            raise BadLine("prompt: there is none, and chosen and rejected do not begin alike")
        return Prompt(question=said, passages=())
    system = [message.content for message in said if message.role in ("system", "developer")]
    turns = [message for message in said if message.role in ("user", "assistant")]
    if not turns or turns[-1].role != "user":
        raise BadLine("prompt: its last message must be the user's")
    history = tuple(Turn(message.role, message.content) for message in turns[:-1])  # type: ignore[arg-type]
    return Prompt(turns[-1].content, (), history, instructions=_instructions("\n".join(system)))


def _instructions(system: str) -> str:
    """Leave out the rules that every prompt of ours gets again, where the file is one of ours."""
    if not system.startswith(RULES):
        return system
    return "\n".join(system[len(RULES) :].split("\n")[2:])  # an empty rest of the line, the line that introduces them


def _answer(said: _Said) -> str:
    if isinstance(said, str):
        text = said
    else:
        _check_one(said)
        text = said[0].content
    if not text.strip():
        raise BadLine("an answer is empty")
    return text


def _check_one(said: Sequence[_Message]) -> None:
    if len(said) != 1 or said[0].role != "assistant":
        raise BadLine("an answer must be one message of the assistant")


def _digest(*texts: str) -> str:
    return hashlib.blake2b("\0".join(texts).encode("utf-8", "surrogatepass"), digest_size=10).hexdigest()
