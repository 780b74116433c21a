"""A causal language model in training: a fresh LoRA adapter on the base, whose own weights stay.

The K answers of a group are scored behind one prompt (`training.scoring`). The reference is the model with the adapter
switched off; what it says never changes, so it may be kept on disk.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training.policy.base import Answer, Prompt, PromptTooLong, Sampling
from training.policy.causal import CausalLMPolicy
from training.scoring.reference import ReferenceCache, reference_key, weights_digest
from training.scoring.score import answer_logprobs
from training.updates.config import UpdateConfig
from training.updates.trainable import CannotScore, Group

PROVENANCE = "provenance.json"


@dataclass(frozen=True, slots=True)
class LoraSettings:
    """Shape of the adapter (Hu et al. 2021, arXiv 2106.09685); all linear layers but the LM head have one."""

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0  # above 0 the shared prompt is dropped out once for all its answers
    modules: str | tuple[str, ...] = "all-linear"


@dataclass(frozen=True, slots=True)
class Tokens:
    """A group as token ids."""

    prompt: tuple[int, ...]
    answers: tuple[tuple[int, ...], ...]


class CausalTrainable:
    """Trains a LoRA adapter. Not thread-safe. The policy given answers with the adapter from then on."""

    kind = "causal"

    def __init__(
        self,
        policy: CausalLMPolicy,
        lora: LoraSettings | None = None,
        *,
        seed: int = 0,
        bf16: bool = False,
        gradient_checkpointing: bool = False,
        cache: ReferenceCache | None = None,
        answer_tokens: int = 512,
    ) -> None:
        """Put a fresh adapter on a policy.

        Args:
            policy: Loaded without an adapter, or with one that is `trainable`, which is then trained on.
            lora: Shape of the adapter, where the policy has none.
            seed: Of its first weights.
            bf16: Whether to compute in mixed precision.
            gradient_checkpointing: Whether to compute activations again in the backward pass.
            cache: Keeps what the reference says between runs; in memory when None.
            answer_tokens: Room left for answers that were not recorded with a limit of their own.
        """
        self.policy = policy
        self._bf16, self._checkpointing, self._cache = bf16, gradient_checkpointing, cache
        self._answer_tokens = answer_tokens
        self._digest = weights_digest(policy.model) if cache is not None else ""
        self._known: dict[str, Tensor] = {}
        if not hasattr(policy.model, "peft_config"):
            policy.model = _adapted(policy.model, lora or LoraSettings(), seed)
        self.module: nn.Module = policy.model
        if gradient_checkpointing:
            _checkpoint(policy.model)

    @classmethod
    def from_config(
        cls,
        policy: CausalLMPolicy,
        config: UpdateConfig,
        lora: LoraSettings | None = None,
        *,
        cache: ReferenceCache | None = None,
    ) -> CausalTrainable:
        """Put a fresh adapter on a policy, with the seed, precision and checkpointing of an update's configuration.

        Args:
            policy: Loaded without an adapter.
            config: Of the update that follows.
            lora: Shape of the adapter.
            cache: Keeps what the reference says between runs.

        Returns:
            The policy in training.
        """
        return cls(
            policy,
            lora,
            seed=config.seed,
            bf16=config.precision == "bf16",
            gradient_checkpointing=config.gradient_checkpointing,
            cache=cache,
        )

    def parameters(self) -> dict[str, Tensor]:
        """Give the adapter's weights by name."""
        return {name: weights for name, weights in self.module.named_parameters() if weights.requires_grad}

    def prepare(self, prompt: Prompt, answers: Sequence[Answer]) -> Group:
        """Tokenize a prompt, shortened as when it was served, and K answers.

        Args:
            prompt: What was asked and shown.
            answers: Recorded by this model, or anybody's text.

        Returns:
            The group; its answers carry the tokens that are scored.

        Raises:
            CannotScore: The question alone does not fit the model, or an answer does not.
        """
        ids = tuple(self._answer_ids(answer) for answer in answers)
        recorded = [answer.sampling.max_tokens for answer in answers if answer.actions]
        longest = max(map(len, ids), default=0)
        try:
            prompt_ids = self.policy.prompts.encode(prompt, max([longest, *(recorded or [self._answer_tokens])]))
        except PromptTooLong as error:
            raise CannotScore("the question does not fit the model") from error
        if len(prompt_ids) + longest > self.policy.prompts.window:
            raise CannotScore("prompt and answer do not fit the model")
        if not all(ids):
            raise CannotScore("the answer is empty")
        played = tuple(replace(answer, actions=actions) for answer, actions in zip(answers, ids, strict=True))
        dtype = str(self.policy.model.dtype).removeprefix("torch.") + ("+bf16" if self._bf16 else "")
        key = reference_key(self._digest, prompt_ids, ids, temperature=1.0, dtype=dtype)
        return Group(key, prompt, played, Tokens(prompt_ids, ids))

    def logprobs(self, group: Group) -> tuple[Tensor, Tensor]:
        """Give `(K, T)` log-probabilities and the mask of real tokens."""
        self.module.train(self._checkpointing and torch.is_grad_enabled())
        return self._score(group.prepared)

    def logprobs_many(self, groups: Sequence[Group]) -> tuple[Tensor, Tensor]:
        """Give the same for several groups, their rows one after the other, `(sum of K, T)`."""
        scored = [self.logprobs(group) for group in groups]
        steps = max(mask.shape[1] for _, mask in scored)
        rows = [nn.functional.pad(values, (0, steps - values.shape[1])) for values, _ in scored]
        masks = [nn.functional.pad(mask, (0, steps - mask.shape[1])) for _, mask in scored]
        return torch.cat(rows), torch.cat(masks)

    def reference_logprobs(self, group: Group) -> tuple[Tensor, Tensor]:
        """Give the same with the adapter switched off, without gradient; kept."""
        keep = self._cache.get_or_compute if self._cache is not None else self._remembered
        values = keep(group.key, lambda: self._reference(group.prepared))
        device = self.policy.model.device
        lengths = torch.tensor([len(answer) for answer in group.prepared.answers], device=device)
        return values.to(device), torch.arange(values.shape[1], device=device)[None] < lengths[:, None]

    def sample(self, prompts: Sequence[Prompt], n: int, sampling: Sampling) -> list[list[Answer]]:
        """Draw n answers for each prompt under the present weights."""
        self.module.eval()
        return self.policy.sample(prompts, n, sampling)

    def draw(self, prompt: Prompt, n: int, sampling: Sampling) -> list[Answer]:
        """Draw n answers independently of each other under the present weights."""
        self.module.eval()
        return self.policy.draw(prompt, n, sampling)

    def regularizer(self) -> Tensor:
        """Give 0: distances of LoRA's factors say little; KL and the NLL of preferred answers hold it back."""
        return torch.zeros((), device=self.policy.model.device)

    def adapter_files(self, provenance: Mapping[str, Any]) -> dict[str, bytes]:
        """Give the files of a PEFT adapter, and where it comes from."""
        import json

        with tempfile.TemporaryDirectory() as folder:
            self.policy.model.save_pretrained(folder)
            files = {
                path.name: path.read_bytes() for path in sorted(Path(folder).iterdir()) if path.name != "README.md"
            }
        return {**files, PROVENANCE: json.dumps(dict(provenance), indent=2, default=str).encode()}

    def _answer_ids(self, answer: Answer) -> tuple[int, ...]:
        """Give the recorded tokens where they are this model's, else those of the text."""
        if answer.actions and self._are_own(answer):
            return answer.actions
        return self.policy.prompts.answer_ids(replace(answer, actions=()))

    def _are_own(self, answer: Answer) -> bool:
        """Tell whether recorded actions are tokens of this model: they give the recorded text back."""
        tokenizer = self.policy.tokenizer
        if not all(0 <= action < len(tokenizer) for action in answer.actions):
            return False
        said: str = tokenizer.decode(list(answer.actions), skip_special_tokens=True)
        return said.strip().startswith(answer.text.strip())

    def _score(self, tokens: Tokens) -> tuple[Tensor, Tensor]:
        with torch.autocast(self.policy.model.device.type, torch.bfloat16, enabled=self._bf16):
            return answer_logprobs(self.policy.model, tokens.prompt, tokens.answers)

    def _reference(self, tokens: Tokens) -> Tensor:
        self.module.eval()
        with torch.no_grad(), self.policy.model.disable_adapter():
            return self._score(tokens)[0]

    def _remembered(self, key: str, compute: Any) -> Tensor:
        if key not in self._known:
            self._known[key] = compute().cpu()
        return self._known[key]


def _checkpoint(model: Any) -> None:
    base = model.get_base_model()
    # The name changed in transformers 5.23; the old one warns and goes in 6.
    enable = getattr(base, "activation_checkpointing_enable", None) or base.gradient_checkpointing_enable
    enable({"use_reentrant": False})


def _adapted(model: Any, lora: LoraSettings, seed: int) -> Any:
    from peft import LoraConfig, get_peft_model

    modules = lora.modules if isinstance(lora.modules, str) else list(lora.modules)
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=modules,
        bias="none",
        task_type="CAUSAL_LM",
    )
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        return get_peft_model(model, config)
