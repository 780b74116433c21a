"""A linear critic: the reward still to come, judged from what the policy knows before each decision.

For a causal LM that is the hidden state that predicts the token, for the embedded policy the features by which it
decides whether to stop. The critic reads them without a gradient into the policy, learns in the same optimiser, is in
the same checkpoints, and is thrown away when training ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from training.policy.base import Answer, Prompt, Sampling
from training.scoring.score import answer_hidden
from training.updates.trainable import Group, Trainable

# Adam moves each weight by about the learning rate a step, whatever the gradient: without a gain, a rate that suits
# LoRA would leave the critic where it starts for thousands of steps.
_GAIN = {"causal": 10.0, "extractive": 1.0}


class WithCritic:
    """A policy in training together with its critic; everything but `parameters` is the policy's own."""

    def __init__(self, policy: Trainable) -> None:
        self.policy = policy
        self.kind, self.module = policy.kind, policy.module
        self._gain = _GAIN[policy.kind]
        self._weights: dict[str, Tensor] = {}

    def parameters(self) -> dict[str, Tensor]:
        """Give the leaves of the policy, and `critic.weight` and `critic.bias`, by name."""
        if not self._weights:
            size = self._width()
            device = next(iter(self.policy.parameters().values())).device
            self._weights = {
                "critic.weight": nn.Parameter(torch.zeros(size, device=device)),
                "critic.bias": nn.Parameter(torch.zeros((), device=device)),
            }
        return {**self.policy.parameters(), **self._weights}

    def states(self, group: Group) -> Tensor:
        """Give what the critic reads before each decision, `(K, T, D)` float32, without gradient."""
        with torch.no_grad():
            if self.kind == "extractive":
                features: Tensor = group.prepared.halt
                return features
            tokens = group.prepared
            self.module.eval()
            hidden, _ = answer_hidden(self.module, tokens.prompt, tokens.answers, before=True)
            return nn.functional.layer_norm(hidden.float(), hidden.shape[-1:])

    def values(self, states: Tensor) -> Tensor:
        """Judge: `(..., D)` to `(...)`, differentiable in the critic's own leaves."""
        weights = self.parameters()
        judged: Tensor = self._gain * (states @ weights["critic.weight"] + weights["critic.bias"])
        return judged

    def prepare(self, prompt: Prompt, answers: Sequence[Answer]) -> Group:
        """See the policy."""
        return self.policy.prepare(prompt, answers)

    def logprobs(self, group: Group) -> tuple[Tensor, Tensor]:
        """See the policy."""
        return self.policy.logprobs(group)

    def logprobs_many(self, groups: Sequence[Group]) -> tuple[Tensor, Tensor]:
        """See the policy."""
        return self.policy.logprobs_many(groups)

    def reference_logprobs(self, group: Group) -> tuple[Tensor, Tensor]:
        """See the policy."""
        return self.policy.reference_logprobs(group)

    def sample(self, prompts: Sequence[Prompt], n: int, sampling: Sampling) -> list[list[Answer]]:
        """See the policy."""
        return self.policy.sample(prompts, n, sampling)

    def draw(self, prompt: Prompt, n: int, sampling: Sampling) -> list[Answer]:
        """See the policy."""
        return self.policy.draw(prompt, n, sampling)

    def regularizer(self) -> Tensor:
        """See the policy."""
        return self.policy.regularizer()

    def adapter_files(self, provenance: Mapping[str, Any]) -> dict[str, bytes]:
        """See the policy; the critic is not in them."""
        return self.policy.adapter_files(provenance)

    def _width(self) -> int:
        if self.kind == "extractive":
            from training.policy.extractive.features import HALT_FEATURES

            return len(HALT_FEATURES)
        config: Any = self.module.config
        return int(config.get_text_config().hidden_size)
