"""From judged examples to prepared groups with what is minimised on each, and a count of all that was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from training.datasets.examples import Example, Pair
from training.losses import pair_targets
from training.policy.base import Answer, Prompt, never
from training.updates.config import UpdateConfig
from training.updates.trainable import CannotScore, Group, Trainable


@dataclass(frozen=True, slots=True)
class Versus:
    """Two answers of a group compared."""

    first: int
    second: int
    target: float  # chance that the first is the better one; 0.5 for ties
    weight: float


@dataclass(frozen=True, slots=True)
class Vote:
    """An answer of a group judged alone."""

    answer: int
    up: bool
    weight: float


@dataclass(frozen=True, slots=True)
class Imitation:
    """An answer of a group to imitate."""

    answer: int
    weight: float


@dataclass(frozen=True)
class Item:
    """A group with its judgements."""

    group: Group
    versus: tuple[Versus, ...] = ()
    votes: tuple[Vote, ...] = ()
    imitations: tuple[Imitation, ...] = ()
    strangers: tuple[int, ...] = ()  # answers to other prompts, for the reference point of KTO

    @property
    def recorded(self) -> tuple[int, ...]:
        """Rows that are answers to this prompt."""
        return tuple(row for row in range(len(self.group.answers)) if row not in self.strangers)


@dataclass(frozen=True)
class Prepared:
    """What can be trained on, in the order of the examples, and what cannot, by reason."""

    items: tuple[Item, ...]
    left_out: Mapping[str, int]  # judgements


def prepare(
    trainable: Trainable, examples: Sequence[Example], config: UpdateConfig, *, stopped: Callable[[], bool] = never
) -> Prepared:
    """Prepare every example for the methods of a configuration.

    A tie asks for equal answers, at `tie_weight`. Two bad answers say nothing about which is better: where votes are
    minimised they count as two thumbs down of half the weight each, else as a tie.

    Args:
        trainable: Scores.
        examples: Judged prompts.
        config: Which methods there are.
        stopped: Asked before each example; once true, what is prepared so far is given.

    Returns:
        The items and the reasons for what was left out.
    """
    left_out: Counter[str] = Counter()
    items = []
    for place, example in enumerate(examples):
        if stopped():
            break
        wanted = _judgements(example, config, left_out)
        if not (wanted.pairs or wanted.thumbs or wanted.targets):
            continue
        stranger = _stranger(examples, place) if wanted.thumbs and config.vote_loss == "kto" else None
        item = _item(trainable, wanted, stranger, config, left_out)
        if item is not None:
            items.append(item)
    return Prepared(tuple(items), {reason: count for reason, count in left_out.items() if count})


def _judgements(example: Example, config: UpdateConfig, left_out: Counter[str]) -> Example:
    """Keep what the methods use."""
    methods = config.methods
    pairs, thumbs, targets = example.pairs, example.thumbs, example.targets
    if "dpo" not in methods:
        votes = [pair for pair in pairs if pair.outcome == "both_bad" and "kto" in methods]
        left_out["comparisons are not used by the chosen methods"] += len(pairs) - len(votes)
        pairs = tuple(votes)
    if "kto" not in methods:
        left_out["thumbs are not used by the chosen methods"] += len(thumbs)
        thumbs = ()
    if "sft" not in methods:
        left_out["answers to imitate are not used by the chosen methods"] += len(targets)
        targets = ()
    weights = [*(pair.weight for pair in pairs), *(thumb.weight for thumb in thumbs), *(t.weight for t in targets)]
    left_out["weight 0"] += sum(not weight > 0 for weight in weights)
    return replace(
        example,
        pairs=tuple(pair for pair in pairs if pair.weight > 0),
        thumbs=tuple(thumb for thumb in thumbs if thumb.weight > 0),
        targets=tuple(target for target in targets if target.weight > 0),
    )


def _item(
    trainable: Trainable, example: Example, stranger: Answer | None, config: UpdateConfig, left_out: Counter[str]
) -> Item | None:
    used = sorted(
        {
            *(row for pair in example.pairs for row in (pair.first, pair.second)),
            *(thumb.answer for thumb in example.thumbs),
            *(target.answer for target in example.targets),
        }
    )
    group, rows, reasons = _group(trainable, example.prompt, {row: example.answers[row] for row in used})
    for pair in example.pairs:
        _count(left_out, reasons, pair.first, pair.second)
    for row in (*(thumb.answer for thumb in example.thumbs), *(target.answer for target in example.targets)):
        _count(left_out, reasons, row)
    if group is None:
        return None
    strangers: tuple[int, ...] = ()
    if stranger is not None and (grown := _with(trainable, group, stranger)) is not None:
        group, strangers = grown, (len(rows),)
    pairs = [pair for pair in example.pairs if pair.first in rows and pair.second in rows]
    bad = [pair for pair in pairs if pair.outcome == "both_bad" and "kto" in config.methods]
    item = Item(
        group,
        versus=tuple(_versus(pair, rows, config) for pair in pairs if pair not in bad),
        votes=(
            *(Vote(rows[thumb.answer], thumb.up, thumb.weight) for thumb in example.thumbs if thumb.answer in rows),
            *(Vote(rows[row], False, pair.weight / 2) for pair in bad for row in (pair.first, pair.second)),
        ),
        imitations=tuple(Imitation(rows[t.answer], t.weight) for t in example.targets if t.answer in rows),
        strangers=strangers,
    )
    return item if item.versus or item.votes or item.imitations else None


def _group(
    trainable: Trainable, prompt: Prompt, answers: Mapping[int, Answer]
) -> tuple[Group | None, dict[int, int], dict[int, str]]:
    """Prepare what can be scored: the group, its rows by place in the example, and why the others are not in it."""
    reasons: dict[int, str] = {}
    while left := [place for place in answers if place not in reasons]:
        try:
            group = trainable.prepare(prompt, [answers[place] for place in left])
            return group, {place: row for row, place in enumerate(left)}, reasons
        except CannotScore as error:
            if len(left) == 1:
                reasons[left[0]] = str(error)
                break
        found = {place: reason for place in left if (reason := _why_not(trainable, prompt, answers[place]))}
        # Each can be scored alone, but not together: give up on all of them.
        reasons |= found or dict.fromkeys(left, "the answers cannot be scored together")
    return None, {}, reasons


def _why_not(trainable: Trainable, prompt: Prompt, answer: Answer) -> str:
    try:
        trainable.prepare(prompt, [answer])
    except CannotScore as error:
        return str(error)
    return ""


def _with(trainable: Trainable, group: Group, stranger: Answer) -> Group | None:
    try:
        return trainable.prepare(group.prompt, [*group.answers, stranger])
    except CannotScore:
        return None


def _versus(pair: Pair, rows: Mapping[int, int], config: UpdateConfig) -> Versus:
    target = float(pair_targets([pair.outcome])[0])
    weight = pair.weight * (config.tie_weight if target == 0.5 else 1.0)
    first, second = rows[pair.first], rows[pair.second]
    return Versus(second, first, 1.0, weight) if target == 0.0 else Versus(first, second, target, weight)


def _stranger(examples: Sequence[Example], place: int) -> Answer | None:
    """Give an answer to the next other prompt: what KTO measures its reference point on."""
    for step in range(1, len(examples)):
        other = examples[(place + step) % len(examples)]
        if other.answers and other.prompt.query != examples[place].prompt.query:
            return other.answers[0]
    return None


def _count(left_out: Counter[str], reasons: Mapping[int, str], *rows: int) -> None:
    for row in rows:
        if row in reasons:
            left_out[reasons[row]] += 1
            return
