"""`POST /v1/chat/completions`."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from service.access.principal import Principal
from service.access.require import require
from service.chat import asked
from service.chat.responses import ChatCompletionOut
from service.chat.schemas import ChatRequest
from service.chat.service import ChatService
from service.chat.sse import disconnected
from service.container import container_of

T = TypeVar("T")
CLIENT_GONE = 499  # for our own log and metrics: nobody reads it

EVENT_SCHEMA = {
    "type": "object",
    "description": "One server-sent event.",
    "properties": {"data": {"type": "string", "description": "A chat.completion.chunk in JSON, or `[DONE]`."}},
    "required": ["data"],
}

router = APIRouter(tags=["chat"])


@router.post(
    "/v1/chat/completions",
    response_model=ChatCompletionOut,
    responses={200: {"content": {"text/event-stream": {"schema": EVENT_SCHEMA}}}},
)
async def create_chat_completion(
    body: ChatRequest, request: Request, principal: Principal = Depends(require("user"))
) -> Response:
    """Answer the last message from the documents the caller may read, with verified citations."""
    container = container_of(request)
    chat = container.chat
    question = asked.read(body, principal, request.headers, chat.options)
    try:
        if body.stream:
            return await unless_gone(request, chat.stream(question, include_usage=body.include_usage))
        return await unless_gone(request, _complete(chat, question))
    except ClientGone:
        return Response(status_code=CLIENT_GONE)


class ClientGone(Exception):
    """The client closed its connection before there was an answer."""


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Do the work unless the client leaves, which cancels it at once.

    Args:
        request: Its body must have been read.
        work: What to do.

    Returns:
        What the work gives.

    Raises:
        ClientGone: If the client left first.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(disconnected(request.receive))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientGone
        return task.result()
    finally:
        task.cancel()
        gone.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _complete(chat: ChatService, question: asked.Asked) -> Response:
    completion = await chat.complete(question)
    return Response(completion.model_dump_json(), media_type=JSONResponse.media_type)
