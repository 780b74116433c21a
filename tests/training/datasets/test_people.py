"""What became of each judgement and voter: each way of being held back is visible by its reason."""

from __future__ import annotations

from tests.training.datasets.samples import DAY_S, NOW, make_shown, make_vote
from training.datasets.build import build_examples
from training.datasets.config import DatasetConfig
from training.datasets.people import VoterFacts
from training.datasets.standing import DISTRUSTED, QUARANTINED, USED
from training.records.types import Record

PLAIN = DatasetConfig(half_life_days=None)


def judged(voter: str, ups: list[bool], at: float = NOW - DAY_S) -> list[Record]:
    """Let a voter judge the same questions as everybody."""
    return [
        make_vote(
            "up" if up else "down",
            voter=voter,
            prompt_id=f"p{number}-{voter}",
            prompt=make_shown(f"Question {number}?", ("file-1",)),
            judged_at=at + number * 3600,
        )
        for number, up in enumerate(ups)
    ]


def test_bursts_and_caps_are_told_by_record() -> None:
    burst = [
        make_vote(
            "up", voter=f"v{n}", prompt_id=f"b{n}", prompt=make_shown("Same?", ("file-9",)), judged_at=NOW - 500 + n
        )
        for n in range(10)
    ]
    flood = [make_vote("up", f"Text {n}.", voter="flood", prompt_id=f"f{n}") for n in range(20)]
    people = build_examples([*burst, *flood], PLAIN, now=NOW).people

    assert people.reduced[burst[0].record_id] == {"burst": 0.5}
    assert people.reduced[flood[0].record_id] == {"cap": 0.25}
    assert people.voters["flood"] == VoterFacts(20, 20, "unknown", 0, None, None, 0.25)
    assert people.voters["v0"].share == 1.0


def test_trust_is_told_by_voter() -> None:
    truth = [number % 2 == 0 for number in range(24)]
    records = [record for voter in ("a", "b", "c") for record in judged(voter, truth)]
    liar = judged("liar", [not up for up in truth])
    people = build_examples([*records, *liar], PLAIN, now=NOW).people

    assert (people.voters["a"].trust, people.voters["a"].agreed, people.voters["a"].shared) == ("trusted", 1.0, 24)
    assert (people.voters["liar"].trust, people.voters["liar"].agreed, people.voters["liar"].used) == (
        "distrusted",
        0.0,
        0,
    )
    assert people.fate[liar[0].record_id] == DISTRUSTED


def test_new_voters_wait_until_they_are_known() -> None:
    truth = [number % 3 == 0 for number in range(24)]
    old = [record for voter in ("a", "b", "c") for record in judged(voter, truth, NOW - 9 * DAY_S)]
    recent = NOW - 2 * DAY_S
    new = {"agrees": truth, "praises": [True] * 24, "little": truth[:5]}
    records = [*old, *(record for voter, ups in new.items() for record in judged(voter, ups, recent))]
    config = DatasetConfig(half_life_days=None, quarantine_days=5.0)
    people = build_examples(records, config, now=NOW).people

    assert {voter: facts.trust for voter, facts in people.voters.items()} == {
        "a": "trusted",
        "b": "trusted",
        "c": "trusted",
        "agrees": "trusted",  # with others, beyond chance
        "praises": "quarantined",  # agrees no more than luck would
        "little": "quarantined",
    }
    assert {people.fate[record.record_id] for record in records if record.voter == "agrees"} == {USED}
    assert {people.fate[record.record_id] for record in records if record.voter == "praises"} == {QUARANTINED}
    strict = DatasetConfig(half_life_days=None, quarantine_days=5.0, quarantine_agreements=0)
    assert build_examples(records, strict, now=NOW).people.voters["agrees"].trust == "quarantined"
