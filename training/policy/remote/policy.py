"""Any OpenAI-compatible server (vLLM, Ollama, TGI, a cloud) as a policy that answers but is not trained here.

One thread an answer reads the server's events. Closing the stream shuts the socket, so the server stops generating and
a reader that is blocked wakes. A server that fails before its first token is asked again; one that breaks off later
ends the answer with `finish_reason` "error".
"""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import replace
from threading import Thread
from typing import Any

import httpx

from training.citations import is_abstention
from training.citations.markers import take_apart
from training.policy.base import (
    Answer,
    Delta,
    FinishReason,
    PolicyError,
    PolicyUnavailable,
    Prompt,
    PromptTooLong,
    Sampling,
    SamplingCancelled,
)
from training.policy.prompting import build_messages, shorten
from training.policy.remote.calls import Patience, Refused, open_stream
from training.policy.remote.connection import Connection
from training.policy.remote.events import Heard, MalformedStream, data_of, take
from training.policy.streams import QueueStream

EXPLORING = 0.8  # temperature of the second and later answers when greedy ones are asked for
_AT_ONCE = 4  # answers of one `sample` drawn side by side
_RESTORES = 3  # another process may take it away again just then
_LOOK_S = 0.05  # between two looks at whether the answers are still wanted
_REASONS: dict[str, FinishReason] = {"stop": "stop", "length": "length", "content_filter": "stop"}


class RemotePolicy:
    """Answers by asking a server. Thread-safe."""

    def __init__(
        self,
        base_url: str,
        model: str,
        api_key: str = "",
        *,
        version: str = "",
        patience: Patience = Patience(),  # noqa: B008 - frozen
        logprobs: bool = True,
        restore: Callable[[], None] | None = None,
        on_close: Callable[[], None] | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Make a policy; nothing is sent until it is asked.

        Args:
            base_url: Up to and with `/v1`.
            model: Name of the model, or of a LoRA adapter, on the server.
            api_key: Sent as a bearer token; empty for none.
            version: Name recorded on every answer; the model's name when empty.
            patience: Timeouts and retries.
            logprobs: Whether to ask for log-probabilities. A server that refuses them is asked without, from then on.
            restore: Loads the model there again; called when the server says 404, because it was started anew.
            on_close: Called by `close`, after the last answer.
            transport: How to reach the server, for tests and proxies.
        """
        self._restore, self._on_close = restore, on_close
        self._version = version or model
        self._model = model
        self._patience = patience
        self._logprobs = logprobs
        self._options = True  # whether the server takes `stream_options`
        timeout = httpx.Timeout(patience.read_s, connect=patience.connect_s)
        self._client = httpx.Client(
            base_url=base_url.rstrip("/") + "/",
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=timeout,
            limits=httpx.Limits(
                max_keepalive_connections=0
            ),  # each answer owns its socket, so that closing can shut it
            transport=transport,
            trust_env=False,
        )

    @property
    def version(self) -> str:
        """Name recorded on every answer."""
        return self._version

    def stream(self, prompt: Prompt, sampling: Sampling) -> Iterator[Delta]:
        """Answer piece by piece; the last delta carries the answer. Closing hangs up on the server."""
        connection = Connection()
        stream = QueueStream(connection.cut)

        def work() -> None:
            try:
                for delta in self._pieces(prompt, sampling, connection):
                    if not stream.put(delta):
                        return
                stream.finish()
            except PolicyError as error:
                stream.fail(error)
            except Exception as error:  # a bug must not leave the reader waiting for ever
                stream.fail(PolicyUnavailable(f"asking the model server failed: {error}"))

        Thread(target=work, name=f"remote-{self._version}", daemon=True).start()
        return stream

    def sample(
        self,
        prompts: Sequence[Prompt],
        n: int,
        sampling: Sampling,
        *,
        cancelled: Callable[[], bool] | None = None,
    ) -> list[list[Answer]]:
        """Draw n answers for each prompt, side by side. At temperature 0 the first is the greedy one and the others are
        drawn at 0.8.

        Args:
            prompts: What was asked and shown.
            n: Answers for each prompt.
            sampling: How to draw.
            cancelled: Hangs up on the server once it gives true.

        Returns:
            For each prompt its n answers.

        Raises:
            PolicyError: The server could not answer one of them.
            SamplingCancelled: `cancelled` gave true.
        """
        seed = secrets.randbits(31) if sampling.seed is None else sampling.seed
        wanted = []
        for number in range(n):
            drawn = replace(sampling, seed=seed + number)
            wanted.append(replace(drawn, temperature=EXPLORING) if number and not drawn.temperature else drawn)
        connections = [[Connection() for _ in wanted] for _ in prompts]
        pool = ThreadPoolExecutor(_AT_ONCE)
        try:
            rows = [
                [pool.submit(self._whole, prompt, one, own) for one, own in zip(wanted, row, strict=True)]
                for prompt, row in zip(prompts, connections, strict=True)
            ]
            waiting = {future for row in rows for future in row}
            while waiting:
                done, waiting = wait(waiting, _LOOK_S, FIRST_EXCEPTION)
                if cancelled is not None and cancelled():
                    raise SamplingCancelled
                for future in done:
                    future.result()
            return [[future.result() for future in row] for row in rows]
        finally:
            # Nobody waits for the rest; a thread that still connects ends by itself.
            for connection in itertools.chain(*connections):
                connection.cut()
            pool.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """Close every connection."""
        self._client.close()
        if self._on_close is not None:
            self._on_close()

    def _whole(self, prompt: Prompt, sampling: Sampling, connection: Connection) -> Answer:
        *_, last = self._pieces(prompt, sampling, connection)
        if last.answer is None or last.answer.finish_reason == "error":
            raise PolicyUnavailable("the model server broke off in the middle of an answer")
        return last.answer

    def _pieces(self, prompt: Prompt, sampling: Sampling, connection: Connection) -> Iterator[Delta]:
        started = time.perf_counter()
        heard = Heard()
        broken, first = False, 0.0
        for attempt in range(self._patience.retries + 1):
            response, prompt = self._open(prompt, sampling, connection)
            try:
                for data in data_of(response.iter_lines()):
                    if piece := take(heard, data):
                        first = first or _since(started)
                        yield Delta(text=piece)
                    if heard.done or connection.cancelled.is_set():
                        break
                    if _since(started) > self._patience.total_s * 1000:
                        raise MalformedStream("the answer took too long")
                broken = not heard.done and heard.finish_reason is None
                reason = "the model server broke off"
            except (httpx.HTTPError, httpx.StreamError, MalformedStream, OSError) as error:
                broken, reason = True, str(error) or type(error).__name__
            finally:
                response.close()
            if not broken or heard.pieces or connection.cancelled.is_set():
                break
            if attempt == self._patience.retries or connection.cancelled.wait(self._patience.backoff_s * 2**attempt):
                raise PolicyUnavailable(f"the model server gave no answer: {reason}")
            heard = Heard()
        timings = {"first": first, "total": _since(started)}
        yield Delta(answer=replace(self._answer(prompt, sampling, heard, broken), timings_ms=timings))

    def _open(self, prompt: Prompt, sampling: Sampling, connection: Connection) -> tuple[httpx.Response, Prompt]:
        """Get a response, leaving out what the server cannot take: unknown options, passages that do not fit."""
        restored = 0
        while True:
            try:
                payload = self._payload(prompt, sampling)
                return open_stream(self._client, payload, self._patience, connection), prompt
            except Refused as error:
                if error.status == 404 and self._restore is not None and restored < _RESTORES:
                    restored += 1
                    self._restore()
                    continue
                if error.status not in (400, 422) or not self._give_up_option(error.detail):
                    raise PolicyUnavailable(str(error), retry_after_s=60) from error
            except PromptTooLong:
                shorter = shorten(prompt)
                if shorter is None:
                    raise
                prompt = shorter

    def _give_up_option(self, detail: str) -> bool:
        """Stop sending an option the server complains about; False when there is none."""
        if self._logprobs and "logprob" in detail.lower():
            self._logprobs = False
        elif self._options and "stream_options" in detail.lower():
            self._options = False
        else:
            return False
        return True

    def _payload(self, prompt: Prompt, sampling: Sampling) -> dict[str, Any]:
        payload: dict[str, Any] = {
            "model": self._model,
            "messages": build_messages(prompt),
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "stream": True,
        }
        if sampling.seed is not None:
            payload["seed"] = sampling.seed
        if sampling.stop:
            payload["stop"] = list(sampling.stop)
        if self._logprobs:
            payload["logprobs"] = True
        if self._options:
            payload["stream_options"] = {"include_usage": True}
        return payload

    def _answer(self, prompt: Prompt, sampling: Sampling, heard: Heard, broken: bool) -> Answer:
        marked = take_apart(heard.text, {passage.number for passage in prompt.passages})
        steps = heard.tokens or heard.completion_tokens or heard.pieces
        return Answer(
            text=heard.text,
            version=self._version,
            finish_reason="error" if broken else _REASONS.get(heard.finish_reason or "stop", "stop"),
            sampling=sampling,
            logprob=heard.logprob if heard.tokens and not broken else None,
            steps=steps,
            abstained=not marked.markers and is_abstention(marked.plain),
            prompt_tokens=heard.prompt_tokens,
            completion_tokens=heard.completion_tokens or steps,
        )


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
