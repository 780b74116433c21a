"""What the two transformer bases share: an adapter on the attention projections, its storage, the finetuned rows."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from training.policy.base import Answer, Prompt
from training.reward.config import LoraConfig
from training.reward.representation import FeatureRepresentation

Array = npt.NDArray[np.float32]
ADAPTER = "adapter.safetensors"
# Names under which the common architectures keep their attention projections.
_PROJECTIONS = frozenset(
    ("query", "key", "value", "query_key_value", "Wqkv", "c_attn", "qkv_proj", "q_lin", "k_lin", "v_lin")
    + ("q_proj", "k_proj", "v_proj", "o_proj", "query_proj", "key_proj", "value_proj")
)


class Backbone(Protocol):
    """A transformer that turns the answers to a prompt into states. Not trained from several threads."""

    name: str
    kind: str
    module: Any  # the PEFT model
    width: int

    def states(self, prompt: Prompt, answers: Sequence[Answer]) -> Tensor:
        """Give `(K, width)` float32 of about unit size a column; differentiable."""
        ...


def adapted(model: Any, lora: LoraConfig, seed: int) -> Any:
    """Put a LoRA adapter (Hu et al. 2021, arXiv 2106.09685) on the attention projections of a model.

    Args:
        model: A Hugging Face model.
        lora: Rank and alpha.
        seed: Of the adapter's first weights.

    Returns:
        The PEFT model, in evaluation mode: small data is held back by one epoch and a low rank, not by dropout, which
        costs a fifth of the time.
    """
    from peft import LoraConfig as PeftConfig
    from peft import get_peft_model

    names = {name.rpartition(".")[2] for name, part in model.named_modules() if isinstance(part, nn.Linear)}
    targets = sorted(names & _PROJECTIONS) or "all-linear"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = get_peft_model(model, PeftConfig(r=lora.rank, lora_alpha=lora.alpha, target_modules=targets))
    return made.eval()


def adapter_bytes(module: Any) -> bytes:
    """Give the adapter's weights as safetensors."""
    from peft import get_peft_model_state_dict
    from safetensors.torch import save

    state = get_peft_model_state_dict(module)
    return save({name: value.detach().cpu().contiguous() for name, value in sorted(state.items())})


def restore_adapter(module: Any, content: bytes) -> None:
    """Put stored weights into an adapter of the same shape.

    Args:
        module: The PEFT model.
        content: What `adapter_bytes` gave.

    Raises:
        ValueError: The weights are of another adapter, or not finite.
    """
    from peft import get_peft_model_state_dict, set_peft_model_state_dict
    from safetensors.torch import load

    state = load(content)
    wanted = {name: value.shape for name, value in get_peft_model_state_dict(module).items()}
    if {name: value.shape for name, value in state.items()} != wanted:
        raise ValueError("the adapter is of another model")
    if not all(bool(torch.isfinite(value).all()) for value in state.values()):
        raise ValueError("the adapter is not finite")
    set_peft_model_state_dict(module, state)


def open_backbone(name: str, kind: str, lora: LoraConfig, seed: int, features: FeatureRepresentation) -> Backbone:
    """Load a base with a fresh adapter.

    Args:
        name: Of a sentence encoder or of a causal LM, or its folder.
        kind: "encoder" or "causal"; "auto" goes by the architecture that the checkpoint names.
        lora: Rank, alpha, lengths, device.
        seed: Of the adapter's first weights.
        features: Finds the evidence that an encoder reads beside the answer.

    Returns:
        The backbone.
    """
    from training.reward.causal import CausalBackbone
    from training.reward.encoder import EncoderBackbone, checkpoint

    if kind == "auto":
        from transformers import AutoConfig

        config = AutoConfig.from_pretrained(checkpoint(name), trust_remote_code=False)
        kind = "causal" if any(a.endswith("ForCausalLM") for a in config.architectures or ()) else "encoder"
    if kind == "causal":
        return CausalBackbone(name, lora, seed)
    return EncoderBackbone(name, lora, seed, features.describer)


class FinetunedRepresentation:
    """Named features beside the states of a finetuned transformer. Thread-safe."""

    def __init__(self, features: FeatureRepresentation, backbone: Backbone, lora: LoraConfig, seed: int) -> None:
        self.features, self.backbone = features, backbone
        self._lora, self._seed = lora, seed
        self._columns = (*features.columns, *(f"state_{at}" for at in range(backbone.width)))
        self._lock = Lock()  # one forward pass at a time: a transformer uses all cores by itself

    @property
    def columns(self) -> tuple[str, ...]:
        """Name of every column."""
        return self._columns

    def rows(self, prompt: Prompt, answers: Sequence[Answer]) -> Array:
        """Give `(K, len(columns))` float32."""
        with self._lock, torch.no_grad():
            states = self.backbone.states(prompt, answers).cpu().numpy()
        return np.concatenate([self.features.rows(prompt, answers), states], axis=1)

    def files(self) -> dict[str, bytes]:
        """Give the adapter; the base is named, not copied."""
        return {ADAPTER: adapter_bytes(self.backbone.module)}

    def manifest(self) -> dict[str, Any]:
        """Tell the base and the shape of the adapter."""
        return {
            **self.features.manifest(),
            "kind": self.backbone.kind,
            "base": self.backbone.name,
            "seed": self._seed,
        }
