"""Attention over one row `[prompt | a_1 | ... | a_K]` in which no answer sees another, by two calls of stock SDPA:
the prompt attends causally to itself, and the answers, as a batch of K, to the prompt and their own past. After
Prefix Grouper (arXiv 2506.05433) and Wang & Hegde (arXiv 2410.20305), without a kernel or a model class of its own.

It is plugged in through transformers' `AttentionInterface` and says in the call itself, by the keyword
`shared_prefix`, where it applies. Every other call through a model that is switched goes to the attention the model
had, unchanged: a thread that answers from the same model object meanwhile gets the same numbers. Other model objects
are never touched.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.nn.attention.bias import causal_lower_right
from torch.nn.functional import scaled_dot_product_attention

from training.scoring.row import Row, positions

_OVER = "shared_prefix_over_"
# What models pass to an attention function that does not change what a causal one computes.
_HARMLESS = frozenset({"is_causal", "position_ids", "cache_position", "use_cache", "output_attentions", "layer_idx"})


class CannotShare(Exception):
    """The model's attention does something that this one does not; the message says what."""


@dataclass
class _Switch:
    """How a model is switched."""

    base: str  # the attention it had
    users: int = 0  # scorings in progress
    kept: bool = False  # layers will be computed again in a backward pass


_switches: WeakKeyDictionary[torch.nn.Module, _Switch] = WeakKeyDictionary()
_lock = Lock()


@contextmanager
def shared_attention(model: Any, *, keep: bool = False) -> Iterator[None]:
    """Let calls with `shared_prefix=Row` through a model share their prompt. Thread-safe.

    The model gets its own attention back at the end, also after an exception. With gradient checkpointing it must stay
    switched until the backward pass has computed its layers again: `keep`, then `restore_attention` when wanted.

    Args:
        model: A Hugging Face model that is no PEFT wrapper.
        keep: Stay switched when nothing went wrong.

    Yields:
        None: While the model is switched.
    """
    with _lock:
        switch = _switches.get(model)
        if switch is None:
            base = model.config._attn_implementation
            _register(base)
            model.set_attn_implementation(_name(base))
            switch = _switches[model] = _Switch(base)
        switch.users += 1
    try:
        yield
        switch.kept = switch.kept or keep
    finally:
        with _lock:
            switch.users -= 1
            _settle(model, switch)


def restore_attention(model: Any) -> None:
    """Give a model that stayed switched its own attention back. Thread-safe.

    Args:
        model: The model that was given to `shared_attention`.
    """
    with _lock:
        switch = _switches.get(model)
        if switch is not None:
            switch.kept = False
            _settle(model, switch)


def _settle(model: Any, switch: _Switch) -> None:
    if not switch.users and not switch.kept:
        model.set_attn_implementation(switch.base)
        del _switches[model]


def _register(base: str) -> None:
    """Make the names that transformers looks up: our attention over a base, with the base's own masks."""
    from transformers import AttentionInterface
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, AttentionMaskInterface

    AttentionInterface.register(_name(base), partial(_attend_or_pass, base))
    if base in ALL_MASK_ATTENTION_FUNCTIONS:
        AttentionMaskInterface.register(_name(base), ALL_MASK_ATTENTION_FUNCTIONS[base])


def _name(base: str) -> str:
    """Name our attention over a base. transformers reads names: "flash" asks it for that library, "a/b" for a kernel
    from the hub.
    """
    return _OVER + re.sub(r"\W", "_", base).replace("flash", "fl")


def _attend_or_pass(
    base: str,
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    shared_prefix: Row | None = None,
    **options: Any,
) -> tuple[Tensor, Tensor | None]:
    if shared_prefix is not None:
        return attend(shared_prefix, query, key, value, **options), None
    output: tuple[Tensor, Tensor | None] = _function(base, module)(module, query, key, value, attention_mask, **options)
    return output


def _function(base: str, module: torch.nn.Module) -> Callable[..., Any]:
    """Give the attention a module had; the eager one lives beside the module's class, not in the interface."""
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    homes = (sys.modules.get(parent.__module__) for parent in type(module).__mro__)
    eager: Any = next((found for home in homes if (found := getattr(home, "eager_attention_forward", None))), None)
    function: Callable[..., Any] = ALL_ATTENTION_FUNCTIONS.get_interface(base, eager)
    return function


def attend(
    row: Row,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    **options: Any,
) -> Tensor:
    """Attend within the prompt, and from each answer to the prompt and itself.

    Args:
        row: What stands where.
        query: `(1, H, P + N, D)`.
        key: `(1, G, P + N, D)`; G divides H.
        value: `(1, G, P + N, D)`.
        scaling: Of the products; 1 / sqrt(D) when None.
        dropout: Of the attention weights; only 0 is exact.
        sliding_window: Most tokens a token looks back on, itself included.
        **options: What else the model asks of its attention.

    Returns:
        `(1, P + N, H, D)`.

    Raises:
        CannotShare: The model asks for something else.
    """
    if dropout:
        raise CannotShare("its attention drops weights out in training mode")
    if sliding_window is not None and sliding_window < row.prompt + row.longest:
        raise CannotShare("its sliding window is shorter than prompt and answer")
    if asked := sorted(name for name, given in options.items() if given is not None and name not in _HARMLESS):
        raise CannotShare(f"its attention takes {', '.join(asked)}")
    # Under autocast the rotation leaves queries and keys in float32; plain attention would cast them by itself.
    query, key = query.to(value.dtype), key.to(value.dtype)
    grouped = query.shape[1] != key.shape[1]
    size, branches, steps = row.prompt, row.branches, row.longest
    if branches == 1:
        alone = scaled_dot_product_attention(query, key, value, is_causal=True, scale=scaling, enable_gqa=grouped)
        return alone.transpose(1, 2)
    before = scaled_dot_product_attention(
        query[:, :, :size], key[:, :, :size], value[:, :, :size], is_causal=True, scale=scaling, enable_gqa=grouped
    )  # (1, H, P, D)

    def with_prompt(states: Tensor) -> Tensor:
        prompt = states[:, :, :size].expand(branches, -1, -1, -1)
        return torch.cat([prompt, row.split(states)], dim=2)  # (K, G, P + T, D)

    after = scaled_dot_product_attention(
        row.split(query),
        with_prompt(key),
        with_prompt(value),
        attn_mask=causal_lower_right(steps, size + steps),
        scale=scaling,
        enable_gqa=grouped,
    )  # (K, H, T, D)
    return torch.cat([before, row.join(after)], dim=2).transpose(1, 2)


def shared_states(decoder: Any, row: Row, tokens: list[int], device: torch.device) -> Tensor:
    """Compute a row with its prompt shared; the model is switched already.

    Args:
        decoder: The model below the LM head.
        row: Where everything stands.
        tokens: The P + N ids.
        device: Where the model is.

    Returns:
        The last hidden states `(P + N, H)`.
    """
    ids = torch.tensor([tokens], device=device)
    # A mask that fits nothing: should the attention ever be another than ours, it stops instead of giving wrong values.
    unfit = torch.zeros(1, 1, 2, 3, device=device)
    out = decoder(
        input_ids=ids,
        attention_mask=unfit,
        position_ids=positions(row, device),
        use_cache=False,
        shared_prefix=row,
    )
    states: Tensor = out.last_hidden_state[0]
    return states
