"""What cycles say of a judgement, in words for the person who gave it."""

from __future__ import annotations

from service.cycles.cycle import Cycle
from service.cycles.fates import JUDGES, Fate
from service.cycles.reading import GONE, TAKEN_BACK
from service.scopes import RESTRICTED
from training.datasets.drafts import NOTHING_SAID, SAME_ANSWER, SAME_CORRECTION, SOURCES_ALONE
from training.datasets.people import BURST, CAP
from training.datasets.standing import (
    DISTRUSTED,
    EXCLUDED,
    FUTURE,
    NO_CONSENT,
    QUARANTINED,
    REPLACED,
    TOO_OLD,
    VOTER_EXCLUDED,
)

_BECAUSE = {
    NO_CONSENT: "it was not given for training",
    EXCLUDED: "an operator took it out",
    VOTER_EXCLUDED: "an operator keeps your judgements out of training",
    FUTURE: "a clock was wrong when it was recorded",
    TOO_OLD: "it is too old to count",
    REPLACED: "you judged the same answer to the same question again later, and the last word counts",
    DISTRUSTED: "your judgements agree with those of others less often than chance would",
    QUARANTINED: "you are new here, and judgements of new voters wait until more is known of them",
    TAKEN_BACK: "you withdrew it",
    GONE: "the answer was erased",
    RESTRICTED: "the answer drew on documents that not everybody may read",
    SAME_ANSWER: "the answers that you compared say the same",
    SAME_CORRECTION: "your correction says what the answer said already",
    NOTHING_SAID: "scores and comments without a thumb teach nothing; people read them",
}
_OUTCOMES = {
    "waiting": ", which is not finished yet",
    "running": ", which is not finished yet",
    "candidate": ", which is on trial: it answers a part of the users",
    "promoted": ", which passed its trial and was promoted",
    "rolled_back": ", which was sent back after its trial",
    "failed": ", which failed",
    "cancelled": ", which was cancelled",
}


def because(reason: str) -> str:
    """Give the end of a sentence that says why something was left out."""
    return _BECAUSE.get(reason, reason)


def counted(fate: Fate, cycle: Cycle) -> str:
    """Say what a judgement that counts did and what came of it, after "Your vote".

    Args:
        fate: That it was counted.
        cycle: The one that did.

    Returns:
        The rest of the sentence, without its full stop.
    """
    did = f"{_did(fate, bool(cycle.version))} {f'version {cycle.version}' if cycle.version else cycle.id}"
    weight = lighter(fate)
    return f"{did}{_came_of(cycle)}{f'; {weight}' if weight else ''}"


def lighter(fate: Fate) -> str:
    """Say why a judgement counts for less than one; empty where it counts in full."""
    if BURST in fate.notes:
        return "it counts for less, because many said the same within minutes"
    if CAP in fate.notes:
        return "it counts for less, because no single person may count for more than a small share"
    return ""


def _did(fate: Fate, made: bool) -> str:
    if fate.reason == SOURCES_ALONE:
        return "teaches which passages to find; it was read for"
    if not made:
        return "was read for"
    return "helped to check" if JUDGES in fate.notes else "helped to train"


def _came_of(cycle: Cycle) -> str:
    if cycle.state != "refused":
        return _OUTCOMES[cycle.state]
    if cycle.version:
        return ", which does not serve: the tests before serving did not show that it is better"
    return f", which made no new version: {cycle.reason}"
