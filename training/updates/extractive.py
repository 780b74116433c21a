"""The embedded policy in training: some thirty weights, added to a prior that stays.

A prepared group holds every feature its log-probabilities depend on, so a step is a few small matrix products. The
residual shares its memory with the policy that serves: what a step learns, `sample` says.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from training.policy.base import Answer, Prompt, Sampling
from training.policy.extractive import ExtractivePolicy, Residual, adapter_files
from training.policy.extractive.replay import Replays
from training.updates.choices import choices
from training.updates.trainable import CannotScore, Group

_KEPT = 8  # packed batches: those of a step that takes all examples, and of an evaluation


class ExtractiveTrainable:
    """Trains the residual of an embedded policy. Not thread-safe."""

    kind = "extractive"

    def __init__(self, policy: ExtractivePolicy) -> None:
        self.policy = policy
        self.module: nn.Module = _Pointer(policy.residual)
        self._base = Residual()
        self._packed: OrderedDict[tuple[str, ...], Replays] = OrderedDict()
        self._reference: dict[str, Tensor] = {}

    def parameters(self) -> dict[str, Tensor]:
        """Give the trainable leaves by name: `pointer` and `halt`."""
        return self.policy.residual.parameters()

    def prepare(self, prompt: Prompt, answers: Sequence[Answer]) -> Group:
        """Describe every decision of K answers to a prompt.

        Args:
            prompt: What was asked and shown.
            answers: Recorded, corrected or foreign ones.

        Returns:
            The group; its answers carry the actions that are scored.

        Raises:
            CannotScore: An answer says what no sentence of the passages says.
        """
        candidates = self.policy.candidates(prompt)
        taken = [choices(prompt, answer, candidates, self.policy.most_sentences) for answer in answers]
        played = tuple(replace(answer, actions=actions) for answer, actions in zip(answers, taken, strict=True))
        try:
            replays = self.policy.replays([prompt] * len(played), played)
        except ValueError as error:
            raise CannotScore(str(error)) from error
        return Group(_key(replays), prompt, played, replays)

    def logprobs(self, group: Group) -> tuple[Tensor, Tensor]:
        """Give `(K, T)` log-probabilities and the mask of decisions that were free."""
        return self.module(group.prepared), group.prepared.free

    def logprobs_many(self, groups: Sequence[Group]) -> tuple[Tensor, Tensor]:
        """Give the same for several groups at once, their rows one after the other, `(sum of K, T)`."""
        packed = self._pack(groups)
        return self.module(packed), packed.free

    def reference_logprobs(self, group: Group) -> tuple[Tensor, Tensor]:
        """Give the same under the prior alone, without gradient; kept."""
        known = self._reference.get(group.key)
        if known is None:
            with torch.no_grad():
                known = group.prepared.logprobs(self._base)
            self._reference[group.key] = known
        return known, group.prepared.free

    def sample(self, prompts: Sequence[Prompt], n: int, sampling: Sampling) -> list[list[Answer]]:
        """Draw n answers for each prompt under the present weights."""
        return self.policy.sample(prompts, n, sampling)

    def draw(self, prompt: Prompt, n: int, sampling: Sampling) -> list[Answer]:
        """Draw n answers independently of each other under the present weights."""
        return self.policy.draw(prompt, n, sampling)

    def regularizer(self) -> Tensor:
        """Give the squared length of the residual: its distance from the base."""
        total: Tensor = sum((weights.square().sum() for weights in self.parameters().values()), torch.zeros(()))
        return total

    def adapter_files(self, provenance: Mapping[str, Any]) -> dict[str, bytes]:
        """Give the files of the adapter as it is now."""
        return adapter_files(self.policy.residual, provenance)

    def _pack(self, groups: Sequence[Group]) -> Replays:
        key = tuple(group.key for group in groups)
        known = self._packed.get(key)
        if known is None:
            known = _stack([group.prepared for group in groups])
            self._packed[key] = known
            while len(self._packed) > _KEPT:
                self._packed.popitem(last=False)
        self._packed.move_to_end(key)
        return known


class _Pointer(nn.Module):
    """The residual as a module."""

    def __init__(self, residual: Residual) -> None:
        super().__init__()
        self.weights = nn.ParameterDict(residual.parameters())
        self._residual = residual

    def forward(self, prepared: Replays) -> Tensor:
        return prepared.logprobs(self._residual)


def _stack(parts: Sequence[Replays]) -> Replays:
    """Put the rows of several replays under each other, padded to the longest answer and the most candidates."""
    steps = max(part.free.shape[1] for part in parts)
    width = max(part.open.shape[2] for part in parts)

    def rows(name: str) -> Tensor:
        return torch.cat([_grown(getattr(part, name), steps, width) for part in parts])

    names = ("pointer", "open", "halt", "taken", "stopped", "free")
    return Replays(**{name: rows(name) for name in names}, prior=parts[0].prior)


def _grown(tensor: Tensor, steps: int, width: int) -> Tensor:
    """Pad `(B, T, ...)` to `steps`, and `(B, T, N)` or `(B, T, N, F)` to `width` candidates."""
    missing = [0, steps - tensor.shape[1]]
    if tensor.dtype == torch.bool and tensor.ndim == 3:  # open
        missing = [0, width - tensor.shape[2], *missing]
    elif tensor.ndim == 4:  # pointer
        missing = [0, 0, 0, width - tensor.shape[2], *missing]
    elif tensor.ndim == 3:  # halt
        missing = [0, 0, *missing]
    return pad(tensor, missing)


def _key(replays: Replays) -> str:
    """Hash what the log-probabilities depend on."""
    digest = hashlib.sha256()
    for name in ("pointer", "open", "halt", "taken", "stopped", "free"):
        tensor: Tensor = getattr(replays, name)
        digest.update(f"{name}{tuple(tensor.shape)}".encode())
        digest.update(tensor.numpy().tobytes())
    digest.update(replays.prior.pointer.tobytes() + replays.prior.halt.tobytes())
    return digest.hexdigest()
