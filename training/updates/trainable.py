"""What a trainer needs of a policy. One implementation for each trainable policy; the losses know none of them.

The unit is a *group*: one prompt with the K answers that matter in this step, prepared once (tokens, or sentence
features), scored as often as needed. A causal LM computes the prompt of a group once for its K answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from training.policy.base import Answer, Prompt, Sampling

if TYPE_CHECKING:
    from torch import Tensor, nn


class CannotScore(ValueError):
    """An answer cannot be expressed in this policy's actions; the message says why, for the data card."""


@dataclass(frozen=True)
class Group:
    """One prompt and K answers, prepared for scoring. `prepared` belongs to the Trainable that made it."""

    key: str  # hash of exactly what the log-probabilities depend on besides the weights
    prompt: Prompt
    answers: tuple[Answer, ...]
    prepared: Any


class Trainable(Protocol):
    """A policy in training. Not thread-safe."""

    kind: str  # "extractive" or "causal"
    module: nn.Module  # holds the trainable parameters; its forward takes a prepared group: what accelerate wraps

    def parameters(self) -> dict[str, Tensor]:
        """Give the trainable leaves by name."""
        ...

    def prepare(self, prompt: Prompt, answers: Sequence[Answer]) -> Group:
        """Do everything that does not depend on the weights; raises CannotScore."""
        ...

    def logprobs(self, group: Group) -> tuple[Tensor, Tensor]:
        """Give `(K, T)` float32 log-probabilities per action, zero where padded, and the `(K, T)` bool mask of real
        actions; differentiable.
        """
        ...

    def logprobs_many(self, groups: Sequence[Group]) -> tuple[Tensor, Tensor]:
        """Give the same for several groups, their rows one after the other: `(sum of K, T)`."""
        ...

    def reference_logprobs(self, group: Group) -> tuple[Tensor, Tensor]:
        """Give the same under the base policy, without gradient."""
        ...

    def sample(self, prompts: Sequence[Prompt], n: int, sampling: Sampling) -> list[list[Answer]]:
        """Draw n answers for each prompt under the present weights; the prompt is computed once for its n."""
        ...

    def draw(self, prompt: Prompt, n: int, sampling: Sampling) -> list[Answer]:
        """Draw n answers independently of each other under the present weights; `sample` may keep them apart."""
        ...

    def regularizer(self) -> Tensor:
        """Give the squared distance of the weights from the base (scalar), where that is a sensible penalty; else 0."""
        ...

    def adapter_files(self, provenance: Mapping[str, Any]) -> dict[str, bytes]:
        """Give the files of the adapter as it is now, by name; publishing them is the caller's business."""
        ...
