"""What serves: sticky shares, scopes, pins; and that nothing is closed while somebody answers with it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import ApiError
from service.policies import PolicyBook
from service.scopes import SHARED, Scope
from service.versions.served import Loaded
from service.versions.snapshot import Arms, Snapshot, in_share
from tests.service.versions.policies import NamedPolicy

FRENCH, BOARD = Scope("segment", "fr"), Scope("collection", "vs_board")


def loaded(version: str, scope: Scope = SHARED) -> Loaded:
    """Give a loaded version."""
    return Loaded(NamedPolicy(version), scope=scope)


def closed(one: Loaded) -> int:
    """Tell how often it was closed."""
    assert isinstance(one.policy, NamedPolicy)
    return one.policy.closed


def until_closed(one: Loaded) -> None:
    """Wait for the thread that closes."""
    end = time.monotonic() + 20
    while not closed(one):
        assert time.monotonic() < end
        time.sleep(0.002)


def test_without_a_candidate_the_champion_answers_everybody() -> None:
    book = PolicyBook([NamedPolicy("v1"), NamedPolicy("base")], loaded_at=1.0)
    served = book.route("anybody")
    assert (served.version, served.role, served.propensity, served.trial) == ("v1", "champion", 1.0, None)
    assert [(one.version, one.routed, one.role) for one in book.list()] == [
        ("v1", True, "champion"),
        ("base", False, "pinned"),
    ]


def test_a_candidate_answers_its_share_and_every_person_keeps_their_arm() -> None:
    arms = Arms(loaded("v1"), loaded("v2"))
    snapshot = Snapshot({SHARED: arms}, share=0.2)
    people = [f"user-{number}" for number in range(5_000)]
    first = {person: snapshot.route(person) for person in people}
    share = sum(served.role == "candidate" for served in first.values()) / len(people)
    assert 0.18 < share < 0.22  # 0.2 within 3.5 standard errors
    assert {(one.role, one.version, one.propensity, one.trial) for one in first.values()} == {
        ("candidate", "v2", 0.2, "v2"),
        ("champion", "v1", 0.8, "v2"),
    }
    again = Snapshot({SHARED: arms}, share=0.2)
    assert all(again.route(person).version == served.version for person, served in first.items())
    another = Snapshot({SHARED: Arms(loaded("v1"), loaded("v3"))}, share=0.2)
    both = sum(first[one].role == another.route(one).role == "candidate" for one in people) / len(people)
    assert both < 0.06  # the next trial asks other people: 0.04 by chance


@given(st.text(), st.text())
def test_a_share_of_all_is_everybody_and_of_none_nobody(candidate: str, identity: str) -> None:
    assert in_share(candidate, identity, 1.0)
    assert not in_share(candidate, identity, 0.0)


def test_a_scopes_versions_answer_only_its_requests() -> None:
    snapshot = Snapshot(
        {SHARED: Arms(loaded("v1"), loaded("v2")), FRENCH: Arms(loaded("v3", FRENCH), loaded("v4", FRENCH))},
        {"v9": loaded("v9", BOARD)},
        share=1.0,
    )
    assert snapshot.route("a").version == "v2"
    assert (snapshot.route("a", FRENCH).version, snapshot.route("a", FRENCH).scope) == ("v4", FRENCH)
    assert (snapshot.route("a", BOARD).version, snapshot.route("a", BOARD).scope) == ("v2", SHARED)
    assert snapshot.scopes == (FRENCH,)
    rivals = snapshot.rivals(FRENCH)
    assert rivals is not None
    assert [one.version for one in rivals] == ["v3", "v4"]
    # Pins do not open a scope either.
    assert snapshot.pinned("v9") is None
    assert snapshot.pinned("v9", FRENCH) is None
    pinned = snapshot.pinned("v9", BOARD)
    assert pinned is not None
    assert pinned.role == "pinned"
    assert snapshot.pinned("v1", FRENCH) is not None


def test_an_unknown_version_is_fetched_first_and_refused_with_those_that_exist() -> None:
    book = PolicyBook([NamedPolicy("v1")], loaded_at=0)
    asked = []

    def fetch(version: str, scope: Scope) -> None:
        asked.append((version, scope))
        if version == "v7":
            raise ApiError(503, "it is being loaded", retry_after_s=2)

    book.fetch_with(fetch)
    with pytest.raises(ApiError, match="loaded") as loading:
        book.named("groundloop@v7", "a", FRENCH)
    assert (loading.value.status, loading.value.retry_after_s) == (503, 2)
    with pytest.raises(ApiError, match="`groundloop@v1`") as unknown:
        book.named("groundloop@v8", "a")
    assert unknown.value.status == 404
    assert asked == [("v7", FRENCH), ("v8", SHARED)]


def test_what_a_swap_replaced_is_closed_after_its_last_answer() -> None:
    old, new, kept = loaded("v1"), loaded("v2"), loaded("base")
    book = PolicyBook(Snapshot({SHARED: Arms(old)}, {"base": kept}))
    first, second = book.lease(), book.lease()
    book.swap(Snapshot({SHARED: Arms(new)}, {"base": kept}))
    assert book.route("a").version == "v2"
    assert first.snapshot.route("a").version == "v1"  # an answer that began with it ends with it
    assert (book.leases, book.draining) == (2, ("v1",))
    first.release()
    first.release()  # again does nothing
    assert closed(old) == 0
    working: Future[None] = Future()
    second.release_after(working)
    assert closed(old) == 0  # the reader has left, its thread is in the middle of a step
    working.set_result(None)
    until_closed(old)
    assert (book.leases, book.draining) == (0, ())
    assert closed(new) == closed(kept) == 0
    book.close()
    assert [closed(one) for one in (old, new, kept)] == [1, 1, 1]


def test_a_version_that_comes_back_is_not_closed_by_its_first_end() -> None:
    one, two = loaded("v1"), loaded("v2")
    book = PolicyBook(Snapshot({SHARED: Arms(one)}))
    lease = book.lease()
    book.swap(Snapshot({SHARED: Arms(two)}))
    book.swap(Snapshot({SHARED: Arms(one)}))  # a rollback while answers of the first are open
    lease.release()
    until_closed(two)
    assert closed(one) == 0
    book.close()


def test_nothing_in_use_is_ever_closed_under_many_swaps() -> None:
    book = PolicyBook(Snapshot({SHARED: Arms(loaded("v0"))}))
    every: list[Loaded] = [book.present.arms[SHARED].champion]
    stop = threading.Event()

    def answers() -> int:
        count = 0
        while not stop.is_set():
            with book.lease() as lease:
                served = lease.snapshot.route("somebody")
                assert isinstance(served.policy, NamedPolicy)
                assert not served.policy.closed
                count += 1
            time.sleep(0)  # let the swaps happen
        return count

    with ThreadPoolExecutor(3) as pool:
        jobs = [pool.submit(answers) for _ in range(3)]
        for number in range(1, 100):
            every.append(loaded(f"v{number}"))
            book.swap(Snapshot({SHARED: Arms(every[-1])}))
        stop.set()
        assert sum(job.result() for job in jobs) > 0
    assert book.leases == 0
    for one in every[:-1]:
        until_closed(one)
    book.close()
    assert [closed(one) for one in every] == [1] * 100
