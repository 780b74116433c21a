"""What the embedded policy minimises on judged answers: is its first choice right, is it silent when it should be?

Likelihoods of the first action alone, because that is what readers judge; e is the share of wrong judgements:

    vote        P(up)        = e + (1 - 2e) pi(a)
    comparison  P(a over b)  = e + (1 - 2e) sigmoid(log pi(a) - log pi(b))
    silence     pi(STOP) on rehearsals, 1 - pi(STOP) on the questions that people asked

and a Gaussian prior around the base, counted in judgements: few of them move little. pi(a) is taken for the chance that
a is the right choice, which is what the shipped prior was fitted to be; so nothing is relative to the base, which
enters through the penalty alone. What it reaches is in bench/results/loop_gain.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from training.datasets.examples import Example, Pair, Thumb, decided_pairs
from training.policy.extractive.replay import Replays
from training.policy.extractive.weights import Prior
from training.updates.rehearsal import silence
from training.updates.trainable import CannotScore, Group, Trainable

if TYPE_CHECKING:
    from training.updates.terms import Scored

_TINY = 1e-6


@dataclass(frozen=True, slots=True)
class PointingConfig:
    """Weights of the likelihoods and of the penalty; chosen by simulated voters on XQuAD and COVID-QA."""

    flip_rate: float = 0.25  # e, the share of judgements taken to be wrong
    present: float = 2.0  # of all questions together, against all judgements together
    absent: float = 1.0  # of all rehearsals together, likewise
    known_pointer: float = 6.0  # judgements' worth of pull to the base, of weights that the prior was fitted with
    new_pointer: float = 1.0  # of weights that it was not
    known_halt: float = 10.0  # the same of the weights that decide when to stop or keep silent
    new_halt: float = 0.3  # ... that the prior was not fitted with
    silence_slack: float = 0.01  # share of rehearsals on which the policy may answer where the base did not


@dataclass(frozen=True)
class PointingItem:
    """A prompt with its judgements, the silent answer last."""

    group: Group
    thumbs: tuple[Thumb, ...] = ()
    pairs: tuple[tuple[int, int, Pair], ...] = ()  # chosen, rejected; the two open differently
    absent: bool = False  # the passages do not hold the answer
    present: bool = False  # somebody asked it, and nobody said that silence was right

    @property
    def weight(self) -> float:
        """Sum of the weights of its judgements."""
        return sum(thumb.weight for thumb in self.thumbs) + sum(pair.weight for _, _, pair in self.pairs)


def prepare_pointing(
    trainable: Trainable, examples: Sequence[Example], rehearsals: Sequence[Example]
) -> tuple[list[PointingItem], dict[str, int]]:
    """Prepare judged prompts and rehearsals.

    Args:
        trainable: The embedded policy in training.
        examples: Judged; prompts whose judgements are all ties are still questions that people asked.
        rehearsals: Prompts on which it should abstain.

    Returns:
        The items, rehearsals last, and how many prompts cannot be used, by reason.
    """
    items: list[PointingItem] = []
    left_out: dict[str, int] = {}
    for example in (*examples, *rehearsals):
        absent = any(target.origin == "rehearsal" for target in example.targets)
        try:
            group = trainable.prepare(example.prompt, [*(() if absent else example.answers), silence()])
            if not _replays(group).free[:, 0].all():
                raise CannotScore("the passages hold no sentence")
        except CannotScore as error:
            left_out[str(error)] = left_out.get(str(error), 0) + 1
            continue
        thumbs = tuple(thumb for thumb in example.thumbs if thumb.weight > 0)
        opening = [answer.actions[0] for answer in group.answers]
        pairs = tuple(
            (chosen, rejected, pair)
            for chosen, rejected, pair in decided_pairs(example)
            if pair.weight > 0 and opening[chosen] != opening[rejected]
        )
        present = not absent and not _silence_approved(example)
        items.append(PointingItem(group, thumbs, pairs, absent, present))
    return items, left_out


class PointingObjective:
    """The likelihoods of this module, as a training loop takes them."""

    repeats = 1

    def __init__(
        self, trainable: Trainable, items: Sequence[PointingItem], config: PointingConfig | None = None
    ) -> None:
        """Count the data.

        Args:
            trainable: Whose weights the penalty holds.
            items: Judged prompts and rehearsals; at least one.
            config: Weights; the defaults when None.
        """
        self.config = config or PointingConfig()
        self.total = sum(item.weight for item in items) or 1.0
        self._items = items
        self._absent = sum(item.absent for item in items) or 1
        self._present = sum(item.present for item in items) or 1
        self._weights = trainable.parameters()
        self._strength = _strength(_replays(items[0].group).prior, self.config)
        self._tables: tuple[tuple[int, ...], _Tables] | None = None

    def __len__(self) -> int:
        return len(self._items)

    def items(self, places: Sequence[int], step: int) -> Sequence[PointingItem]:
        """Give the items at some places, always in the same order: what is packed for one step serves the next."""
        return [self._items[place] for place in sorted(places)]

    def loss(self, items: Sequence[Any], scored: Scored, share: float) -> tuple[Tensor, dict[str, float]]:
        """Give the loss of some items of a step.

        Args:
            items: Of this part of the step.
            scored: Their rows.
            share: How much of all items the whole step takes.

        Returns:
            The loss, to be summed over the parts; and sums for `finish`.
        """
        tables = self._table(items)
        first = scored.logprobs[:, 0]  # (N,) log-probability of each first action
        chance = first.exp().clamp(_TINY, 1 - _TINY)
        sure, doubt = 1 - 2 * self.config.flip_rate, self.config.flip_rate
        up = doubt + sure * chance[tables.voted]
        won = doubt + sure * torch.sigmoid(first[tables.chosen] - first[tables.rejected])
        votes = (
            -(
                (tables.vote_weight * torch.where(tables.up, up, 1 - up).log()).sum()
                + (tables.pair_weight * won.log()).sum()
            )
            / self.total
        )
        silent = -(
            self.config.absent / self._absent * chance[tables.absent].log().sum()
            + self.config.present / self._present * (1 - chance[tables.present]).log().sum()
        )
        penalty = self._penalty() * (len(items) / len(self._items))
        sums = {"votes": float(votes.detach()), "silence": float(silent.detach()), "penalty": float(penalty.detach())}
        return (votes + silent + penalty) / share, sums

    def finish(self, sums: dict[str, float]) -> dict[str, float]:
        """Name the parts of the loss."""
        return {f"loss_{name}": sums[name] for name in ("votes", "silence", "penalty") if name in sums}

    def state(self) -> dict[str, float]:
        """Give nothing: there is no state."""
        return {}

    def restore(self, state: Mapping[str, float]) -> None:
        """Take nothing back."""

    def _penalty(self) -> Tensor:
        parts = [(self._strength[name] * weights.square()).sum() for name, weights in self._weights.items()]
        return torch.stack(parts).sum() / self.total

    def _table(self, items: Sequence[PointingItem]) -> _Tables:
        """Give the row numbers of a step's judgements; full-batch steps share them."""
        key = tuple(map(id, items))
        if self._tables is None or self._tables[0] != key:
            self._tables = key, _Tables.of(items)
        return self._tables[1]


def hold_silence(trainable: Trainable, items: Sequence[PointingItem], slack: float) -> float:
    """Make the policy abstain on about as many rehearsals as the base does: shift the log-odds of silence if need be.

    Args:
        trainable: Changed in place.
        items: Those with `absent` count.
        slack: Share of the rehearsals by which it may fall behind.

    Returns:
        The shift, 0 or more.
    """
    absent = [_replays(item.group) for item in items if item.absent]
    if not absent:
        return 0.0
    halt = trainable.parameters()["halt"]
    rows = torch.stack([replays.halt[-1, 0] for replays in absent])
    with torch.no_grad():
        base = torch.from_numpy(absent[0].prior.halt)
        wanted = float((rows @ base > 0).float().mean()) - slack
        now = (rows @ (base + halt)).sort(descending=True).values
        needed = min(round(wanted * len(now)), len(now))
        shift = max(-float(now[needed - 1]) + _TINY, 0.0) if needed > 0 else 0.0
        halt[0] += shift  # the feature "begin", which is 1 before the first sentence
    return shift


@dataclass(frozen=True, eq=False)
class _Tables:
    """Rows of the judgements of some items, and their weights."""

    voted: Tensor
    up: Tensor
    vote_weight: Tensor
    chosen: Tensor
    rejected: Tensor
    pair_weight: Tensor
    absent: Tensor
    present: Tensor

    @classmethod
    def of(cls, items: Sequence[PointingItem]) -> _Tables:
        votes: list[tuple[int, bool, float]] = []
        pairs: list[tuple[int, int, float]] = []
        absent, present, row = [], [], 0
        for item in items:
            votes += [(row + thumb.answer, thumb.up, thumb.weight) for thumb in item.thumbs]
            pairs += [(row + chosen, row + rejected, pair.weight) for chosen, rejected, pair in item.pairs]
            row += len(item.group.answers)
            if item.absent:
                absent.append(row - 1)
            elif item.present:
                present.append(row - 1)
        voted, up, vote_weight = _columns(votes, torch.long, torch.bool, torch.float32)
        chosen, rejected, pair_weight = _columns(pairs, torch.long, torch.long, torch.float32)
        return cls(
            voted=voted,
            up=up,
            vote_weight=vote_weight,
            chosen=chosen,
            rejected=rejected,
            pair_weight=pair_weight,
            absent=torch.tensor(absent, dtype=torch.long),
            present=torch.tensor(present, dtype=torch.long),
        )


def _columns(rows: Sequence[tuple[Any, ...]], *kinds: torch.dtype) -> list[Tensor]:
    return [torch.tensor([row[at] for row in rows], dtype=kind) for at, kind in enumerate(kinds)]


def _replays(group: Group) -> Replays:
    replays: Replays = group.prepared
    return replays


def _silence_approved(example: Example) -> bool:
    liked = {thumb.answer for thumb in example.thumbs if thumb.up} | {chosen for chosen, _, _ in decided_pairs(example)}
    return any(example.answers[place].abstained for place in liked)


def _strength(prior: Prior, config: PointingConfig) -> dict[str, Tensor]:
    """Give the pull on each weight: firm where the prior was fitted, loose where it is zero because it never was."""

    def pull(fitted: Tensor, known: float, new: float) -> Tensor:
        return torch.where(fitted != 0, torch.tensor(known), torch.tensor(new))

    return {
        "pointer": pull(torch.from_numpy(prior.pointer), config.known_pointer, config.new_pointer),
        "halt": pull(torch.from_numpy(prior.halt), config.known_halt, config.new_halt),
    }
