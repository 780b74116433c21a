"""A sentence encoder that reads question, answer and the passages' best evidence together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from retrieval.embed.load import DEFAULT_MODEL
from training.citations.markers import strip_markers
from training.policy.base import Answer, Prompt
from training.reward.backbone import adapted
from training.reward.config import LoraConfig
from training.reward.features.describe import Describer

_QUESTION_SHARE = 0.25  # of the window; a longer question is cut


def checkpoint(name: str) -> str:
    """Give what transformers loads for a name: the folder inside the package for the embedded model."""
    if name != DEFAULT_MODEL:
        return name
    from retrieval.embed.layout import read_layout
    from retrieval.embed.weights import packaged_minilm

    layout = read_layout(packaged_minilm())
    return str(layout.encoder if layout is not None else Path(packaged_minilm()))


class EncoderBackbone:
    """`[CLS] question [SEP] answer [SEP] evidence [SEP]`, mean over the tokens, normalised."""

    kind = "encoder"

    def __init__(self, name: str, lora: LoraConfig, seed: int, describer: Describer) -> None:
        from transformers import AutoModel, AutoTokenizer

        self.name, self._lora, self._describer = name, lora, describer
        where = checkpoint(name)
        self._tokenizer = AutoTokenizer.from_pretrained(where, trust_remote_code=False)
        # Eager attention trains about twice as fast as SDPA at these lengths on a CPU.
        model = AutoModel.from_pretrained(
            where, trust_remote_code=False, use_safetensors=True, attn_implementation="eager", dtype=torch.float32
        )
        self.module = adapted(model.to(lora.device), lora, seed)
        self.width: int = model.config.hidden_size

    def states(self, prompt: Prompt, answers: Sequence[Answer]) -> Tensor:
        """Give `(K, width)` float32; differentiable."""
        rows = [self._ids(prompt, answer) for answer in answers]
        longest = max(len(row) for row in rows)
        ids = torch.full((len(rows), longest), self._tokenizer.pad_token_id or 0)
        mask = torch.zeros((len(rows), longest), dtype=torch.int64)
        for at, row in enumerate(rows):
            ids[at, : len(row)], mask[at, : len(row)] = torch.tensor(row), 1
        ids, mask = ids.to(self._lora.device), mask.to(self._lora.device)
        hidden = self.module(input_ids=ids, attention_mask=mask).last_hidden_state.float()  # (K, T, width)
        pooled = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return F.layer_norm(pooled, (self.width,))

    def _ids(self, prompt: Prompt, answer: Answer) -> list[int]:
        """Cut the question, then the evidence, so that the answer keeps what it needs."""
        most, end = self._lora.most_tokens, [self._tokenizer.sep_token_id or self._tokenizer.eos_token_id]
        start = [] if self._tokenizer.cls_token_id is None else [self._tokenizer.cls_token_id]
        question, said, evidence = (
            self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
            for text in (
                prompt.query,
                strip_markers(answer.text),
                self._describer.best_passage_text(prompt, answer),
            )
        )
        head = [*start, *question[: int(most * _QUESTION_SHARE)], *end]
        head += [*said[: most - len(head) - 2], *end]
        room = most - len(head) - 1
        return [*head, *evidence[:room], *end] if room > 0 and evidence else head
