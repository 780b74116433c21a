"""The embedded policy: it answers with sentences of the shown passages, or says that they do not hold the answer.

An action is a sentence; STOP ends the answer, and STOP first abstains. `Answer.actions` are indices into all sentences
of the passages in the order shown, -1 is STOP. `Answer.logprob` is that of the policy itself (temperature 1), whatever
the temperature it was drawn at.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from retrieval.embed import Embedder
from training.policy.base import ABSTENTION, Answer, Delta, Prompt, Sampling, SamplingCancelled, never
from training.policy.extractive.candidates import Candidate, SentenceBook
from training.policy.extractive.compose import in_order, written
from training.policy.extractive.embeddings import Vectors
from training.policy.extractive.pointer import MOST_OFFERED, STOP, Reading, distribution, read, step
from training.policy.extractive.weights import Prior, Residual, load_residual
from training.policy.streams import LazyStream

if TYPE_CHECKING:
    from torch import Tensor

    from training.policy.extractive.replay import Replays

EXPLORING = 1.0  # temperature of the second and later answers when greedy ones are asked for
_TRIES = 24  # draws before an answer may repeat an earlier one
_HOTTER = 1.25  # factor on the temperature after each repetition


class ExtractivePolicy:
    """A pointer over candidate sentences. Thread-safe; encoding is shared between concurrent requests."""

    def __init__(
        self,
        encoder: Embedder,
        *,
        version: str = "base-extractive",
        residual: Residual | None = None,
        prior: Prior | None = None,
        most_sentences: int = 3,
        most_candidates: int = MOST_OFFERED,
        queries: Callable[[str], npt.NDArray[np.float32]] | None = None,
    ) -> None:
        """Make a policy.

        Args:
            encoder: Gives the vectors of question and sentences.
            version: Name recorded on every answer.
            residual: What was learned; nothing when None.
            prior: What an untrained policy goes by; the shipped one when None.
            most_sentences: Longest answer.
            most_candidates: Most sentences to encode for a question.
            queries: Gives the vector of a question, where somebody keeps them; the encoder does when None.
        """
        self._version = version
        self._prior = prior or Prior.shipped()
        self.residual = residual or Residual()
        self._most_sentences = most_sentences
        self._most_candidates = most_candidates
        self._book = SentenceBook()
        self._vectors = Vectors(encoder, queries=queries)

    @classmethod
    def load(cls, encoder: Embedder, *, adapter: Path | None, version: str) -> ExtractivePolicy:
        """Make a policy with the adapter in a directory; the untrained one when None.

        Args:
            encoder: Gives the vectors of question and sentences.
            adapter: Directory of an adapter; None for none.
            version: Name recorded on every answer.

        Returns:
            The policy.

        Raises:
            ValueError: The directory holds no adapter of this kind and format.
            FileNotFoundError: A file of the adapter is missing.
        """
        return cls(encoder, version=version, residual=load_residual(adapter) if adapter else None)

    def beside(self, version: str, residual: Residual | None) -> ExtractivePolicy:
        """Make a policy that learned something else and shares this one's encoder and memory, so that it starts warm.

        Args:
            version: Name recorded on every answer.
            residual: What was learned; nothing when None.

        Returns:
            The policy.
        """
        made = copy(self)
        made._version, made.residual = version, residual or Residual()
        return made

    @property
    def version(self) -> str:
        """Name recorded on every answer."""
        return self._version

    def stream(self, prompt: Prompt, sampling: Sampling) -> Iterator[Delta]:
        """Answer sentence by sentence; the last delta carries the answer."""
        return LazyStream(lambda: self._pieces(prompt, sampling))

    def sample(
        self,
        prompts: Sequence[Prompt],
        n: int,
        sampling: Sampling,
        *,
        cancelled: Callable[[], bool] | None = None,
    ) -> list[list[Answer]]:
        """Draw n answers for each prompt, distinct as long as there are distinct ones.

        At temperature 0 the first is the greedy one and the others are drawn at temperature 1, with another opening
        where there is one: two answers that open alike teach a comparison little. A repetition is drawn again, a little
        hotter each time; every answer records the temperature it was drawn at.

        Args:
            prompts: What was asked and shown.
            n: Answers for each prompt.
            sampling: How to draw.
            cancelled: Asked before every answer.

        Returns:
            For each prompt its n answers.

        Raises:
            SamplingCancelled: `cancelled` gave true.
        """
        return [self._draw_many(prompt, n, sampling, cancelled or never) for prompt in prompts]

    def draw(self, prompt: Prompt, n: int, sampling: Sampling) -> list[Answer]:
        """Draw n answers independently of each other, so that some may repeat: what estimates over the policy need.

        Args:
            prompt: What was asked and shown, read once.
            n: Answers.
            sampling: How to draw; answer i has the seed of this plus i.

        Returns:
            The n answers.
        """
        reading = self.read(prompt)
        seeds = [_seed(sampling) + number for number in range(n)]
        return [self._draw(prompt, reading, replace(sampling, seed=seed), seed)[0] for seed in seeds]

    def logprobs(self, prompts: Sequence[Prompt], answers: Sequence[Answer], *, temperature: float = 1.0) -> Tensor:
        """Give `[B, T]` float32 log-probabilities per step, zero where padded or forced; differentiable in
        `residual.parameters()`.

        Args:
            prompts: What was asked and shown.
            answers: Recorded answers, one a prompt.
            temperature: Divides scores and log-odds; 1 gives what was recorded.

        Returns:
            `(B, T)` float32, T the most decisions of an answer.

        Raises:
            ValueError: An answer's actions do not fit its prompt.
        """
        return self.replays(prompts, answers).logprobs(self.residual, temperature)

    def replays(self, prompts: Sequence[Prompt], answers: Sequence[Answer]) -> Replays:
        """Give what the log-probabilities of recorded answers depend on besides the residual, for training loops.

        Args:
            prompts: What was asked and shown.
            answers: Recorded answers, one a prompt.

        Returns:
            What `Replays.logprobs` evaluates, at every step of a training loop if need be.

        Raises:
            ValueError: An answer's actions do not fit its prompt.
        """
        from training.policy.extractive.replay import replay

        readings = [self.read(prompt, answer.actions) for prompt, answer in zip(prompts, answers, strict=True)]
        actions = [answer.actions for answer in answers]
        return replay(readings, actions, self._most_sentences, self._prior)

    def read(self, prompt: Prompt, include: Sequence[int] = ()) -> Reading | None:
        """Describe a prompt as the pointer sees it; None when its passages hold no sentence."""
        return read(prompt, self._book, self._vectors, self._prior, self._most_candidates, include)

    def candidates(self, prompt: Prompt) -> list[Candidate]:
        """Give every sentence of a prompt's passages in the order that actions count them; nothing is encoded."""
        return self._book.candidates(prompt.passages)

    @property
    def most_sentences(self) -> int:
        """Longest answer it writes."""
        return self._most_sentences

    def close(self) -> None:
        """Release nothing: the encoder belongs to whoever made it."""

    def _pieces(self, prompt: Prompt, sampling: Sampling) -> Iterator[Delta]:
        started = time.perf_counter()
        reading = self.read(prompt)
        seed = _seed(sampling)
        answer, pieces = self._draw(prompt, reading, replace(sampling, seed=seed), seed)
        spent = (time.perf_counter() - started) * 1000
        for piece in pieces:
            yield Delta(text=piece)
        yield Delta(answer=replace(answer, timings_ms={"first": spent, "total": spent}))

    def _draw_many(self, prompt: Prompt, n: int, sampling: Sampling, cancelled: Callable[[], bool]) -> list[Answer]:
        if cancelled():
            raise SamplingCancelled
        reading = self.read(prompt)
        base = _seed(sampling)
        answers: list[Answer] = []
        seen: set[tuple[int, ...]] = set()
        opened: set[int] = set()
        for number in range(n):
            if cancelled():
                raise SamplingCancelled
            wanted = replace(sampling, seed=base + number)
            if number and not sampling.temperature:
                wanted = replace(wanted, temperature=EXPLORING)
            answer, _ = self._draw(prompt, reading, wanted, base + number)
            spare: Answer | None = None  # distinct, but opens as an earlier one does
            for attempt in range(1, _TRIES):
                if answer.actions not in seen:
                    if sampling.temperature or answer.actions[0] not in opened:
                        break
                    spare = spare or answer
                elif not wanted.temperature:
                    break
                wanted = replace(wanted, temperature=wanted.temperature * _HOTTER, seed=base + number + attempt * 7919)
                answer, _ = self._draw(prompt, reading, wanted, wanted.seed or 0)
            if spare is not None and answer.actions[0] in opened:
                answer = spare
            seen.add(answer.actions)
            opened.add(answer.actions[0])
            answers.append(answer)
        return answers

    def _draw(self, prompt: Prompt, reading: Reading | None, sampling: Sampling, seed: int) -> tuple[Answer, list[str]]:
        """Choose sentences until STOP; give the answer and its pieces."""
        rng = np.random.default_rng(seed)
        pointer, halt = self._prior.pointer + self.residual.pointer, self._prior.halt + self.residual.halt
        chosen: list[int] = []
        logprob, stopped = 0.0, reading is None
        while reading is not None and not stopped:
            decision = step(reading, chosen, self._most_sentences)
            sentences, stop = distribution(decision, pointer, halt)
            if not sampling.temperature:
                stopped = stop > np.log(0.5)
                place = int(sentences.argmax())
            else:
                hot, hot_stop = distribution(decision, pointer, halt, sampling.temperature)
                stopped = bool(np.log(rng.random()) < hot_stop)
                place = int((hot + rng.gumbel(size=len(hot))).argmax())
            logprob += stop if stopped else float(sentences[place])
            if not stopped:
                chosen.append(place)
        pieces = _written(prompt, reading, chosen)
        text = "".join(pieces)
        offered = reading.offered if reading else ()
        return (
            Answer(
                text=text,
                version=self._version,
                finish_reason="stop",
                sampling=sampling,
                logprob=logprob,
                steps=len(chosen) + 1,
                abstained=not chosen,
                prompt_tokens=sum(len(part.split()) for part in (prompt.query, *(p.text for p in prompt.passages))),
                completion_tokens=len(text.split()),
                actions=(*(offered[place] for place in chosen), STOP),
            ),
            pieces,
        )


def _written(prompt: Prompt, reading: Reading | None, chosen: Sequence[int]) -> list[str]:
    if reading is None or not chosen:
        return [ABSTENTION]
    lines = [written(prompt, candidate) for candidate in in_order([reading.candidates[place] for place in chosen])]
    return [lines[0], *(f" {line}" for line in lines[1:])]


def _seed(sampling: Sampling) -> int:
    return secrets.randbits(31) if sampling.seed is None else sampling.seed % 2**62  # a caller's may be negative
