"""Where training runs: one process, or several that share the groups of every step.

Launched several times, each process scores its share of a step; gradients and sums are added up, so that the
result is that of one process (losses are divided by totals of the whole step). Gradients travel once a step, as one
tensor. Nothing is wrapped: processes may have shares of different sizes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

from training.updates.terms import add_up

if TYPE_CHECKING:
    from accelerate import PartialState

T = TypeVar("T")


class Devices:
    """The processes of a run, seen from one of them."""

    def __init__(self) -> None:
        """Join the other processes where the environment names some.

        `accelerate launch` starts them on GPUs, `torchrun` (or an MPI launcher) on CPUs, where they talk through gloo.

        Raises:
            RuntimeError: The environment names other processes and they cannot be joined: each would take itself for
                the only one and write the same files.
        """
        self._state: PartialState | None = None
        named = int(os.environ.get("WORLD_SIZE", "1"))
        if named > 1:
            from accelerate import PartialState

            self._state = PartialState(cpu=not torch.cuda.is_available())
            if self._state.num_processes != named:
                raise RuntimeError(f"{named} processes were launched and {self._state.num_processes} joined")

    @property
    def rank(self) -> int:
        """Number of this process, from 0."""
        return self._state.process_index if self._state else 0

    @property
    def size(self) -> int:
        """How many processes there are."""
        return self._state.num_processes if self._state else 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes files."""
        return self.rank == 0

    @property
    def device(self) -> torch.device:
        """Where this process should put its model."""
        if self._state:
            return torch.device(self._state.device)
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def share(self, places: Sequence[int]) -> Sequence[int]:
        """Give this process's part of a step."""
        return places[self.rank :: self.size]

    def add_gradients(self, weights: Iterable[Tensor]) -> None:
        """Add up the gradients of all processes, in place.

        Args:
            weights: The leaves, in the same order everywhere.
        """
        if self._state is None:
            return
        import torch.distributed as dist

        leaves = list(weights)
        for leaf in leaves:
            if leaf.grad is None:
                leaf.grad = torch.zeros_like(leaf)
        flat = torch.cat([leaf.grad.flatten() for leaf in leaves if leaf.grad is not None]).to(self._state.device)
        dist.all_reduce(flat)  # on the device of the process, which its backend can reach; weights may be elsewhere
        start = 0
        for leaf in leaves:
            if leaf.grad is not None:
                leaf.grad.copy_(flat[start : start + leaf.numel()].view_as(leaf))
            start += leaf.numel()

    def add_sums(self, sums: Mapping[str, float]) -> dict[str, float]:
        """Add up named sums of all processes."""
        if self._state is None:
            return dict(sums)
        from accelerate.utils import gather_object

        total: dict[str, float] = {}
        for part in gather_object([dict(sums)]):
            add_up(total, part)
        return total

    def from_first(self, value: T) -> T:
        """Give every process what the first one has; the others' own value is ignored."""
        if self._state is None:
            return value
        from accelerate.utils import broadcast_object_list

        holder: list[Any] = [value]
        broadcast_object_list(holder)
        first: T = holder[0]
        return first

    def copy_weights(self, weights: Iterable[Tensor]) -> None:
        """Give every process the first one's weights, in place."""
        if self._state is None:
            return
        import torch.distributed as dist

        with torch.no_grad():
            for leaf in weights:
                shared = leaf.detach().to(self._state.device)
                dist.broadcast(shared, 0)
                leaf.copy_(shared)
