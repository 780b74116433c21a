"""One run of training: the state that changes from step to step, and what a step is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from training.policy.base import Prompt
from training.reward.base import RewardModel
from training.updates.checkpoint import (
    Checkpoint,
    optimiser_tensors,
    random_states,
    restore_optimiser,
    restore_random,
)
from training.updates.config import UpdateConfig, learning_rate
from training.updates.devices import Devices
from training.updates.guard import Look, broken, diverged
from training.updates.look import chunks, look, score
from training.updates.objective import JudgedObjective, Objective
from training.updates.order import places, step_count
from training.updates.terms import add_up
from training.updates.trainable import Trainable


class Run:
    """The state of a run."""

    def __init__(
        self,
        trainable: Trainable,
        config: UpdateConfig,
        objective: Objective,
        devices: Devices,
        held_out: JudgedObjective,
        asked: Sequence[Prompt],
        reward: RewardModel | None,
    ) -> None:
        self.trainable, self.config, self.objective, self.devices = trainable, config, objective, devices
        self._held_out, self._asked, self._reward = held_out, asked, reward
        self.weights = dict(sorted(trainable.parameters().items()))
        devices.copy_weights(self.weights.values())
        self.optimiser = torch.optim.Adam(
            self.weights.values(), lr=config.learning_rate, betas=config.adam_betas, weight_decay=0.0
        )
        self.steps = step_count(config, len(objective)) * objective.repeats
        self._look_every = max(round(config.evaluate_every * self.steps_an_epoch), 1)
        self.step = 0
        self.reason: str | None = None  # why it ends early
        self.stop_asked = False  # by somebody outside
        self._saved = 0
        self.looks: list[Look] = []
        self.good: dict[str, Tensor] = {}
        self._items: Sequence[Any] = ()

    @property
    def steps_an_epoch(self) -> float:
        """Optimiser steps in which every prompt is seen once."""
        size = len(self.objective)
        return size / len(places(self.config, size, 0)) * self.objective.repeats

    @property
    def is_time_to_look(self) -> bool:
        """Whether the step just taken is followed by an evaluation."""
        return self.step % self._look_every == 0 or self.step == self.steps

    @property
    def is_time_to_save(self) -> bool:
        """Whether a checkpoint is due; never between two steps on the same drawn answers, which are not in it."""
        between = self.step % self.objective.repeats
        due = self.step - self._saved >= self.config.checkpoint_every
        return self.is_over or (not between and (due or self.stop_asked))

    @property
    def is_over(self) -> bool:
        """Whether no step is left to take."""
        return self.step >= self.steps or self.reason is not None

    @property
    def kept(self) -> Look:
        """The evaluation of the weights that stay."""
        fit = [one for one in self.looks if diverged(one, self.looks[0], self.config) is None]
        trained = [one for one in fit if one.step and one.loss is not None]
        if self.config.keep == "best" and trained:
            return min(trained, key=lambda one: one.loss if one.loss is not None else 0.0)
        return fit[-1] if fit else self.looks[0]

    def look(self) -> Look:
        """Evaluate, and keep the weights if they are the ones to keep so far; else maybe say why to stop."""
        seen = None
        if self.devices.is_first:
            seen = look(
                self.trainable,
                self.config,
                step=self.step,
                prompts=self._asked,
                held_out=self._held_out,
                reward=self._reward,
            )
        found = self.devices.from_first(seen)
        assert found is not None
        self.looks.append(found)
        if self.step:
            self.reason = diverged(found, self.looks[0], self.config)
        if self.kept is found:
            self.good = {name: leaf.detach().clone() for name, leaf in self.weights.items()}
        return found

    def advance(self, *, stop: bool = False) -> dict[str, float]:
        """Take one optimiser step, or say why not.

        Args:
            stop: Whether this process was asked to stop; all processes learn of it.

        Returns:
            The figures of the step; none when it was not taken.
        """
        config, began = self.config, time.perf_counter()
        size = len(self.objective)
        taken = places(config, size, self.step // self.objective.repeats)
        if self.step % self.objective.repeats == 0 or not self._items:
            self._items = self.objective.items(self.devices.share(taken), self.step // self.objective.repeats)
        sums = self._backward(len(taken) / size, stop)
        self.stop_asked = sums["stop"] > 0
        figures = self.objective.finish(sums)
        norm = self._norm()
        self.reason = broken(sums["loss"], norm)
        if self.reason is not None:
            return {}
        if config.max_grad_norm and norm > config.max_grad_norm:
            for leaf in self.weights.values():
                if leaf.grad is not None:
                    leaf.grad.mul_(config.max_grad_norm / norm)
        rate = learning_rate(config, self.step, self.steps)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.step()
        self.step += 1
        seconds = time.perf_counter() - began
        return {
            "step": self.step,
            "loss": sums["loss"],
            **figures,
            "drift": sums["drift"] / max(sums["rows"], 1.0),
            "grad_norm": norm,
            "learning_rate": rate,
            "seconds": seconds,
            "actions_per_s": sums["actions"] / seconds,
        }

    def checkpoint(self) -> Checkpoint:
        """Give everything that the next step depends on."""
        self._saved = self.step
        return Checkpoint(
            step=self.step,
            weights=self.weights,
            good=self.good,
            optimiser=optimiser_tensors(self.optimiser, self.weights),
            random=random_states(),
            state={
                "looks": [one.as_dict() for one in self.looks],
                "objective": self.objective.state(),
                "reason": self.reason,
            },
        )

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on where a checkpoint was taken."""
        with torch.no_grad():
            for name, leaf in self.weights.items():
                leaf.copy_(checkpoint.weights[name])
        restore_optimiser(self.optimiser, self.weights, checkpoint.optimiser)
        restore_random(checkpoint.random)
        self.step = self._saved = checkpoint.step
        self.good = {name: value.to(self.weights[name].device) for name, value in checkpoint.good.items()}
        self.looks = [Look.from_dict(one) for one in checkpoint.state["looks"]]
        self.objective.restore(checkpoint.state["objective"])
        self.reason = checkpoint.state["reason"]

    def keep(self) -> None:
        """Put the weights that stay into the policy."""
        with torch.no_grad():
            for name, leaf in self.weights.items():
                leaf.copy_(self.good[name])

    def _backward(self, share: float, stop: bool) -> dict[str, float]:
        """Compute the gradient of a step and add it up over all processes; gives the sums over the step."""
        self.optimiser.zero_grad()
        sums = {"loss": 0.0, "rows": 0.0, "drift": 0.0, "actions": 0.0, "stop": float(stop)}
        for chunk in chunks(self._items, self.config.groups_at_once):
            scored = score(self.trainable, chunk)
            loss, parts = self.objective.loss(chunk, scored, share)
            loss.backward()  # type: ignore[no-untyped-call]
            moved = (scored.policy_sums - scored.reference_sums).detach().abs().sum()
            add_up(sums, parts)
            add_up(sums, {"loss": float(loss.detach()), "rows": float(len(scored.mask)), "drift": float(moved)})
            add_up(sums, {"actions": float(scored.mask.sum())})
        if self.config.l2 and self.devices.is_first:
            penalty = self.config.l2 * self.trainable.regularizer()
            if penalty.requires_grad:
                penalty.backward()  # type: ignore[no-untyped-call]
            add_up(sums, {"loss": float(penalty.detach()), "penalty": float(penalty.detach())})
        self.devices.add_gradients(self.weights.values())
        return self.devices.add_sums(sums)

    def _norm(self) -> float:
        squares = [leaf.grad.float().square().sum() for leaf in self.weights.values() if leaf.grad is not None]
        return float(torch.stack(squares).sum().sqrt()) if squares else 0.0
