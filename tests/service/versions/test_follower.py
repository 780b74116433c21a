"""What the registries say is what serves, from the next look on; what does not fit or is damaged does not."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval.embed.adapter import AdaptedQuestions
from service.encoders import Encoders
from service.errors import ApiError
from service.scopes import SHARED, Scope
from service.settings import Settings
from service.versions.follower import RETRY_S, Follower
from service.versions.loading import Loader
from service.versions.snapshot import Arms
from service.versions.standing import registry_of
from tests.service.versions.making import damage, promote, publish, serve
from training.policy.extractive import ExtractivePolicy
from training.registry import CANDIDATE

FRENCH = Scope("segment", "fr")
Started = tuple[Follower, list[float]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Give a home whose encoder needs no weights."""
    return Settings(home=tmp_path, embedding_model="hashing", pinned_versions=1)


@pytest.fixture
def encoders(settings: Settings) -> Iterator[Encoders]:
    """Give the encoders."""
    made = Encoders(settings)
    yield made
    made.close()


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        """Give the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Give a clock."""
    return Clock()


def follow(settings: Settings, encoders: Encoders, clock: Clock) -> Follower:
    """Start to follow."""
    return Follower(settings, Loader(settings, encoders), clock=clock)


def champion(follower: Follower, scope: Scope = SHARED) -> str:
    """Name what serves."""
    return follower.book.present.arms[scope].champion.version


def weight(follower: Follower) -> float:
    """Give the learned weight of what serves."""
    policy = follower.book.present.arms[SHARED].champion.policy
    assert isinstance(policy, ExtractivePolicy)
    return float(policy.residual.pointer[0])


def test_nothing_was_learned_yet(settings: Settings, encoders: Encoders, clock: Clock) -> None:
    follower = follow(settings, encoders, clock)
    served = follower.book.route("a")
    assert (served.version, served.questions, follower.problems) == ("base-extractive", None, ())
    assert not follower.look()


def test_a_promotion_and_a_rollback_are_followed(settings: Settings, encoders: Encoders, clock: Clock) -> None:
    first = serve(settings, weight=1.5)
    follower = follow(settings, encoders, clock)
    assert (champion(follower), weight(follower)) == (first, 1.5)
    assert [one.version for one in follower.book.list()] == [first, "base-extractive"]
    second = serve(settings, weight=2.5)
    assert champion(follower) == first
    assert follower.look()
    assert (champion(follower), weight(follower)) == (second, 2.5)
    assert not follower.look()
    registry_of(settings, SHARED).rollback(who="test")
    assert follower.look()
    assert (champion(follower), weight(follower)) == (first, 1.5)
    registry_of(settings, SHARED).rollback(who="test")
    assert follower.look()
    assert champion(follower) == "base-extractive"


def test_questions_are_moved_as_the_served_version_learned(
    settings: Settings, encoders: Encoders, clock: Clock
) -> None:
    serve(settings)
    served = follow(settings, encoders, clock).book.route("a")
    assert served.questions is not None
    assert isinstance(served.questions("hashing"), AdaptedQuestions)
    plain = encoders.query("hashing")
    moved = served.questions("hashing").submit("How long?").result()
    assert moved.shape == plain.encode("How long?").shape


def test_a_candidate_stands_beside_and_leaves(settings: Settings, encoders: Encoders, clock: Clock) -> None:
    first, second = serve(settings), publish(settings, weight=2.5)
    follower = follow(settings, encoders, clock)
    kept = follower.book.present.arms[SHARED].champion
    registry = registry_of(settings, SHARED)
    registry.assign(CANDIDATE, second)
    assert follower.look()
    arms = follower.book.present.arms[SHARED]
    assert arms.champion is kept  # nothing that served was loaded again
    assert arms.candidate is not None
    assert (arms.candidate.version, arms.sequence) == (second, registry.aliases().sequence)
    promote(settings, second)
    assert follower.look()
    after = follower.book.present.arms[SHARED]
    assert (after.champion, after.candidate) == (arms.candidate, None)
    assert first != second


def test_a_segments_registry_serves_that_segment(settings: Settings, encoders: Encoders, clock: Clock) -> None:
    shared = serve(settings)
    follower = follow(settings, encoders, clock)
    assert follower.book.present.scopes == ()
    french = publish(settings, FRENCH)
    assert french != shared  # one name never means two versions
    registry_of(settings, FRENCH).assign(CANDIDATE, french)
    assert follower.look()
    # Nothing serves the segment alone yet, so its trial is against what serves everybody.
    arms = follower.book.present.arms[FRENCH]
    assert (arms.champion.version, arms.candidate and arms.candidate.version) == (shared, french)
    assert follower.book.present.arms[SHARED].candidate is None
    promote(settings, french, FRENCH)
    assert follower.look()
    assert (champion(follower), champion(follower, FRENCH)) == (shared, french)


@pytest.mark.parametrize(("base", "kind"), [("all-MiniLM-L6-v2", "extractive"), ("hashing", "causal")])
def test_what_was_learned_for_something_else_is_told_and_left(
    settings: Settings, encoders: Encoders, clock: Clock, base: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    name = publish(settings, base=base, kind=kind)
    promote(settings, name)
    with caplog.at_level(logging.WARNING):
        follower = follow(settings, encoders, clock)
    assert (champion(follower), follower.problems) == ("base-extractive", ())
    assert "so its base serves" in caplog.text
    with pytest.raises(ApiError) as unknown:
        follower.book.named(f"groundloop@{name}", "a")
    assert unknown.value.status == 404


def test_a_query_adapter_for_another_encoder_is_left_out(settings: Settings, encoders: Encoders, clock: Clock) -> None:
    name = publish(settings, query_for="all-MiniLM-L6-v2")
    promote(settings, name)
    served = follow(settings, encoders, clock).book.route("a")
    assert (served.version, served.questions) == (name, None)


def test_a_damaged_version_does_not_take_over_until_it_is_whole_again(
    settings: Settings, encoders: Encoders, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    outcomes: list[str] = []
    first = serve(settings)
    follower = follow(settings, encoders, clock)
    follower.counted = outcomes.append
    kept = follower.book.present.arms[SHARED].champion
    second = serve(settings)
    registry = registry_of(settings, SHARED)
    damage(registry, second)
    with caplog.at_level(logging.ERROR):
        follower.look()
    assert follower.book.present.arms[SHARED].champion is kept
    (problem,) = follower.problems
    assert (problem.version, problem.scope) == (second, SHARED)
    assert second in caplog.text
    assert outcomes == ["failed", "swapped"]  # swapped: the aliases have another sequence
    clock.now += RETRY_S - 1
    assert not follower.look()
    damage(registry, second)  # the flipped bit back: as when somebody restores the file
    clock.now += 1
    assert follower.look()
    assert (champion(follower), follower.problems) == (second, ())
    assert first != second


def test_a_damaged_champion_at_the_start_gives_way_to_the_one_before(
    settings: Settings, encoders: Encoders, clock: Clock
) -> None:
    first, second = serve(settings), serve(settings)
    damage(registry_of(settings, SHARED), second)
    follower = follow(settings, encoders, clock)
    assert champion(follower) == first
    assert [problem.version for problem in follower.problems] == [second]


def pin(follower: Follower, name: str) -> None:
    """Pin a version as a client does that asks again when it is told to."""
    end = time.monotonic() + 60
    told = 0
    while time.monotonic() < end:
        try:
            served = follower.book.named(f"groundloop@{name}", "a")
        except ApiError as error:
            if (error.status, error.retry_after_s, error.code) != (503, 1, "version_unavailable"):
                raise
            told += 1
            time.sleep(0.005)
        else:
            assert (served.version, served.role) == (name, "pinned")
            assert told
            return
    raise AssertionError("it never came")


def test_a_version_is_pinned_by_loading_it_and_only_so_many_stay(
    settings: Settings, encoders: Encoders, clock: Clock
) -> None:
    first, second, third = (publish(settings) for _ in range(3))
    follower = follow(settings, encoders, clock)

    for name in (first, second, third):
        pin(follower, name)
    names = [one.version for one in follower.book.list()]
    assert names == ["base-extractive", third]  # one pin is kept, and the start is never given up
    assert follower.book.named("groundloop", "a").version == "base-extractive"
    damage(registry_of(settings, SHARED), second)
    end = time.monotonic() + 60
    while True:
        with pytest.raises(ApiError) as refused:
            follower.book.named(second, "a")
        if refused.value.retry_after_s == 30:
            break
        assert time.monotonic() < end
    assert "does not load" in refused.value.message
    with pytest.raises(ApiError) as unknown:
        follower.book.named("v000099-extractive", "a")
    assert unknown.value.status == 404


def test_a_scopes_version_cannot_be_pinned_from_outside(settings: Settings, encoders: Encoders, clock: Clock) -> None:
    french = publish(settings, FRENCH)
    follower = follow(settings, encoders, clock)
    for _ in range(2):
        with pytest.raises(ApiError) as refused:
            follower.book.named(f"groundloop@{french}", "a")
        assert refused.value.status == 404
        with pytest.raises(ApiError) as loading:
            follower.book.named(f"groundloop@{french}", "a", FRENCH)
        if loading.value.status == 503:
            break


def test_what_serves_is_the_same_for_whoever_reads_the_folders(
    settings: Settings, encoders: Encoders, clock: Clock
) -> None:
    follower = follow(settings, encoders, clock)
    for number in range(4):
        serve(settings, weight=float(number))
    registry_of(settings, SHARED).rollback()
    follower.look()
    fresh = follow(settings, encoders, clock)
    assert champion(fresh) == champion(follower)
    arms: list[Arms] = [one.book.present.arms[SHARED] for one in (fresh, follower)]
    assert arms[0].sequence == arms[1].sequence


def test_a_version_learned_from_another_start_does_not_serve(settings: Settings, encoders: Encoders) -> None:
    plain = settings.model_copy(update={"extractive_start": "similarity"})
    shipped = serve(settings)
    follower = Follower(plain, Loader(plain, encoders))
    assert champion(follower) == "base-extractive"
    name = publish(settings, base="hashing (similarity)")
    promote(settings, name)
    assert follower.look()
    assert champion(follower) == name != shipped
