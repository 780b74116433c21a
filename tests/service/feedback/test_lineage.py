"""What became of a judgement, event by event and in a sentence."""

from __future__ import annotations

from typing import Any

import pytest

from service.cycles.cycle import Cycle
from service.cycles.fates import Fate
from service.cycles.reading import GONE
from service.feedback.lineage import Background, lineage, summary
from service.feedback.records import Entry
from service.scopes import RESTRICTED
from training.datasets.drafts import NOTHING_SAID, SOURCES_ALONE
from training.datasets.standing import DISTRUSTED, NO_CONSENT, QUARANTINED, REPLACED, TOO_OLD, USED, VOTER_EXCLUDED


def entry(entry_id: str = "1000-0", stated: str = "up", *, replaces: str | None = None, consent: bool = True) -> Entry:
    return Entry(entry_id, "vote", ("ans_1",), "prm_1", "key:v", ("base",), None, stated, consent, replaces, {})


def cycle(name: str, state: Any = "refused", version: str = "v000001-extractive", reason: str = "why") -> Cycle:
    return Cycle(name, "shared", state, "schedule", 10.0, reason, finished_at=20.0, settled_at=30.0, version=version)


def known(*cycles: Cycle, **changes: Any) -> Background:
    return Background(cycles={one.id: one for one in cycles}, now=99.0, **changes)


def events(background: Background, *entries: Entry) -> list[tuple[str, str | None, str | None]]:
    return [(one.what, one.version, one.reason) for one in lineage(entries, background)]


def test_nothing_was_said() -> None:
    assert lineage([], Background()) == []
    assert summary([], Background()) == "You have not voted on this answer."


def test_it_waits_and_says_for_what() -> None:
    background = known(waits="waiting: 38 of 200 judgements; 12 of 100 new ones")

    assert events(background, entry()) == [("recorded", None, None), ("waiting", None, background.waits)]
    assert summary([entry()], background) == (
        "Your vote is recorded and waiting for the next training snapshot: so far there are 38 of 200 judgements; 12 "
        "of 100 new ones."
    )
    assert summary([entry()], Background()) == "Your vote is recorded and waiting for the next training snapshot."


def test_it_is_being_learned_from() -> None:
    background = known(unfinished="cycle_a", read_up_to="1000-1")

    assert events(background, entry())[-1] == ("underway", None, "in the snapshot of a cycle that runs")
    assert summary([entry()], background) == "Your vote is recorded and is being learned from just now."
    assert events(background, entry("1000-2"))[-1][0] == "waiting"


@pytest.mark.parametrize(
    ("state", "what", "told"),
    [
        ("refused", "refused", ", which does not serve: the tests before serving did not show that it is better"),
        ("candidate", "on_trial", ", which is on trial: it answers a part of the users"),
        ("promoted", "promoted", ", which passed its trial and was promoted"),
        ("rolled_back", "rolled_back", ", which was sent back after its trial"),
    ],
)
def test_it_was_counted_and_the_version_went_its_way(state: Any, what: str, told: str) -> None:
    background = known(cycle("cycle_a", state), fates={"1000-0": Fate("cycle_a", USED, "cycle_a")})

    assert events(background, entry()) == [
        ("recorded", None, None),
        ("counted", "v000001-extractive", None),
        (what, "v000001-extractive", "why"),
    ]
    assert summary([entry()], background) == f"Your vote helped to train version v000001-extractive{told}."


def test_a_cycle_without_a_version_says_why() -> None:
    background = known(
        cycle("cycle_a", "refused", "", "waiting for data: 195 of 200 judgements"),
        fates={"1000-0": Fate("cycle_a", USED, "cycle_a")},
    )

    assert summary([entry()], background) == (
        "Your vote was read for cycle_a, which made no new version: waiting for data: 195 of 200 judgements."
    )


@pytest.mark.parametrize(
    ("notes", "told"),
    [
        ({"judges": 1.0}, "Your vote helped to check version v000001-extractive, which is on trial: it answers a part"),
        ({"burst": 0.1}, "; it counts for less, because many said the same within minutes."),
        ({"cap": 0.1}, "; it counts for less, because no single person may count for more than a small share."),
    ],
)
def test_how_it_counted_is_told(notes: dict[str, float], told: str) -> None:
    fates = {"1000-0": Fate("cycle_a", USED, "cycle_a", notes)}

    assert told in summary([entry()], known(cycle("cycle_a", "candidate"), fates=fates))


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (QUARANTINED, "you are new here, and judgements of new voters wait until more is known of them"),
        (DISTRUSTED, "your judgements agree with those of others less often than chance would"),
        (REPLACED, "you judged the same answer to the same question again later, and the last word counts"),
        (VOTER_EXCLUDED, "an operator keeps your judgements out of training"),
        (NO_CONSENT, "it was not given for training"),
        (RESTRICTED, "the answer drew on documents that not everybody may read"),
        (TOO_OLD, "it is too old to count"),
        (GONE, "the answer was erased"),
        (NOTHING_SAID, "scores and comments without a thumb teach nothing; people read them"),
    ],
)
def test_every_reason_for_leaving_it_out_is_told_plainly(reason: str, told: str) -> None:
    background = known(cycle("cycle_a"), fates={"1000-0": Fate("cycle_a", reason)})

    assert events(background, entry()) == [("recorded", None, None), ("left_out", None, reason)]
    assert summary([entry()], background) == f"Your vote is recorded; it is left out of training because {told}."


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"excluded": True}, VOTER_EXCLUDED), ({"consents": False}, NO_CONSENT), ({"too_old": 5.0}, TOO_OLD)],
)
def test_what_changed_since_the_last_snapshot_is_told_at_once(changes: dict[str, Any], reason: str) -> None:
    fates = {"1000-0": Fate("cycle_a", USED, "cycle_a")}
    background = known(cycle("cycle_a", "promoted"), fates=fates, **changes)

    assert [what for what, _, _ in events(background, entry())] == ["recorded", "counted", "promoted", "left_out"]
    assert summary([entry()], background).endswith(" Version v000001-extractive had learned from it.")
    assert events(known(**changes), entry())[-1] == ("left_out", None, reason)


def test_marks_on_passages_teach_what_to_find() -> None:
    background = known(cycle("cycle_a"), fates={"1000-0": Fate("cycle_a", SOURCES_ALONE)})

    assert [what for what, _, _ in events(background, entry())] == ["recorded", "counted", "refused"]
    assert summary([entry()], background).startswith(
        "Your vote teaches which passages to find; it was read for version"
    )


def test_a_withdrawn_vote_tells_which_version_had_learned_from_it() -> None:
    entries = [entry("3000-0", "withdrawn", replaces="1000-0"), entry()]
    background = known(cycle("cycle_a", "promoted"), fates={"1000-0": Fate("cycle_a", USED, "cycle_a")})

    assert [what for what, _, _ in events(background, *entries)] == [
        "recorded",
        "counted",
        "promoted",
        "withdrawn",
        "left_out",
    ]
    assert summary(entries, background) == (
        "You withdrew your vote; it is left out of training. Version v000001-extractive had learned from it."
    )


def test_the_first_and_the_newest_cycle_are_told() -> None:
    first, newest = cycle("cycle_a", "promoted"), cycle("cycle_b", "refused", "v000002-extractive", "no better")
    background = known(first, newest, fates={"1000-0": Fate("cycle_b", USED, "cycle_a")})

    assert events(background, entry())[1:] == [
        ("counted", "v000001-extractive", None),
        ("promoted", "v000001-extractive", "why"),
        ("counted", "v000002-extractive", None),
        ("refused", "v000002-extractive", "no better"),
    ]
    assert summary([entry()], background).endswith("Version v000001-extractive had learned from it.")


def test_a_preference_is_called_one() -> None:
    assert summary([entry()], Background(), noun="preference").startswith("Your preference is recorded")
