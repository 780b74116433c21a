"""Which methods the data supports, with the reason for each that is used and each that is not.

Corrections are imitated (SFT), thumbs push single answers (KTO), comparisons set answers apart (DPO). PPO writes its
own answers and follows the reward model, so it needs one that is worth following: below about 2,000 comparisons every
reward model is near chance out of its data (Gao et al. 2022, arXiv 2210.10760).
"""

from __future__ import annotations

from dataclasses import dataclass

from training.datasets.examples import Counts


@dataclass(frozen=True, slots=True)
class Floors:
    """What each method needs at least."""

    judgements: int = 200  # of any kind, before anything is trained
    voters: int = 5  # so that nobody alone decides
    corrections: int = 20
    thumbs: int = 50  # up and down together
    opposite: int = 10  # of the rarer of up and down: one-sided thumbs say nothing about the difference
    comparisons: int = 50
    ppo_comparisons: int = 2000
    ppo_accuracy: float = 0.6  # of the reward model on held-out voters, lower 95 % bound


@dataclass(frozen=True, slots=True)
class Choice:
    """What will be done and why. No methods: the job waits, and `reasons` says for what."""

    methods: tuple[str, ...]
    reasons: tuple[str, ...]

    @property
    def waits(self) -> bool:
        """Whether the data carries nothing."""
        return not self.methods

    def __str__(self) -> str:
        """Give all reasons in one line."""
        return "; ".join(self.reasons)


def choose(counts: Counts, *, reward_accuracy_low: float | None = None, floors: Floors | None = None) -> Choice:
    """Choose from what the training examples hold.

    Args:
        counts: Of the examples that are trained on.
        reward_accuracy_low: Lower 95 % bound of the reward model's accuracy on held-out voters; None when unknown.
        floors: What each method needs.

    Returns:
        PPO alone when it is supported, else every direct method that is; none when the data is too thin for any.
    """
    floors = floors or Floors()
    short = _shortages(counts, floors)
    if short:
        return Choice((), short)
    ppo, why_ppo = _ppo(counts, reward_accuracy_low, floors)
    if ppo:
        return Choice(("ppo",), (why_ppo,))
    reasons, methods = [why_ppo], []
    for method, found, why in (_sft(counts, floors), _kto(counts, floors), _dpo(counts, floors)):
        reasons.append(f"{method}: {why}")
        if found:
            methods.append(method)
    return Choice(tuple(methods), tuple(reasons))


def check_asked(methods: tuple[str, ...], counts: Counts, floors: Floors | None = None) -> Choice:
    """Tell whether the methods that somebody asked for have anything to learn from.

    Args:
        methods: Some of sft, kto, dpo, ppo.
        counts: Of the examples that are trained on.
        floors: The floor of all judgements and of voters holds also for what was asked for.

    Returns:
        The methods with data, and a reason for each.
    """
    short = _shortages(counts, floors or Floors())
    if short:
        return Choice((), short)
    have = {
        "sft": counts.targets,
        "kto": counts.up + counts.down,
        "dpo": counts.comparisons,
        "ppo": counts.examples,
    }
    reasons = tuple(f"{method}: asked for, {have[method]} examples" for method in methods)
    return Choice(tuple(method for method in methods if have[method]), reasons)


def judgements(counts: Counts) -> int:
    """Give how many judgements people made: comparisons with ties, and thumbs. Targets alone do not count."""
    return counts.comparisons + counts.ties + counts.up + counts.down


def _shortages(counts: Counts, floors: Floors) -> tuple[str, ...]:
    short = []
    if judgements(counts) < floors.judgements:
        short.append(f"{judgements(counts)} of {floors.judgements} judgements")
    if counts.voters < floors.voters:
        short.append(f"{counts.voters} of {floors.voters} voters")
    return tuple(short)


def _sft(counts: Counts, floors: Floors) -> tuple[str, bool, str]:
    enough = counts.targets >= floors.corrections
    return "sft", enough, f"{counts.targets} of {floors.corrections} answers to imitate"


def _kto(counts: Counts, floors: Floors) -> tuple[str, bool, str]:
    thumbs, rarer = counts.up + counts.down, min(counts.up, counts.down)
    if thumbs < floors.thumbs:
        return "kto", False, f"{thumbs} of {floors.thumbs} thumbs"
    if rarer < floors.opposite:
        side = "up" if counts.up < counts.down else "down"
        return "kto", False, f"{rarer} of {floors.opposite} thumbs {side}: one-sided thumbs set nothing apart"
    return "kto", True, f"{counts.up} thumbs up, {counts.down} down"


def _dpo(counts: Counts, floors: Floors) -> tuple[str, bool, str]:
    enough = counts.comparisons >= floors.comparisons
    return "dpo", enough, f"{counts.comparisons} of {floors.comparisons} comparisons"


def _ppo(counts: Counts, accuracy: float | None, floors: Floors) -> tuple[bool, str]:
    if counts.comparisons < floors.ppo_comparisons:
        return False, f"ppo: {counts.comparisons} of {floors.ppo_comparisons} comparisons"
    if accuracy is None or accuracy < floors.ppo_accuracy:
        told = "unknown" if accuracy is None else f"{accuracy:.3f}"
        return False, f"ppo: lower bound of the reward model's accuracy is {told}, {floors.ppo_accuracy} needed"
    return True, f"ppo: {counts.comparisons} comparisons, reward model right in at least {accuracy:.3f} of new ones"
