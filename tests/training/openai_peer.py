"""A small real OpenAI-compatible server on a free port, backed by a policy, that can be told to misbehave."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from training.policy.base import Prompt, Sampling, ServingPolicy


class OpenAIPeer:
    """The server. `faults` are consumed one a request; `requests` keeps what was asked; `hung_up` counts clients that
    left.
    """

    def __init__(self, policy: ServingPolicy) -> None:
        self.policy = policy
        self.faults: list[str] = []
        self.requests: list[dict[str, Any]] = []
        self.hung_up = threading.Event()
        app = Starlette(routes=[Route("/v1/chat/completions", self._chat, methods=["POST"])])
        self._server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def start(self) -> str:
        """Serve; give the base URL."""
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}/v1"

    def stop(self) -> None:
        """Stop serving."""
        self._server.should_exit = True
        self._thread.join()

    async def _chat(self, request: Request) -> Response:
        body = await request.json()
        self.requests.append(body)
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "500":
            return JSONResponse({"error": {"message": "out of luck"}}, 500)
        if fault == "silent":  # not even a status
            while not await request.is_disconnected():  # noqa: ASYNC110 - starlette offers no event for it
                await asyncio.sleep(0.01)
            self.hung_up.set()
            return Response()
        if fault == "429":
            return JSONResponse({"error": {"message": "slow down"}}, 429, headers={"Retry-After": "0"})
        if fault == "503-later":
            return JSONResponse({"error": {"message": "loading"}}, 503, headers={"Retry-After": "120"})
        if fault == "401":
            return JSONResponse({"error": {"message": "who are you?"}}, 401)
        if fault == "no-logprobs" and body.get("logprobs"):
            self.faults.insert(0, fault)
            return JSONResponse({"error": {"message": "logprobs is not supported"}}, 400)
        if fault == "short-context" and len(json.dumps(body["messages"])) > 2600:
            self.faults.insert(0, fault)
            return JSONResponse({"error": {"message": "This model's maximum context length is 600 tokens"}}, 400)
        return StreamingResponse(self._events(body, fault), media_type="text/event-stream")

    async def _events(self, body: dict[str, Any], fault: str) -> AsyncIterator[bytes]:
        if fault == "drop-at-once":
            raise ConnectionResetError
        if fault == "not-sse":
            yield b"<html>a proxy's opinion</html>\n\n"
            return
        if fault == "bad-json":
            yield b'data: {"choices": [\n\n'
            return
        if fault == "hang":
            await self._wait_for_disconnect()
            return
        sampling = Sampling(
            temperature=body["temperature"], top_p=body["top_p"], max_tokens=body["max_tokens"], seed=body.get("seed")
        )
        yield b": a comment\n\n"
        for count, delta in enumerate(self.policy.stream(Prompt(body["messages"][-1]["content"], ()), sampling)):
            if delta.answer is not None:
                answer = delta.answer
                if body.get("logprobs"):
                    logprobs = {"content": [{"token": "?", "logprob": answer.logprob / answer.steps}] * answer.steps}
                    yield _event({"choices": [{"delta": {}, "logprobs": logprobs, "finish_reason": None}]})
                yield _event({"choices": [{"delta": {}, "finish_reason": answer.finish_reason}]})
                usage = {"prompt_tokens": answer.prompt_tokens, "completion_tokens": answer.completion_tokens}
                yield _event({"choices": [], "usage": usage})
                break
            yield _event({"choices": [{"delta": {"content": delta.text}, "finish_reason": None}]})
            if fault == "drop-midway" and count == 2:
                raise ConnectionResetError
            if fault == "stall-midway" and count == 2:
                await self._wait_for_disconnect()
                return
        yield b"data: [DONE]\n\n"

    async def _wait_for_disconnect(self) -> None:
        try:
            await asyncio.sleep(30)  # cancelled when the client leaves
        finally:
            self.hung_up.set()


def _event(chunk: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(chunk)}\n\n".encode()
