"""No voter and no source on two sides, whatever the graph looks like."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from tests.training.datasets.samples import NOW, make_shown, make_vote
from training.datasets.build import build_examples
from training.datasets.config import DatasetConfig
from training.datasets.examples import Example
from training.datasets.splits import folds, split

CONFIG = DatasetConfig(half_life_days=None, cap_floor=1_000.0)


def make_examples(count: int, voters: int, documents: int, seed: int = 0, shown: int = 1) -> list[Example]:
    """Let everybody vote on questions about anything: one component once there are enough."""
    rng = random.Random(seed)
    records = []
    for number in range(count):
        prompt = make_shown(f"Q {number}?", tuple(f"file-{d}" for d in rng.sample(range(documents), shown)))
        judges = rng.sample(range(voters), rng.choice((1, 1, 2)))
        records += [make_vote("up", voter=f"v{voter}", prompt_id=f"p{number:04}", prompt=prompt) for voter in judges]
    return list(build_examples(records, CONFIG, now=NOW).examples)


def assert_apart(parts: list[tuple[Example, ...]], *, documents: bool = True) -> None:
    """Check by hand what the report claims."""
    for place, part in enumerate(parts):
        for other in parts[place + 1 :]:
            for one in part:
                for two in other:
                    assert not one.voters & two.voters
                    assert one.prompt_id != two.prompt_id
                    assert not documents or not one.documents & two.documents


def test_separate_groups_are_dealt_out_whole() -> None:
    examples = []
    for team in range(40):
        own = make_examples(5, 3, 2, seed=team)
        examples += [
            replace(
                example,
                prompt_id=f"{team}-{example.prompt_id}",
                prompt=make_shown("Q?", (f"file-{team}-{min(example.documents)}",)),
                thumbs=tuple(replace(thumb, voter=f"{team}-{thumb.voter}") for thumb in example.thumbs),
            )
            for example in own
        ]
    parts = split(examples, seed=1)

    assert (parts.leaks.way, parts.leaks.level, parts.leaks.clean) == ("groups", "document", True)
    assert (parts.leaks.kept_weight, parts.leaks.dropped_examples, parts.leaks.dropped_judgements) == (1.0, 0, 0)
    assert_apart([parts.train, parts.calibration, parts.held_out])
    assert len(parts.train) > len(parts.held_out) > 0 < len(parts.calibration)


def test_one_giant_component_is_cut_and_the_loss_is_counted() -> None:
    examples = make_examples(600, 60, 40)
    parts = split(examples, seed=3)

    assert (parts.leaks.way, parts.leaks.clean) == ("cut", True)
    assert_apart([parts.train, parts.calibration, parts.held_out])
    assert all((parts.train, parts.calibration, parts.held_out))
    kept = [*parts.train, *parts.calibration, *parts.held_out]
    assert parts.leaks.dropped_examples == len(examples) - len(kept) > 0
    thumbs = sum(len(example.thumbs) for example in examples)
    assert parts.leaks.dropped_judgements == thumbs - sum(len(example.thumbs) for example in kept)
    assert 0.3 < parts.leaks.kept_weight < 0.75


def test_prompts_that_show_popular_documents_are_told_apart_by_what_is_cited() -> None:
    parts = split(make_examples(400, 200, 12, shown=5), seed=3)

    assert (parts.leaks.level, parts.leaks.clean) == ("cited", True)
    assert parts.leaks.documents > 0
    assert_apart([parts.train, parts.held_out], documents=False)
    assert all((parts.train, parts.calibration, parts.held_out))


@pytest.mark.parametrize("k", [2, 4])
def test_every_fold_is_apart_from_what_it_is_judged_by(k: int) -> None:
    examples = make_examples(300, 60, 40)
    made = folds(examples, k, seed=2)

    assert len(made) == k
    held = [example.prompt_id for fold in made for example in fold.held_out]
    for fold in made:
        assert fold.leaks.clean
        assert_apart([fold.train, fold.held_out])
        assert fold.train
        assert fold.held_out
    assert len(held) == len(set(held))


def test_the_order_of_examples_does_not_matter_and_the_seed_does() -> None:
    examples = make_examples(200, 50, 30)
    one, two, other = split(examples, seed=1), split(examples[::-1], seed=1), split(examples, seed=2)

    assert {e.prompt_id for e in one.held_out} == {e.prompt_id for e in two.held_out}
    assert {e.prompt_id for e in one.held_out} != {e.prompt_id for e in other.held_out}


def test_what_is_added_moves_nothing_that_was_cut() -> None:
    many = make_examples(600, 60, 40)
    few = many[:400]
    before, after = split(few, seed=1), split(many, seed=1)

    assert before.leaks.way == after.leaks.way == "cut"
    for name in ("train", "calibration", "held_out"):
        assert {e.prompt_id for e in getattr(before, name)} <= {e.prompt_id for e in getattr(after, name)}


def test_what_a_dropped_voter_wrote_is_gone_from_the_answers() -> None:
    examples: list[Example] = []
    for number in range(200):
        rng = random.Random(number)
        prompt = make_shown(f"Q {number}?", (f"file-{rng.randrange(20)}",))
        name = f"p{number:04}"
        better = f"Written {number}."
        records = [
            make_vote("up", voter=f"v{rng.randrange(30)}", prompt_id=name, prompt=prompt),
            make_vote(None, voter=f"w{rng.randrange(30)}", prompt_id=name, prompt=prompt, correction=better),
        ]
        examples += build_examples(records, CONFIG, now=NOW).examples
    parts = split(examples, seed=1)

    assert parts.leaks.way == "cut"
    for example in (*parts.train, *parts.calibration, *parts.held_out):
        writers = {target.voter for target in example.targets}
        assert any(answer.text.startswith("Written") for answer in example.answers) == bool(writers)
        assert {pair.voter for pair in example.pairs} == writers


@pytest.mark.parametrize("seed", range(4))
def test_cited_sources_stay_apart_when_voters_are_dropped(seed: int) -> None:
    """Without a dropped voter's answer an example may be about another passage than before."""
    rng = random.Random(seed)
    records = []
    for number in range(300):
        prompt = make_shown(f"Q {number}?", tuple(f"file-{d}" for d in rng.sample(range(15), 5)))
        for voter, text in zip(rng.sample(range(40), 2), ("Said.", f"Cited. [{rng.randint(2, 5)}]"), strict=True):
            records.append(make_vote("up", text, voter=f"v{voter}", prompt_id=f"p{number:04}", prompt=prompt))
    parts = split(build_examples(records, CONFIG, now=NOW).examples, seed=seed)

    assert (parts.leaks.level, parts.leaks.way, parts.leaks.clean) == ("cited", "cut", True)


def test_nothing_at_all_splits_into_nothing() -> None:
    parts = split([], seed=0)

    assert (parts.train, parts.calibration, parts.held_out) == ((), (), ())
    assert parts.leaks.clean


@pytest.mark.parametrize("shares", [(0, 0, 0), (1, -1, 1)])
def test_shares_that_make_no_sense_are_refused(shares: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="shares"):
        split([], shares=shares)
    with pytest.raises(ValueError, match="k must"):
        folds([], 1)
