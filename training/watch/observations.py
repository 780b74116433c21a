"""What people said of candidate and champion while one was on trial beside the other.

Two kinds: a duel is a blind comparison of both answers to one prompt; a thumb is a judgement of the one answer that was
shown, by chance of the one or of the other. Only prompts on which the two differ tell anything, and each voter counts
once a prompt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Duel:
    """A comparison of both answers: 1 the candidate's is better, -1 the champion's, 0 neither."""

    voter: str
    prompt: str
    at: float  # seconds since the epoch
    outcome: int
    candidate_first: bool  # on the screen
    both_bad: bool = False
    segment: str | None = None


@dataclass(frozen=True, slots=True)
class Thumb:
    """A judgement of one answer."""

    voter: str
    prompt: str
    at: float
    up: bool
    candidate: bool  # whose answer it was
    share: float  # probability, between 0 and 1, with which this user was given the candidate
    segment: str | None = None


Observation = Duel | Thumb


def once_each(observations: Iterable[Observation]) -> tuple[Observation, ...]:
    """Keep one judgement of each voter and prompt, in time order: a duel before a thumb, else the first.

    Args:
        observations: Those that stand; in any order.

    Returns:
        What counts.
    """
    kept: dict[tuple[str, str], Observation] = {}
    for one in sorted(observations, key=lambda item: (item.at, item.voter, item.prompt)):
        known = kept.get((one.voter, one.prompt))
        if known is None or (isinstance(known, Thumb) and isinstance(one, Duel)):
            kept[one.voter, one.prompt] = one
    return tuple(sorted(kept.values(), key=lambda item: (item.at, item.voter, item.prompt)))


def counts(observations: Sequence[Observation]) -> dict[str, int]:
    """Count what was said, by name."""
    duels = [one for one in observations if isinstance(one, Duel)]
    thumbs = [one for one in observations if isinstance(one, Thumb)]
    ours, theirs = [one for one in thumbs if one.candidate], [one for one in thumbs if not one.candidate]
    return {
        "judged": len(observations),
        "voters": len({one.voter for one in observations}),
        "duels": len(duels),
        "won": sum(one.outcome > 0 for one in duels),
        "lost": sum(one.outcome < 0 for one in duels),
        "neither": sum(one.outcome == 0 for one in duels),
        "both_bad": sum(one.both_bad for one in duels),
        "first_won": sum((one.outcome > 0) == one.candidate_first for one in duels if one.outcome),
        "candidate_thumbs": len(ours),
        "candidate_up": sum(one.up for one in ours),
        "champion_thumbs": len(theirs),
        "champion_up": sum(one.up for one in theirs),
    }
