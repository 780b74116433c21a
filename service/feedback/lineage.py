"""What became of a judgement: in data, and in one sentence for the person who gave it.

The log tells what was said, the cycles what was done with it. Pure: `background.py` fetches what is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from service.cycles.cycle import Cycle
from service.cycles.fates import Fate
from service.cycles.reading import TAKEN_BACK
from service.feedback.phrases import because, counted, lighter
from service.feedback.records import WITHDRAWN, Entry, id_key
from service.feedback.schemas import LineageView, What
from training.datasets.drafts import SOURCES_ALONE
from training.datasets.standing import NO_CONSENT, TOO_OLD, VOTER_EXCLUDED

NEXT = "waiting for the next training snapshot"
_BECAME: dict[str, What] = {
    "refused": "refused",
    "candidate": "on_trial",
    "promoted": "promoted",
    "rolled_back": "rolled_back",
    "failed": "failed",
    "cancelled": "failed",
}
_SERVED = ("candidate", "promoted", "rolled_back")


@dataclass(frozen=True, slots=True)
class Background:
    """What is known besides the log."""

    fates: Mapping[str, Fate] = field(default_factory=dict)  # by entry
    cycles: Mapping[str, Cycle] = field(default_factory=dict)  # those that the fates name
    now: float = 0.0  # seconds since the epoch, by Redis's clock
    too_old: float = 0.0  # what was said before is too old for the newest snapshot
    read_up_to: str = ""  # newest entry that the newest snapshot read
    unfinished: str = ""  # id of the cycle at work, if there is one
    waits: str = ""  # what the next cycle waits for
    excluded: bool = False  # the voter is, by an operator
    consents: bool = True  # the voter, to training


def lineage(entries: Sequence[Entry], known: Background) -> list[LineageView]:
    """Tell the story of a judgement, oldest first.

    Args:
        entries: What one voter said about one thing, newest first.
        known: What is known besides.

    Returns:
        The events; the last one says where the judgement is now.
    """
    story: list[LineageView] = []
    before: Entry | None = None
    for entry in reversed(entries):
        if entry.stated == WITHDRAWN:
            story.append(_event(entry.at, "withdrawn"))
        elif before is None or before.stated == WITHDRAWN:
            story.append(_event(entry.at, "recorded"))
        else:
            story.append(_event(entry.at, "replaced", reason="the voter changed it"))
        story += _in_cycles(entry, known, current=entry is entries[0])
        before = entry
    if before is None:
        return []
    if before.stated == WITHDRAWN:
        return [*story, _event(before.at, "left_out", reason="withdrawn")]
    fate, at = known.fates.get(before.entry_id), known.now or before.at
    if (reason := _kept_out(before, known)) and (fate is None or fate.reason != reason):
        return [*story, _event(at, "left_out", reason=reason)]
    if fate is not None:
        return story
    if _underway(before, known):
        return [*story, _event(at, "underway", known.unfinished, reason="in the snapshot of a cycle that runs")]
    return [*story, _event(at, "waiting", reason=known.waits or NEXT)]


def summary(entries: Sequence[Entry], known: Background, *, noun: str = "vote") -> str:
    """Say it in one sentence, in two where an earlier version had learned from it.

    Args:
        entries: As for `lineage`.
        known: What is known besides.
        noun: What was given: a vote, a preference.

    Returns:
        The sentence.
    """
    if not entries:
        return "You have not voted on this answer."
    current, learned = entries[0], _earlier_version(entries, known)
    fate = known.fates.get(current.entry_id)
    cycle = known.cycles.get(fate.cycle) if fate is not None else None
    also = f" Version {learned} had learned from it." if learned else ""
    if current.stated == WITHDRAWN:
        return f"You withdrew your {noun}; it is left out of training.{also}"
    reason = _kept_out(current, known) or (fate.reason if fate is not None and not _counts(fate) else "")
    if reason:
        return f"Your {noun} is recorded; it is left out of training because {because(reason)}.{also}"
    if fate is not None and cycle is not None:
        return f"Your {noun} {counted(fate, cycle)}.{'' if cycle.version == learned else also}"
    if _underway(current, known):
        return f"Your {noun} is recorded and is being learned from just now."
    waits = known.waits.removeprefix("waiting: ")
    more = "" if not waits or waits.startswith("due") else f": so far there are {waits}"
    return f"Your {noun} is recorded and {NEXT}{more}."


def _in_cycles(entry: Entry, known: Background, *, current: bool) -> list[LineageView]:
    """Give what cycles did with an entry: the first that counted it, then the newest."""
    events: list[LineageView] = []
    fate = known.fates.get(entry.entry_id)
    for name in dict.fromkeys((fate.first, fate.cycle)) if fate is not None else ():
        cycle = known.cycles.get(name)
        if fate is None or cycle is None:
            continue
        at, version = cycle.finished_at or cycle.started_at or cycle.created_at, cycle.version or None
        if name == fate.cycle and not _counts(fate):
            if current and fate.reason != TAKEN_BACK:  # else the log has told it
                events.append(_event(at, "left_out", name, None, fate.reason))
            continue
        events.append(_event(at, "counted", name, version, (name == fate.cycle and lighter(fate)) or None))
        if (what := _BECAME.get(cycle.state)) is not None:
            events.append(_event(cycle.settled_at or at, what, name, version, cycle.reason or None))
    return events


def _counts(fate: Fate) -> bool:
    return fate.counted or fate.reason == SOURCES_ALONE


def _kept_out(current: Entry, known: Background) -> str:
    """Say why the next snapshot leaves it out, whatever cycles did before; empty where it does not."""
    if not current.consent or not known.consents:
        return NO_CONSENT
    if known.excluded:
        return VOTER_EXCLUDED
    return TOO_OLD if current.at < known.too_old else ""


def _earlier_version(entries: Sequence[Entry], known: Background) -> str:
    """Give the first version that learned from what was said and may have served; empty where there is none."""
    for entry in entries:
        fate = known.fates.get(entry.entry_id)
        cycle = known.cycles.get(fate.first) if fate is not None else None
        if cycle is not None and cycle.version and cycle.state in _SERVED:
            return cycle.version
    return ""


def _underway(entry: Entry, known: Background) -> bool:
    return bool(known.unfinished and known.read_up_to) and id_key(entry.entry_id) <= id_key(known.read_up_to)


def _event(
    at: float, what: What, cycle: str | None = None, version: str | None = None, reason: str | None = None
) -> LineageView:
    return LineageView(at=at, what=what, cycle=cycle, version=version, reason=reason)
