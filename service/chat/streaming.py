"""The chunks of a streamed answer, in OpenAI's order: role, text, one final chunk an answer, usage, `[DONE]`.

The text flows before its citations are checked; the final chunk of each answer carries the checked ones, the answer's
id, and the whole message, whose text has uniform markers (a number that no passage has is gone from it). The passages
found come with the first chunk, beside the delta: a client that adds deltas up would see them twice inside it.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from service.chat.exchange import Exchange
from service.chat.responses import ChoiceOut, retrieved_of, usage_of
from service.chat.sse import DONE, PING, event
from service.chat.steps import Piece
from service.errors import ApiError, as_api_error

log = logging.getLogger(__name__)


async def chunks(
    exchange: Exchange,
    first: Piece | None,
    record: Callable[[Exchange], Awaitable[list[ChoiceOut]]],
    *,
    include_usage: bool,
    heartbeat_s: float,
) -> AsyncGenerator[bytes, None]:
    """Write the events of one request.

    Args:
        exchange: Where the pieces come from.
        first: The piece that was waited for before the headers went out, if it came.
        record: Keeps the finished answers and gives them as they are returned.
        include_usage: Whether a chunk with the token counts comes last.
        heartbeat_s: Silence before a comment line.

    Yields:
        bytes: Encoded events and comments.
    """
    head: dict[str, Any] = {}
    tail = {"usage": None} if include_usage else {}

    def chunk(choice: dict[str, Any]) -> bytes:
        return event({**head, "choices": [choice], **tail})

    found = {
        "intent": exchange.prompt.query,
        "retrieved": [retrieved_of(passage).model_dump() for passage in exchange.prompt.passages],
    }
    try:
        while not exchange.opened:  # it is not known yet how many answers there are
            first, waited = await exchange.next_within(heartbeat_s)
            if waited:
                yield PING
        head = _head(exchange)
        for index in range(exchange.count):
            yield chunk({**_choice(index, {"role": "assistant", "content": ""}), "context": found})
        if first is not None:
            yield chunk(_choice(first.index, {"content": first.text}))
        while True:
            piece, waited = await exchange.next_within(heartbeat_s)
            if waited:
                yield PING
                continue
            if piece is None:
                break
            yield chunk(_choice(piece.index, {"content": piece.text}))
        for final in await record(exchange):
            yield chunk(_final(final))
        if include_usage:
            yield event({**head, "choices": [], "usage": usage_of(exchange.finished).model_dump()})
    except Exception as error:
        yield event(_told(error).body())
    yield DONE


def _head(exchange: Exchange) -> dict[str, Any]:
    return {
        "id": exchange.id,
        "object": "chat.completion.chunk",
        "created": exchange.created,
        "model": exchange.model,
        "system_fingerprint": exchange.version,
        **({"pair": True} if exchange.pair else {}),
    }


def _choice(index: int, delta: dict[str, Any]) -> dict[str, Any]:
    return {"index": index, "delta": delta, "logprobs": None, "finish_reason": None}


def _final(choice: ChoiceOut) -> dict[str, Any]:
    message = choice.message.model_dump()
    return {
        "index": choice.index,
        "delta": {"context": message["context"], "annotations": message["annotations"]},
        "logprobs": None,
        "finish_reason": choice.finish_reason,
        "answer_id": choice.answer_id,
        "recorded": choice.recorded,
        "message": message,
    }


def _told(error: Exception) -> ApiError:
    known = as_api_error(error)
    if known is None:
        log.error("a stream failed: this is a bug", exc_info=error)
        return ApiError(500, "something went wrong here; the log has it")
    return known
