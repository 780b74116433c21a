"""Any Hugging Face causal LM as the policy: chat template, optional LoRA adapter, streaming, sampling, exact
log-probabilities.

An action is a token; `Answer.actions` holds the end-of-turn token too, where one was drawn. `Answer.logprob` is the
model's own (temperature 1, no nucleus), whatever it was drawn with, so it equals what `logprobs` gives. One thread
decodes; the caller's threads only wait for text.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from training.citations import is_abstention
from training.citations.markers import take_apart
from training.policy.base import Answer, Delta, FinishReason, Prompt, Sampling, SamplingCancelled, never
from training.policy.causal.decode import Line, decode, open_line
from training.policy.causal.load import load_model
from training.policy.causal.prompts import PromptEncoder
from training.policy.causal.worker import Job, Worker
from training.policy.streams import QueueStream
from training.scoring.concatenation import batch_logprobs

if TYPE_CHECKING:
    from torch import Tensor

EXPLORING = 0.8  # temperature of the second and later answers when greedy ones are asked for
_LOOK_S = 0.05  # between two looks at whether the answers are still wanted


class CausalLMPolicy:
    """Answers token by token. Thread-safe."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        version: str,
        context_tokens: int,
        at_once: int = 4,
        worker: Worker | None = None,
        release: Callable[[], None] | None = None,
    ) -> None:
        """Make a policy of a loaded model; see `load` for the usual way.

        Args:
            model: A Hugging Face causal LM, with its adapter if it has one, in evaluation mode.
            tokenizer: Its tokenizer, with a chat template.
            version: Name recorded on every answer.
            context_tokens: Most tokens of prompt and answer together.
            at_once: Requests that take turns; the others wait.
            worker: Decodes for several policies of one model; one of its own when None.
            release: Called by `close` instead of ending the worker, where that is shared.
        """
        self._version = version
        self.model = model
        self.tokenizer = tokenizer
        self.prompts = PromptEncoder(tokenizer, context_tokens, end_ids(model, tokenizer))
        self._worker = worker or Worker(f"policy-{version}", at_once)
        self._release = release or self._worker.close

    @classmethod
    def load(
        cls,
        model_name_or_path: str,
        *,
        adapter: Path | None = None,
        version: str,
        device: str = "auto",
        dtype: str = "auto",
        context_tokens: int | None = None,
        trainable: bool = False,
    ) -> CausalLMPolicy:
        """Load a model and, where given, a LoRA adapter on top.

        Args:
            model_name_or_path: Hugging Face name or folder; only safetensors weights, and no code of the model's own is
                run.
            adapter: PEFT adapter folder.
            version: Name recorded on every answer.
            device: "auto" takes a GPU when there is one.
            dtype: "auto" is bfloat16 on a GPU and float32 on a CPU.
            context_tokens: Most tokens of prompt and answer; the model's own limit when None.
            trainable: Whether the adapter's weights get gradients.

        Returns:
            The policy.
        """
        model, tokenizer, window = load_model(model_name_or_path, adapter, device, dtype, trainable)
        return cls(model, tokenizer, version=version, context_tokens=min(window, context_tokens or window))

    @property
    def version(self) -> str:
        """Name recorded on every answer."""
        return self._version

    def stream(self, prompt: Prompt, sampling: Sampling) -> Iterator[Delta]:
        """Answer piece by piece; the last delta carries the answer. Closing stops after at most one more token.

        Args:
            prompt: What was asked and shown.
            sampling: How to draw.

        Returns:
            Pieces of text, then the answer; its `close` may be called from any thread.

        Raises:
            PolicyUnavailable: The policy was closed.
        """
        stream = QueueStream()
        line = self._line(sampling, _seed(sampling))

        def steps() -> Iterator[None]:
            started = time.perf_counter()
            ids = self.prompts.encode(prompt, sampling.max_tokens)
            first = None
            for grown in decode(self.model, ids, [line], self.prompts.end_ids, self.prompts.window):
                first = first or _since(started)
                if piece := grown[0][1]:
                    stream.put(Delta(text=piece))
                yield
            timings = {"first": first or 0.0, "total": _since(started)}
            stream.put(Delta(answer=replace(self._answer(prompt, line, len(ids)), timings_ms=timings)))
            stream.finish()

        self._worker.submit(Job(steps, stream.cancelled.is_set, stream.fail, stream.finish, stream.room))
        return stream

    def sample(
        self,
        prompts: Sequence[Prompt],
        n: int,
        sampling: Sampling,
        *,
        cancelled: Callable[[], bool] | None = None,
    ) -> list[list[Answer]]:
        """Draw n answers for each prompt, which is computed once for all of them.

        At temperature 0 the first is the greedy one and the others are drawn at 0.8; each answer records what it was
        drawn with. An answer whose text repeats an earlier one is drawn once more.

        Args:
            prompts: What was asked and shown.
            n: Answers for each prompt.
            sampling: How to draw.
            cancelled: Stops the decoding after at most one more token once it gives true.

        Returns:
            For each prompt its n answers.

        Raises:
            PolicyError: A prompt does not fit, or the policy was closed.
            SamplingCancelled: `cancelled` gave true.
        """
        return [self._draw_many(prompt, n, sampling, cancelled or never) for prompt in prompts]

    def draw(self, prompt: Prompt, n: int, sampling: Sampling) -> list[Answer]:
        """Draw n answers independently of each other, so that some may repeat: what estimates over the policy need.

        Args:
            prompt: What was asked and shown, computed once.
            n: Answers.
            sampling: How to draw; answer i has the seed of this plus i.

        Returns:
            The n answers.

        Raises:
            PolicyError: The prompt does not fit, or the policy was closed.
        """
        seed = _seed(sampling)
        return self._grow(prompt, [self._line(sampling, seed + number) for number in range(n)], never)

    def logprobs(self, prompts: Sequence[Prompt], answers: Sequence[Answer], *, temperature: float = 1.0) -> Tensor:
        """Give `[B, T]` float32 log-probabilities per token, zero where padded; differentiable.

        An answer without recorded tokens, such as a person's correction, is scored as its text and the end of turn.

        Args:
            prompts: What was asked and shown.
            answers: Recorded answers, one a prompt.
            temperature: Divides the logits; 1 gives what was recorded.

        Returns:
            `(B, T)` float32, T the most tokens of an answer.

        Raises:
            PromptTooLong: A question does not fit.
        """
        pairs = list(zip(prompts, answers, strict=True))
        ids = [self.prompts.encode(prompt, answer.sampling.max_tokens) for prompt, answer in pairs]
        return batch_logprobs(self.model, ids, [self.prompts.answer_ids(answer) for answer in answers], temperature)

    def close(self) -> None:
        """Fail what is running and let go of the model; where it is shared, of the adapter alone."""
        self._release()
        self.model = None

    def _draw_many(self, prompt: Prompt, n: int, sampling: Sampling, cancelled: Callable[[], bool]) -> list[Answer]:
        base = _seed(sampling)
        explored = sampling if sampling.temperature else replace(sampling, temperature=EXPLORING)
        lines = [self._line(explored if number else sampling, base + number) for number in range(n)]
        answers = self._grow(prompt, lines, cancelled)
        texts = [answer.text for answer in answers]
        again = [number for number in range(1, n) if texts[number] in texts[:number]]
        if again:
            redrawn = self._grow(prompt, [self._line(explored, base + n + number) for number in again], cancelled)
            for number, answer in zip(again, redrawn, strict=True):
                answers[number] = answer
        return answers

    def _grow(self, prompt: Prompt, lines: list[Line], cancelled: Callable[[], bool]) -> list[Answer]:
        """Decode all lines on the worker's thread and wait for them."""
        over, failure, answers = Event(), list[BaseException](), list[Answer]()

        def steps() -> Iterator[None]:
            started = time.perf_counter()
            ids = self.prompts.encode(prompt, lines[0].sampling.max_tokens)
            for _ in decode(self.model, ids, lines, self.prompts.end_ids, self.prompts.window):
                yield
            spent = {"total": _since(started)}
            answers.extend(replace(self._answer(prompt, line, len(ids)), timings_ms=spent) for line in lines)
            over.set()

        def failed(error: BaseException) -> None:
            failure.append(error)
            over.set()

        left = Event()
        self._worker.submit(Job(steps, left.is_set, failed, over.set))
        while not over.wait(_LOOK_S):
            if cancelled():
                left.set()
                raise SamplingCancelled
        if failure:
            raise failure[0]
        return answers

    def _line(self, sampling: Sampling, seed: int) -> Line:
        return open_line(sampling, seed, self.tokenizer)

    def _answer(self, prompt: Prompt, line: Line, prompt_tokens: int) -> Answer:
        reason: FinishReason = line.finish_reason or "cancelled"
        marked = take_apart(line.text.text, {passage.number for passage in prompt.passages})
        return Answer(
            text=line.text.text,
            version=self._version,
            finish_reason=reason,
            sampling=line.sampling,
            logprob=line.logprob,
            steps=len(line.tokens),
            abstained=not marked.markers and is_abstention(marked.plain),
            prompt_tokens=prompt_tokens,
            completion_tokens=len(line.tokens),
            actions=tuple(line.tokens),
        )


def end_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """Give every token that ends an answer: the tokenizer's and those of the model's generation settings."""
    configured = getattr(model.generation_config, "eos_token_id", None)
    found = configured if isinstance(configured, list) else [configured]
    return frozenset(token for token in (*found, tokenizer.eos_token_id) if token is not None)


def _seed(sampling: Sampling) -> int:
    return secrets.randbits(31) if sampling.seed is None else sampling.seed


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
