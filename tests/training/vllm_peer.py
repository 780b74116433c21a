"""A real HTTP server that keeps vLLM's ways with LoRA: adapters loaded by name at run time, gone after a restart.

What it keeps, after vLLM's `serving_models.py` and `api_router.py` for `/v1/load_lora_adapter` and
`/v1/unload_lora_adapter`: a name that is loaded cannot be loaded again (400), one that is not cannot be unloaded
(404), a folder that holds no adapter is not found (404), both routes answer with plain text, neither exists unless
runtime updating is allowed, and a chat with a model that is neither the base nor loaded is 404. An answer names the
model that gave it.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route


class VllmPeer:
    """The server. `adapters` are the loaded ones by name; `calls` is what was asked of it, in order."""

    def __init__(self, base: str, *, updating: bool = True) -> None:
        self.base = base
        self.held = ""  # answers of this model wait before their last piece
        self.adapters: dict[str, str] = {}
        self.calls: list[tuple[str, str]] = []
        self.open = 0  # answers in the making
        routes = [Route("/v1/chat/completions", self._chat, methods=["POST"])]
        if updating:
            routes += [
                Route("/v1/load_lora_adapter", self._load, methods=["POST"]),
                Route("/v1/unload_lora_adapter", self._unload, methods=["POST"]),
            ]
        config = uvicorn.Config(Starlette(routes=routes), host="127.0.0.1", port=0, log_level="error", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def start(self) -> str:
        """Serve; give the base URL."""
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)
        return f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}/v1"

    def stop(self) -> None:
        """Stop serving."""
        self._server.should_exit = True
        self._thread.join()

    def restart(self) -> None:
        """Forget every adapter, as a process does that is started anew."""
        self.adapters.clear()

    async def _load(self, request: Request) -> Response:
        body = await request.json()
        name, path = body.get("lora_name"), body.get("lora_path")
        self.calls.append(("load", str(name)))
        if not name or not path:
            return _error(400, "Both 'lora_name' and 'lora_path' must be provided.", "InvalidUserInput")
        if name in self.adapters:
            told = f"The lora adapter '{name}' has already been loaded. If you want to load the adapter in place, "
            return _error(400, told + "set 'load_inplace' to True.", "InvalidUserInput")
        if not (Path(path) / "adapter_config.json").is_file():
            return _error(404, f"Loading lora {name} failed: No adapter found for {path}", "NotFoundError")
        self.adapters[name] = path
        return PlainTextResponse(f"Success: LoRA adapter '{name}' added successfully.")

    async def _unload(self, request: Request) -> Response:
        name = (await request.json()).get("lora_name")
        self.calls.append(("unload", str(name)))
        if name not in self.adapters:
            return _error(404, f"The lora adapter '{name}' cannot be found.", "NotFoundError")
        del self.adapters[name]
        return PlainTextResponse(f"Success: LoRA adapter '{name}' removed successfully.")

    async def _chat(self, request: Request) -> Response:
        model = (await request.json())["model"]
        self.calls.append(("chat", model))
        if model != self.base and model not in self.adapters:
            return _error(404, f"The model `{model}` does not exist.", "NotFoundError")

        async def events() -> Any:
            self.open += 1
            try:
                for piece in (f"{model}", " says", " so.", " [1]"):
                    while self.held == model and piece == " [1]":  # noqa: ASYNC110 - another thread lets go
                        await asyncio.sleep(0.005)
                    yield _event({"choices": [{"delta": {"content": piece}, "finish_reason": None}]})
                yield _event({"choices": [{"delta": {}, "finish_reason": "stop"}]})
                yield b"data: [DONE]\n\n"
            finally:
                self.open -= 1

        return StreamingResponse(events(), media_type="text/event-stream")


def _error(status: int, message: str, kind: str) -> JSONResponse:
    return JSONResponse({"error": {"message": message, "type": kind, "param": None, "code": status}}, status)


def _event(chunk: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(chunk)}\n\n".encode()
