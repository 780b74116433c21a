"""Nobody judges work made from the same judgements: counted on examples made at random."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.conftest import make_prompt
from training.datasets.examples import Example, Pair, Target, Thumb
from training.datasets.focus import Focus
from training.datasets.parts import chance_of, sources
from training.pipeline.parts import Parts, divide, folds
from training.policy.base import Answer, Sampling


def examples(seed: int, count: int, voters: int, documents: int) -> list[Example]:
    rng = random.Random(seed)
    made = []
    for number in range(count):
        texts = tuple(f"Fact {rng.randrange(documents)}." for _ in range(3))
        prompt = make_prompt(f"Question {number - number % 7 % 2}?", texts)  # some are asked again
        shown = tuple(
            replace(passage, chunk_id=texts[place], document_id=texts[place])
            for place, passage in enumerate(prompt.passages)
        )
        answers = tuple(Answer(f"Fact. [{1 + rng.randrange(3)}]", "v", "stop", Sampling(), -1.0, 2) for _ in range(2))
        who = [f"voter-{rng.randrange(voters)}" for _ in range(2)]
        made.append(
            Example(
                f"p{number}",
                type(prompt)(prompt.question, shown),
                answers,
                pairs=(Pair(0, 1, "first", 1.0, who[0]),),
                thumbs=(Thumb(0, True, 1.0, who[1]),),
                targets=(Target(1, 1.0),) if number % 5 == 0 else (),
            )
        )
    return made


def voters_of(part: tuple[Example, ...]) -> set[str]:
    return {voter for example in part for voter in example.voters}


def sources_of(part: tuple[Example, ...]) -> set[str]:
    return {source for example in part for source in sources(example, "cited")}


def questions_of(part: tuple[Example, ...]) -> set[str]:
    return {example.prompt.question for example in part}


def held_out_of(parts: Parts, part: tuple[Example, ...]) -> set[str]:
    return {name for name in sources_of(part) if chance_of(parts.seed, "source", name) < parts.held_out_share}


@given(seed=st.integers(0, 99), voters=st.integers(2, 40), documents=st.integers(2, 40))
def test_what_must_be_apart_is_apart(seed: int, voters: int, documents: int) -> None:
    parts = divide(examples(seed, 60, voters, documents), seed=seed)
    assert not voters_of(parts.judge) & voters_of(parts.train)
    assert not voters_of(parts.judge) & voters_of(parts.quality)
    assert not questions_of(parts.asked) & questions_of(parts.train)
    held_out = held_out_of(parts, parts.asked)
    assert not held_out & sources_of(parts.train)
    about = {example.prompt.question for example in parts.asked if held_out & sources(example, "cited")}
    assert about == questions_of(parts.asked)


@given(seed=st.integers(0, 99), k=st.integers(1, 5))
def test_no_judge_is_asked_about_what_it_learned_from(seed: int, k: int) -> None:
    parts = divide(examples(seed, 80, 20, 30), seed=seed)
    turns = folds(parts, k)
    asked = sorted(example.prompt_id for turn in turns for example in turn.asked)
    assert asked == sorted(example.prompt_id for example in parts.asked)
    for turn in turns:
        assert not questions_of(turn.learned) & questions_of(turn.asked)
        assert voters_of(turn.learned) <= voters_of(parts.judge)
        assert not held_out_of(parts, turn.asked) & sources_of(turn.learned)


def test_a_large_window_keeps_more_for_training() -> None:
    small, large = divide(examples(1, 300, 60, 200)), divide(examples(1, 4000, 400, 2000))
    assert (small.judging_share, small.held_out_share) == (0.5, 0.4)
    assert large.judging_share == 0.25
    assert large.held_out_share == 0.15


def test_little_is_left_unused() -> None:
    made = examples(1, 2000, 100, 400)
    parts = divide(made)
    total = sum(len(example.pairs) + len(example.thumbs) for example in made)
    used = sum(len(e.pairs) + len(e.thumbs) for part in (parts.train, parts.judge, parts.quality) for e in part)
    assert used > 0.9 * total
    assert len(parts.asked) > 0.3 * len(made)


def test_answers_that_nobody_gave_teach_in_training_alone() -> None:
    parts = divide(examples(1, 200, 20, 60))
    assert any(example.targets for example in parts.train)
    assert not any(example.targets for example in (*parts.judge, *parts.quality))


def test_what_a_judging_voter_wrote_is_gone_from_training() -> None:
    made = [
        replace(example, targets=(Target(1, 1.0, voter=example.thumbs[0].voter),))
        for example in examples(1, 200, 20, 60)
    ]
    parts = divide(made)
    judging = voters_of(parts.judge)
    assert judging
    assert not judging & {target.voter for example in parts.train for target in example.targets}


def test_for_a_segment_only_its_prompts_are_asked() -> None:
    made = [
        replace(example, prompt=replace(example.prompt, segment="north" if number % 3 else "south"))
        for number, example in enumerate(examples(1, 400, 40, 200))
    ]
    everybody, north = divide(made), divide(made, focus=Focus("segment", "north"))
    assert {example.segment for example in north.asked} == {example.segment for example in north.quality} == {"north"}
    assert {example.segment for example in north.train} == {example.segment for example in north.judge}
    assert {example.segment for example in north.train} == {"north", "south"}
    assert not questions_of(north.asked) & questions_of(north.train)
    assert len(everybody.asked) > len(north.asked)


def unjudged(seed: int, count: int, documents: int) -> list[Example]:
    """Give prompts that were answered and that nobody judged; every third asks what others ask too."""
    return [
        replace(
            example,
            prompt_id=f"served-{number}",
            prompt=example.prompt if number % 3 == 0 else replace(example.prompt, question=f"Unjudged {number}?"),
            pairs=(),
            thumbs=(),
            targets=(),
        )
        for number, example in enumerate(examples(seed, count, 1, documents))
    ]


@settings(max_examples=30)
@given(seed=st.integers(0, 99), k=st.integers(1, 5))
def test_prompts_that_nobody_judged_are_asked_as_long_as_they_stay_apart(seed: int, k: int) -> None:
    made, served = examples(seed, 60, 20, 30), unjudged(seed + 1, 60, 30)
    alone, parts = divide(made, seed=seed), divide(made, served=served, seed=seed)

    assert (parts.train, parts.judge, parts.quality) == (alone.train, alone.judge, alone.quality)
    more = [example for example in parts.asked if example.prompt_id.startswith("served")]
    assert parts.asked == (*alone.asked, *more)
    assert not {one.prompt.question for one in more} & {one.prompt.question for one in made}
    held_out = held_out_of(parts, parts.asked)
    assert all(held_out & sources(one, "cited") for one in more)
    assert not held_out & sources_of(parts.train)
    for turn in folds(parts, k):
        theirs = {name for one in turn.asked for name in sources(one, "cited")} & held_out
        assert not theirs & sources_of(turn.learned)


def test_no_more_of_them_are_asked_than_wanted() -> None:
    made, served = examples(3, 60, 20, 4), unjudged(4, 4000, 4)
    parts = divide(made, served=served, seed=3)

    assert len(parts.asked) == 600
    assert divide(made, served=served[::-1], seed=3) == parts
    assert divide(made, served=served[:1] * 50, seed=3).asked[len(divide(made, seed=3).asked) :] == ()


def test_a_segment_is_asked_about_its_own_prompts() -> None:
    made = examples(5, 60, 20, 10)
    served = [
        replace(one, prompt=replace(one.prompt, segment="north" if number % 2 else "south"))
        for number, one in enumerate(unjudged(6, 200, 10))
    ]
    parts = divide(made, served=served, seed=5, focus=Focus("segment", "north"))

    assert parts.asked
    assert {one.segment for one in parts.asked} == {"north"}
