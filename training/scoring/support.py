"""Whether a model may share its prompt, decided by what its settings say and by one small trial a model.

The trial compares five tokens scored both ways, so a model that mixes tokens by anything but plain attention (state
spaces, position biases, its own masks) is noticed without being known by name.
"""

from __future__ import annotations

import logging
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import torch

from training.scoring.concatenation import batch, batch_logprobs, batch_states
from training.scoring.head import token_logprobs
from training.scoring.mode import evaluating
from training.scoring.row import lay_out, places
from training.scoring.shared_prefix import CannotShare, shared_attention, shared_states

_log = logging.getLogger(__name__)
_PLAIN_LAYERS = {"full_attention", "sliding_attention"}
# Settings that bend scores or logits and are too weak in a short trial to be noticed.
_BENT = ("attn_logit_softcapping", "final_logit_softcapping", "logit_scale", "logits_scaling", "attention_chunk_size")
_TRIAL: tuple[list[int], list[list[int]]] = ([3, 1, 2], [[1, 2], [2, 3, 1]])

_tried: WeakKeyDictionary[torch.nn.Module, str] = WeakKeyDictionary()
_said: WeakKeyDictionary[torch.nn.Module, set[str]] = WeakKeyDictionary()
_lock = Lock()


def base_model(model: Any) -> Any:
    """Give the Hugging Face model itself, whose layers hold the adapter where there is one.

    Args:
        model: A Hugging Face model, or a PEFT model of one.

    Returns:
        The model below PEFT's wrapper.

    Raises:
        ValueError: The adapter adds virtual tokens to the prompt, which are no tokens of the record.
    """
    if not hasattr(model, "peft_config"):
        return model
    if model.active_peft_config.is_prompt_learning:
        raise ValueError("prompt-learning adapters cannot be scored; train a LoRA adapter instead")
    return model.get_base_model()


def why_not(model: Any, row_tokens: int) -> str | None:
    """Say why a model cannot share its prompt, or None when it can. Thread-safe.

    Args:
        model: A Hugging Face model, or a PEFT model of one.
        row_tokens: Of the prompt and the longest answer.

    Returns:
        The reason, as the end of a sentence about the model.
    """
    base = base_model(model)
    return _by_settings(model, base.config, row_tokens) or _by_trial(base)


def say_once(model: Any, reason: str) -> None:
    """Log that a model's prompts are repeated, once for each reason. Thread-safe."""
    base = base_model(model)
    with _lock:
        said = _said.setdefault(base, set())
        if reason in said:
            return
        said.add(reason)
    _log.warning("%s: the prompt is computed again for each answer, because %s", type(base).__name__, reason)


def _by_settings(model: Any, config: Any, row_tokens: int) -> str | None:
    adapters = getattr(model, "peft_config", {})
    if any(getattr(adapter, "alora_invocation_tokens", None) for adapter in adapters.values()):
        return "its adapter is active on a part of the tokens only"
    if config.sub_configs:
        return "it is made of several models"
    if bent := sorted(name for name in _BENT if getattr(config, name, None) not in (None, 1, 1.0)):
        return f"it sets {', '.join(bent)}"
    layers = getattr(config, "layer_types", None)
    if layers and (others := set(layers) - _PLAIN_LAYERS):
        return f"it has layers of type {', '.join(sorted(others))}"
    window = getattr(config, "sliding_window", None)
    slides = layers is None or "sliding_attention" in layers
    if slides and window is not None and window < row_tokens:
        return "its sliding window is shorter than prompt and answer"
    return None


def _by_trial(base: Any) -> str | None:
    with _lock:
        known = _tried.get(base)
    if known is None:
        try:
            known = _trial(base)
        except CannotShare as error:
            known = str(error)
        except torch.OutOfMemoryError:
            raise  # says nothing about the model
        except (RuntimeError, TypeError, ValueError, KeyError, AttributeError) as error:
            known = f"its code does not take such rows ({type(error).__name__}: {error})"
        with _lock:
            _tried[base] = known
    return known or None


def _trial(base: Any) -> str:
    """Score a few tokens both ways; empty when they agree."""
    prompt, answers = _TRIAL
    decoder, device = base.get_decoder(), base.device
    tolerance = 1e-3 if base.dtype in (torch.float32, torch.float64) else 0.1
    row = lay_out(len(prompt), [len(answer) for answer in answers], device)
    # In the weights' own precision: the caller's autocast would look like a difference.
    with torch.no_grad(), torch.autocast(device.type, enabled=False), evaluating(base):
        together = batch([prompt] * len(answers), answers, device)
        states = batch_states(decoder, together, before=True)
        if (head := base.get_output_embeddings()) is not None:
            plain = token_logprobs(
                head, states[together.mask], together.targets[together.mask], words=head.weight.shape[0]
            )
            if not torch.allclose(
                plain, batch_logprobs(base, [prompt] * len(answers), answers)[together.mask], atol=tolerance
            ):
                return "its logits are more than its LM head's"
        with shared_attention(base):
            shared = shared_states(decoder, row, [*prompt, *answers[0], *answers[1]], device)
    shared = shared[places(row, before=True, device=device)].float()
    spread = states[together.mask].float()
    if not torch.allclose(shared, spread, atol=tolerance * float(spread.abs().max().clamp(min=1))):
        return "a trial gave other values than its own attention"
    return ""
