"""Policies for tests of versions: each says its name, and tells when it was closed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from training.policy.base import Answer, Delta, Prompt, Sampling


class NamedPolicy:
    """Answers with its own name."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.closed = 0

    def stream(self, prompt: Prompt, sampling: Sampling) -> Iterator[Delta]:
        """Give the answer in two deltas."""
        answer = self.sample([prompt], 1, sampling)[0][0]
        yield Delta(answer.text)
        yield Delta(answer=answer)

    def sample(
        self, prompts: Sequence[Prompt], n: int, sampling: Sampling, *, cancelled: Callable[[], bool] | None = None
    ) -> list[list[Answer]]:
        """Give the same answer n times."""
        assert not self.closed, "a closed policy was asked"
        answer = Answer(f"{self.version} says so. [1]", self.version, "stop", sampling, -0.5, 2)
        return [[answer] * n for _ in prompts]

    def close(self) -> None:
        """Count."""
        self.closed += 1
