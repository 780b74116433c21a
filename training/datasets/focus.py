"""Whom a window is learned for: everybody, the users of a segment, the readers of a collection.

A focus changes how much judgements weigh against each other and on which prompts the result is tried. It does not say
who may read what: whoever hands records over has left out what may not be learned from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from training.policy.base import Prompt

SHARED = "shared"


@dataclass(frozen=True, slots=True)
class Focus:
    """A segment, or a collection, for which something is learned on top of what everybody said."""

    kind: Literal["segment", "collection"]
    name: str

    @classmethod
    def of(cls, scope: str) -> Focus | None:
        """Read `segment:<name>` or `collection:<id>`; None for `shared`.

        Args:
            scope: What a cycle trains for.

        Returns:
            The focus.

        Raises:
            ValueError: It is none of these.
        """
        if scope == SHARED:
            return None
        kind, _, name = scope.partition(":")
        if kind not in ("segment", "collection") or not name:
            raise ValueError(f"a scope is shared, segment:<name> or collection:<id>, not {scope!r}")
        return cls("segment" if kind == "segment" else "collection", name)

    def __str__(self) -> str:
        """Write it as `of` reads it."""
        return f"{self.kind}:{self.name}"

    def holds(self, prompt: Prompt) -> bool:
        """Tell whether a prompt is of this segment, or searched in this collection."""
        return prompt.segment == self.name if self.kind == "segment" else self.name in prompt.collections


def focus_factors(weights: Sequence[float], inside: Sequence[bool], ratio: float) -> tuple[float, float]:
    """Give the factors that make what is inside weigh `ratio` times what is outside, and all together what it did.

    Args:
        weights: Of everything that is learned, after all other factors and caps.
        inside: Which of it is in the focus.
        ratio: From 1.

    Returns:
        The factor inside, and outside; 1 and 1 where one side is empty.
    """
    ours = sum(weight for weight, one in zip(weights, inside, strict=True) if one)
    others = sum(weights) - ours
    if ours <= 0 or others <= 1e-12:
        return 1.0, 1.0
    outside = (ours + others) / (ratio * ours + others)
    return ratio * outside, outside
