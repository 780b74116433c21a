"""What is noted with answers, what is drawn by lot, and what both arms of a trial are asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.chat.bridge import CancelToken
from service.chat.plan import Plan, plan_for, planned_steps
from service.chat.steps import Compared, Finished, Opening, Piece, Step, finish
from service.chat.trial import Note, Pair, TrialOptions, heard, lot, note_of
from service.scopes import SHARED, Scope
from service.settings import Settings
from service.versions.served import Loaded, Role, Served
from service.versions.snapshot import Arms, Snapshot
from training.policy.base import Answer, Delta, PolicyError, Prompt, Sampling, SamplingCancelled, ShownPassage

PASSAGES = (
    ShownPassage(1, "chk_1", "file-1", "T", "Bread is baked at six. Milk comes at nine.", 1.0),
    ShownPassage(2, "chk_2", "file-2", "U", "Bread is baked at six.", 0.5),
)
PROMPT = Prompt("When is bread baked?", PASSAGES)
SAMPLING = Sampling()


class Saying:
    """Says these texts, one a draw; what is an error is raised."""

    def __init__(self, version: str, *texts: str | Exception) -> None:
        self.version = version
        self.texts = texts
        self.asked: list[Prompt] = []

    def stream(self, prompt: Prompt, sampling: Sampling) -> Iterator[Delta]:
        """Give the first text."""
        yield Delta(answer=self.sample([prompt], 1, sampling)[0][0])

    def sample(
        self, prompts: Sequence[Prompt], n: int, sampling: Sampling, *, cancelled: Callable[[], bool] | None = None
    ) -> list[list[Answer]]:
        """Give as many as wanted."""
        self.asked += prompts
        for text in self.texts:
            if isinstance(text, Exception):
                raise text
        return [
            [Answer(str(text), self.version, "stop", sampling, -1.0, 2) for text in self.texts[:n]] for _ in prompts
        ]

    def close(self) -> None:
        """Nothing to release."""


def arms(champion: Saying, candidate: Saying | None = None, share: float = 0.2) -> Snapshot:
    return Snapshot({SHARED: Arms(Loaded(champion), candidate and Loaded(candidate))}, share=share)


def run(plan: Plan, theirs: Prompt | None = PROMPT, prompt: Prompt = PROMPT) -> list[Step]:
    return list(planned_steps(plan, prompt, theirs, SAMPLING, CancelToken()))


def texts(steps: list[Step]) -> list[str]:
    return [step.answer.text for step in steps if isinstance(step, Finished)]


notes = st.builds(
    Note,
    role=st.sampled_from(get_args(Role)),
    propensity=st.sampled_from([1.0, 0.2, 0.8, 0.05, 1 / 3]),
    trial=st.none() | st.just("v000002-extractive"),
    same=st.none() | st.booleans(),
    pair=st.none() | st.sampled_from(get_args(Pair)),
    scope=st.sampled_from([SHARED, Scope("segment", "de"), Scope("collection", "vs_1")]),
    named=st.none() | st.just("vs_1"),
)


@given(notes)
def test_a_note_is_read_as_it_was_written(note: Note) -> None:
    attributes = note.attributes()
    assert all(isinstance(value, str) and 0 < len(value) < 100 for value in attributes.values())
    assert replace(Note.of({"conversation_id": "c", **attributes}), propensity=1.0) == replace(note, propensity=1.0)
    assert Note.of(attributes).propensity == pytest.approx(note.propensity, rel=1e-5)


def test_what_is_as_usual_costs_nothing() -> None:
    assert Note().attributes() == {}
    assert Note.of({}) == Note()


def test_in_a_pair_neither_arm_was_a_matter_of_chance() -> None:
    served = Served(Saying("v2", "x"), None, "v2", "candidate", 0.2, SHARED, "v2")
    assert note_of(served, same=None, pair=None, named=None).propensity == 0.2
    assert note_of(served, same=False, pair="trial", named=None).propensity == 1.0


def test_lots_are_fair_and_depend_on_what_they_are_for() -> None:
    drawn = [(lot(f"chatcmpl-{n}", "pair"), lot(f"chatcmpl-{n}", "order")) for n in range(4000)]
    both = sum(pair < 0.1 and order < 0.5 for pair, order in drawn)
    assert 320 < sum(pair < 0.1 for pair, _ in drawn) < 480
    assert 140 < both < 260
    assert lot("chatcmpl-1", "pair") == drawn[1][0]


@pytest.mark.parametrize(
    ("policy", "asked", "shadow"),
    [("extractive", "auto", True), ("causal", "auto", False), ("causal", "on", True), ("extractive", "off", False)],
)
def test_both_arms_are_asked_where_that_is_cheap(policy: Any, asked: Any, shadow: bool) -> None:
    settings = Settings(policy=policy, trial_shadow=asked)
    assert TrialOptions.of(settings) == TrialOptions(0.1, 0.5, shadow)


def planned(
    snapshot: Snapshot,
    options: TrialOptions,
    *,
    n: int = 1,
    pairs: bool = True,
    greedy: bool = True,
    user: str = "key:u",
    completion_id: str = "chatcmpl-1",
) -> Plan:
    served = snapshot.route(user)
    return plan_for(served, snapshot, options, completion_id=completion_id, n=n, pairs=pairs, greedy=greedy)


def test_nothing_changes_for_clients_that_cannot_show_two() -> None:
    options = TrialOptions(1.0, 1.0, shadow=False)
    for snapshot in (arms(Saying("v1")), arms(Saying("v1"), Saying("v2"))):
        assert planned(snapshot, options, pairs=False).pair is None
        assert planned(snapshot, options, n=2) == Plan(snapshot.route("key:u"), 2)
    pinned = arms(Saying("v1"), Saying("v2")).pinned("v2")
    assert pinned is not None
    plan = plan_for(pinned, arms(Saying("v1")), options, completion_id="x", n=1, pairs=True, greedy=True)
    assert plan == Plan(pinned)


def test_a_share_of_prompts_is_answered_twice() -> None:
    options = TrialOptions(pair_share=0.1, trial_pair_share=0.5)
    champion_only, trial = arms(Saying("v1")), arms(Saying("v1"), Saying("v2"))
    ids = [f"chatcmpl-{n}" for n in range(2000)]
    learn = [planned(champion_only, options, completion_id=one) for one in ids]
    assert {plan.pair for plan in learn} == {None, "learn"}
    assert 140 < sum(plan.pair is not None for plan in learn) < 260
    tried = [planned(trial, options, completion_id=one) for one in ids]
    assert {plan.pair for plan in tried} == {None, "trial"}
    assert 900 < sum(plan.pair is not None for plan in tried) < 1100
    assert 900 < sum(plan.turned for plan in tried if plan.pair) * 2 < 1100


def test_the_rival_is_the_other_arm_whoever_answers() -> None:
    snapshot = arms(Saying("v1"), Saying("v2"), share=0.5)
    seen = set()
    for n in range(20):
        plan = planned(snapshot, TrialOptions(shadow=True), user=f"key:{n}")
        assert plan.rival is not None
        seen.add((plan.served.version, plan.rival.version))
    assert seen == {("v1", "v2"), ("v2", "v1")}
    assert planned(snapshot, TrialOptions(shadow=True), greedy=False).rival is None
    assert planned(snapshot, TrialOptions(shadow=False)).rival is None


@pytest.mark.parametrize(
    ("theirs", "same"),
    [
        ("Bread is baked at six. [1]", True),
        ("Bread is baked at six. [2]", False),  # the same words from another document
        ("Milk comes at nine. [1]", False),
        ("I could not find that in the documents.", False),
    ],
)
def test_one_answer_with_the_rival_asked_beside(theirs: str, same: bool) -> None:
    snapshot = arms(Saying("v1", "Bread is baked at six. [1]"), Saying("v2", theirs), share=0.0)
    steps = run(planned(snapshot, TrialOptions(shadow=True)))
    assert texts(steps) == ["Bread is baked at six. [1]"]
    assert steps[-1] == Compared(same)
    assert not any(isinstance(step, Opening) for step in steps)


@pytest.mark.parametrize("turned", [False, True])
def test_a_pair_of_a_trial_shows_both_arms_in_the_drawn_order(turned: bool) -> None:
    snapshot = arms(Saying("v1", "Bread is baked at six. [1]"), Saying("v2", "Milk comes at nine. [1]"), share=0.0)
    champion, candidate = snapshot.rivals() or ()
    plan = Plan(champion, rival=candidate, pair="trial", turned=turned)
    opening, *rest, compared = run(plan)
    assert isinstance(opening, Opening)
    assert opening.pair == "trial"
    order = ["v2", "v1"] if turned else ["v1", "v2"]
    assert [arm.version for arm in opening.arms] == order
    whole = [step for step in rest if isinstance(step, Finished)]
    assert [(item.index, item.answer.version) for item in whole] == [(0, order[0]), (1, order[1])]
    assert [step.index for step in rest if isinstance(step, Piece)] == [0, 1]
    assert compared == Compared(False)


SAME: tuple[str, str] = ("Bread is baked at six. [1]", "Bread is baked at six.  [1]")


@pytest.mark.parametrize(
    ("champion", "candidate", "end"),
    [
        (SAME[0], SAME[1], [Compared(True)]),
        (SAME[0], PolicyError("down"), []),
        (SAME[0], RuntimeError("a bug"), []),
    ],
)
def test_where_there_is_nothing_to_compare_one_answer_is_given(
    champion: str, candidate: str | Exception, end: list[Step]
) -> None:
    snapshot = arms(Saying("v1", champion), Saying("v2", candidate), share=0.0)
    ours, theirs = snapshot.rivals() or ()
    opening, piece, finished, *rest = run(Plan(ours, rival=theirs, pair="trial", turned=True))
    assert opening == Opening((ours,))
    assert isinstance(finished, Finished)
    assert finished.answer.version == "v1"
    assert rest == end


def test_answers_to_different_passages_are_no_pair() -> None:
    snapshot = arms(Saying("v1", SAME[0]), Saying("v2", "Milk comes at nine. [1]"), share=0.0)
    ours, theirs = snapshot.rivals() or ()
    moved = replace(PROMPT, passages=PASSAGES[:1])
    steps = run(Plan(ours, rival=theirs, pair="trial"), theirs=moved)
    assert steps[0] == Opening((ours,))
    assert len(texts(steps)) == 1
    assert steps[-1] == Compared(False)
    assert theirs.policy.asked == [moved]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("second", "count"), [("Milk comes at nine. [1]", 2), (SAME[1], 1)])
def test_two_answers_of_one_version_only_where_they_differ(second: str, count: int) -> None:
    snapshot = arms(Saying("v1", SAME[0], second))
    served = snapshot.route("key:u")
    steps = run(Plan(served, pair="learn"), theirs=None)
    assert steps[0] == Opening((served,) * count, "learn" if count == 2 else None)
    assert texts(steps) == [SAME[0], second][:count]
    assert not any(isinstance(step, Compared) for step in steps)


def test_where_nothing_was_found_nobody_is_asked() -> None:
    snapshot = arms(Saying("v1", RuntimeError("asked")), Saying("v2", RuntimeError("asked")), share=0.0)
    ours, theirs = snapshot.rivals() or ()
    empty = Prompt("When?", ())
    steps = run(Plan(ours, rival=theirs, pair="trial"), empty, empty)
    assert steps[0] == Opening((ours,))
    assert steps[-1] == Compared(True)
    assert len(texts(steps)) == 1


@pytest.mark.parametrize("pair", [None, "trial"])
def test_a_reader_who_left_stops_both(pair: Literal["trial"] | None) -> None:
    snapshot = arms(Saying("v1", SAME[0]), Saying("v2", SamplingCancelled()), share=0.0)
    ours, theirs = snapshot.rivals() or ()
    steps = run(Plan(ours, rival=theirs, pair=pair))
    assert not any(isinstance(step, Compared) for step in steps)


def test_the_answering_version_failing_is_an_error() -> None:
    snapshot = arms(Saying("v1", PolicyError("down")), Saying("v2", SAME[0]), share=0.0)
    ours, theirs = snapshot.rivals() or ()
    with pytest.raises(PolicyError, match="down"):
        run(Plan(ours, rival=theirs, pair="trial"))


def test_silence_is_not_the_same_as_its_words() -> None:
    said = finish(0, Answer("Bread is baked at six. [1]", "v", "stop", SAMPLING, None, 1), PROMPT)
    silent = finish(0, Answer("Bread is baked at six. [1]", "v", "stop", SAMPLING, None, 1, abstained=True), PROMPT)
    assert heard(said) != heard(silent)
    assert heard(said)[1] == ("chk_1",)
