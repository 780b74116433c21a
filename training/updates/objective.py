"""What is minimised: the weighted sum of every judgement's loss, over the weight of all judgements of a step.

    sum over methods of weight x sum of w_i l_i / sum over methods of weight x sum of w_i

so each judgement counts by its own weight times that of its method, whatever else there is. The divisor is the average
of a step over the whole data, which every process knows without asking, and which makes all epochs alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import log
from typing import Any, Protocol

from torch import Tensor

from training.updates.config import UpdateConfig
from training.updates.items import Item
from training.updates.terms import Scored, comparison_term, figures, imitation_term, kto_term, noisy_vote_term
from training.updates.trainable import Group

_MOST_BALANCE = 10.0  # a thumb of the rarer kind counts at most so much more
_SMOOTHING = 0.5  # of KTO's reference point between steps


class HasGroup(Protocol):
    """Anything with a prepared group."""

    @property
    def group(self) -> Group:
        """The prompt and its answers."""
        ...


class Objective(Protocol):
    """What a training loop minimises. Sums it reports are added up over processes; everything else is local."""

    repeats: int  # optimiser steps taken on one set of items; above 1 where items are drawn from the policy

    def __len__(self) -> int:
        """Give the number of prompts in an epoch."""
        ...

    def items(self, places: Sequence[int], step: int) -> Sequence[HasGroup]:
        """Give the items at some places; a policy that writes its own answers writes them here."""
        ...

    def loss(self, items: Sequence[HasGroup], scored: Scored, share: float) -> tuple[Tensor, dict[str, float]]:
        """Give the loss of some items of a step that takes `share` of all prompts, to be summed over the step; and
        sums for the metrics.
        """
        ...

    def finish(self, sums: dict[str, float]) -> dict[str, float]:
        """Take what a step's losses reported, summed over all processes, and give the figures to record."""
        ...

    def state(self) -> dict[str, float]:
        """Give what must survive a restart."""
        ...

    def restore(self, state: Mapping[str, float]) -> None:
        """Take it back."""
        ...


class JudgedObjective:
    """SFT on answers to imitate, KTO or a noisy-vote likelihood on thumbs, DPO on comparisons, together."""

    repeats = 1

    def __init__(self, items: Sequence[Item], config: UpdateConfig, *, like: JudgedObjective | None = None) -> None:
        """Weigh the data.

        Args:
            items: What is trained on, or looked at.
            config: Methods and their settings.
            like: For held-out items, the objective that is trained: its balance and base rate are taken.
        """
        self._items = items
        self._config = config
        versus = sum(v.weight for item in items for v in item.versus)
        up = sum(vote.weight for item in items for vote in item.votes if vote.up)
        down = sum(vote.weight for item in items for vote in item.votes if not vote.up)
        imitated = sum(i.weight for item in items for i in item.imitations)
        self.total = config.dpo_weight * versus + config.vote_weight * (up + down) + config.sft_weight * imitated
        self.balance: tuple[float, float] = like.balance if like else _balance(up, down)
        self.bias: float = like.bias if like else _bias(up, down, config.flip_rate)
        self.reference_point = 0.0  # z_0 of KTO: the policy is the base at first

    def __len__(self) -> int:
        return len(self._items)

    def items(self, places: Sequence[int], step: int) -> Sequence[Item]:
        """Give the items at some places."""
        return [self._items[place] for place in places]

    def loss(self, items: Sequence[Any], scored: Scored, share: float) -> tuple[Tensor, dict[str, float]]:
        """Give the loss of some items of a step.

        Args:
            items: Of this part of the step.
            scored: Their rows.
            share: How much of all items the whole step takes.

        Returns:
            The loss, to be summed over the parts; and sums for `finish`.
        """
        config, total = self._config, self.total * share
        versus, votes, imitations, strangers, rows = [], [], [], [], 0
        for item in items:
            versus += [replace(v, first=rows + v.first, second=rows + v.second) for v in item.versus]
            votes += [replace(vote, answer=rows + vote.answer) for vote in item.votes]
            imitations += [replace(one, answer=rows + one.answer) for one in item.imitations]
            strangers += [rows + row for row in item.strangers]
            rows += len(item.group.answers)
        terms = []
        if versus:
            terms.append(comparison_term(versus, scored, config, total))
        if votes and config.vote_loss == "kto":
            terms.append(kto_term(votes, scored, config, total, self.balance, self.reference_point))
        elif votes:
            terms.append(noisy_vote_term(votes, scored, config, total, self.bias))
        if imitations:
            terms.append(imitation_term(imitations, scored, config, total))
        sums: dict[str, float] = {}
        for term in terms:
            sums |= term.sums
        if strangers:
            gains = (scored.policy_sums - scored.reference_sums)[strangers].detach()
            sums |= {"strangers": float(len(strangers)), "stranger_gain": float(gains.sum())}
        return sum((term.loss for term in terms), scored.logprobs.sum() * 0.0), sums

    def finish(self, sums: dict[str, float]) -> dict[str, float]:
        """Move the reference point of KTO and give the figures of a step.

        Args:
            sums: Of all parts of the step and all processes.

        Returns:
            Losses by term; accuracy and margin on decided comparisons; what thumbs up and down gained over the base.
        """
        if sums.get("strangers"):
            now = max(sums["stranger_gain"] / sums["strangers"], 0.0)
            self.reference_point += _SMOOTHING * (now - self.reference_point)
        return figures(sums)

    def state(self) -> dict[str, float]:
        """Give the reference point of KTO."""
        return {"reference_point": self.reference_point}

    def restore(self, state: Mapping[str, float]) -> None:
        """Take it back."""
        self.reference_point = state["reference_point"]


def _balance(up: float, down: float) -> tuple[float, float]:
    """Give lambda_D and lambda_U, so that the two kinds of thumbs weigh about the same (1 to 4/3, arXiv 2402.01306);
    their mean over the thumbs is 1.
    """
    if not up or not down:
        return 1.0, 1.0
    ratio = up / down
    first, second = (
        (min(1 / ratio, _MOST_BALANCE), 1.0) if ratio < 1 else (1.0, min(max(ratio * 0.75, 1.0), _MOST_BALANCE))
    )
    mean = (first * up + second * down) / (up + down)
    return first / mean, second / mean


def _bias(up: float, down: float, flip_rate: float) -> float:
    """Give the logit of an up vote for an answer that the policy favours as much as the base does: the base rate, as
    it would be without flipped labels.
    """
    share = (up + 1.0) / (up + down + 2.0)
    clean = min(max((share - flip_rate) / (1 - 2 * flip_rate), 0.05), 0.95)
    return log(clean / (1 - clean))
