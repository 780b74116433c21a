"""Read what an OpenAI-compatible server says: server-sent events, chunks, usage, log-probabilities, errors."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

DONE = "[DONE]"
_LONGEST_EVENT_BYTES = 4 * 1024 * 1024


class MalformedStream(Exception):
    """The server sent something that is not an event stream of chat chunks."""


@dataclass
class Heard:
    """What a stream has told so far."""

    text: str = ""
    finish_reason: str | None = None
    logprob: float = 0.0
    tokens: int = 0  # tokens whose log-probability came
    prompt_tokens: int = 0
    completion_tokens: int = 0
    done: bool = False
    pieces: int = field(default=0)  # chunks that carried text


def data_of(lines: Iterable[str]) -> Iterator[str]:
    """Give the data of each server-sent event; comments and other fields are passed over.

    Args:
        lines: Lines of the response, without their ends.

    Yields:
        str: The data of one event.

    Raises:
        MalformedStream: A line is none of an event stream's fields, or an event is endless.
    """
    collected: list[str] = []
    size = 0
    for line in lines:
        if not line:
            if collected:
                yield "\n".join(collected)
                collected, size = [], 0
            continue
        name, _, value = line.partition(":")
        if name == "data":
            size += len(value)
            if size > _LONGEST_EVENT_BYTES:
                raise MalformedStream("an event of the server does not end")
            collected.append(value.removeprefix(" "))
        elif name not in ("", "event", "id", "retry"):
            raise MalformedStream(f"the server sent {line[:80]!r} in an event stream")
    if collected:
        yield "\n".join(collected)


def take(heard: Heard, data: str) -> str:
    """Add one event to what was heard and give the text it brings.

    Args:
        heard: Changed in place.
        data: Data of one event.

    Returns:
        Text, often none.

    Raises:
        MalformedStream: The event is no chat chunk, or carries an error of the server.
    """
    if data.strip() == DONE:
        heard.done = True
        return ""
    try:
        chunk = json.loads(data)
        if chunk.get("error"):
            raise MalformedStream(f"the server reports: {str(chunk['error'])[:200]}")
        _usage(heard, chunk.get("usage"))
        for choice in chunk.get("choices") or ():
            heard.finish_reason = choice.get("finish_reason") or heard.finish_reason
            _logprobs(heard, choice.get("logprobs"))
            message = choice.get("delta") or choice.get("message") or {}
            piece: str = message.get("content") or ""
            heard.text += piece
            heard.pieces += bool(piece)
            return piece
    except (ValueError, AttributeError, TypeError, KeyError) as error:
        raise MalformedStream(f"the server sent {data[:80]!r} instead of a chat chunk") from error
    return ""


def _usage(heard: Heard, usage: Any) -> None:
    if usage:
        heard.prompt_tokens = int(usage.get("prompt_tokens") or 0)
        heard.completion_tokens = int(usage.get("completion_tokens") or 0)


def _logprobs(heard: Heard, logprobs: Any) -> None:
    for token in (logprobs or {}).get("content") or ():
        heard.logprob += float(token["logprob"])
        heard.tokens += 1
