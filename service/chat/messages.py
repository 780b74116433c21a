"""Turn the messages of a request into a question, its history and the caller's instructions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from service.chat.options import ChatOptions
from service.chat.schemas import ChatMessage, ChatRequest
from training.policy.base import Sampling, Turn

# Markers of earlier answers point at passages that are not shown this time.
_MARKERS = re.compile(r"[ \t]?\[\d{1,3}\](?!\()")


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was asked, after what, under which instructions."""

    question: str
    history: tuple[Turn, ...]
    instructions: str


def read_conversation(messages: Sequence[ChatMessage], *, max_turns: int) -> Conversation:
    """Split messages into the last question, the turns before it and the system text.

    Args:
        messages: A validated list that ends with a user message.
        max_turns: How many of the latest earlier turns are kept.

    Returns:
        The conversation; empty earlier turns are dropped and `[n]` markers of earlier answers removed.
    """
    instructions = [m.text.strip() for m in messages if m.role in ("system", "developer")]
    turns: list[Turn] = []
    for message in messages[:-1]:
        text = message.text.strip()
        if message.role == "user" and text:
            turns.append(Turn("user", text))
        elif message.role == "assistant" and text:
            turns.append(Turn("assistant", _MARKERS.sub("", text)))
    return Conversation(
        question=messages[-1].text.strip(),
        history=tuple(turns[-max_turns:]) if max_turns else (),
        instructions="\n\n".join(part for part in instructions if part),
    )


def read_sampling(request: ChatRequest, options: ChatOptions) -> Sampling:
    """Read the sampling settings, with ours where the request is silent."""
    wanted = request.max_completion_tokens or request.max_tokens or options.default_max_tokens
    stop = (request.stop,) if isinstance(request.stop, str) else tuple(request.stop or ())
    usual = options.temperature if request.again is None else options.again_temperature
    return Sampling(
        temperature=usual if request.temperature is None else request.temperature,
        top_p=1.0 if request.top_p is None else request.top_p,
        max_tokens=min(wanted, options.largest_max_tokens),
        seed=request.seed,
        stop=tuple(text for text in stop if text),
    )
