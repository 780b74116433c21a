"""A policy that answers with the best of several answers of another one, as a reward model and groundedness see it.

What is learned from votes helps even a model whose weights are out of reach this way. The first answer is the one that
the other policy would have given; it wins where the reward model sees no difference. Where several answers are wanted,
they are the other policy's own: whoever compares them chooses.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import inf
from threading import Event

from training.policy.base import Answer, Delta, Prompt, Sampling, SamplingCancelled, ServingPolicy, never
from training.reward.base import RewardModel
from training.updates.rewards import Grounded, RewardMix, mixed_rewards

_MIX = RewardMix(clip=inf)  # nothing is trained towards it, and what is clipped is equal


class ChoosingPolicy:
    """Answers with the best of n. Thread-safe if the policy and the reward model are."""

    def __init__(
        self,
        policy: ServingPolicy,
        reward: RewardModel,
        n: int,
        *,
        grounded: Grounded | None = None,
    ) -> None:
        """Make a policy of another one.

        Args:
            policy: Whose answers these are.
            reward: Predicts what people prefer.
            n: Answers to choose from, at least 2.
            grounded: Tells how well an answer is supported; None for policies whose answers are verbatim.
        """
        if n < 2:
            raise ValueError(f"the best of {n}: there is nothing to choose from")
        self.policy = policy
        self.reward = reward
        self.best_of = n
        self._grounded = grounded

    @property
    def version(self) -> str:
        """Name recorded on every answer: the other policy's."""
        return self.policy.version

    def stream(self, prompt: Prompt, sampling: Sampling) -> Iterator[Delta]:
        """Answer; the text comes at once, when all answers are there and one of them was chosen."""
        return _Chosen(lambda cancelled: self._choose(prompt, sampling, cancelled))

    def sample(
        self,
        prompts: Sequence[Prompt],
        n: int,
        sampling: Sampling,
        *,
        cancelled: Callable[[], bool] | None = None,
    ) -> list[list[Answer]]:
        """Give the best for each prompt; where n is more than one, the other policy's n answers.

        Args:
            prompts: What was asked and shown.
            n: Answers for each prompt.
            sampling: How to draw.
            cancelled: Stops the work.

        Returns:
            For each prompt its n answers.

        Raises:
            PolicyError: The other policy could not answer.
            SamplingCancelled: `cancelled` gave true.
        """
        if n > 1:
            return self.policy.sample(prompts, n, sampling, cancelled=cancelled)
        return [[self._choose(prompt, sampling, cancelled or never)] for prompt in prompts]

    def close(self) -> None:
        """Close the other policy."""
        self.policy.close()

    def _choose(self, prompt: Prompt, sampling: Sampling, cancelled: Callable[[], bool]) -> Answer:
        if sampling.temperature == 0 and sampling.seed is None:
            # Who asks for greedy answers expects the same one each time.
            sampling = replace(sampling, seed=zlib.crc32(prompt.query.encode()) >> 1)
        (answers,) = self.policy.sample([prompt], self.best_of, sampling, cancelled=cancelled)
        if cancelled():
            raise SamplingCancelled
        first = max(len(answers[0].text.split()), 1)
        (rewards,) = mixed_rewards(
            [prompt], [answers], self.reward, base_lengths=[first], grounded=self._grounded, mix=_MIX
        )
        return answers[int(rewards.argmax())]


class _Chosen(Iterator[Delta]):
    """The chosen answer as a stream; `close` may come from any thread and stops the drawing."""

    def __init__(self, choose: Callable[[Callable[[], bool]], Answer]) -> None:
        self._choose = choose
        self._closed = Event()
        self._pieces: Iterator[Delta] | None = None

    def __next__(self) -> Delta:
        if self._pieces is None:
            self._pieces = self._made()
        return next(self._pieces)

    def close(self) -> None:
        """Give no further piece."""
        self._closed.set()

    def _made(self) -> Iterator[Delta]:
        try:
            answer = self._choose(self._closed.is_set)
        except SamplingCancelled:
            return
        yield Delta(text=answer.text)
        yield Delta(answer=answer)
