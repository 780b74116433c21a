"""A causal LM that reads the whole prompt and an answer; the state at the answer's last token is what heads see.

The prompt is computed once for all its answers (`training.scoring`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch.nn.functional as F
from torch import Tensor

from training.policy.base import Answer, Prompt
from training.reward.backbone import adapted
from training.reward.config import LoraConfig


class CausalBackbone:
    """The score head of a reward model on a causal LM (Ouyang et al. 2022, arXiv 2203.02155, section 3.5)."""

    kind = "causal"

    def __init__(self, name: str, lora: LoraConfig, seed: int) -> None:
        from training.policy.causal.load import load_model
        from training.policy.causal.prompts import PromptEncoder

        model, self._tokenizer, window = load_model(name, None, lora.device, "auto", trainable=False)
        self.name, self._most = name, lora.most_tokens
        self.module = adapted(model, lora, seed)
        self.width: int = model.config.get_text_config().hidden_size
        self._prompts = PromptEncoder(self._tokenizer, window, frozenset())

    def states(self, prompt: Prompt, answers: Sequence[Answer]) -> Tensor:
        """Give `(K, width)` float32; differentiable."""
        from training.scoring.score import answer_hidden, last_states

        asked = self._prompts.encode(prompt, self._most)
        said = [self._answer_ids(answer) for answer in answers]
        states, mask = answer_hidden(self.module, asked, said)  # (K, T, width)
        return F.layer_norm(last_states(states, mask).float(), (self.width,))

    def _answer_ids(self, answer: Answer) -> list[int]:
        """Tokenise the text: recorded actions are those of the policy, which may be another model. The end is kept."""
        *ids, last = self._prompts.answer_ids(replace(answer, actions=()))
        return [*ids[: self._most - 1], last]
