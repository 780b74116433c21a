"""Of several attempts at a job only the newest publishes."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.training.registry.making import adapter, card
from training.registry import Fence, Registry, StaleWriter
from training.registry.fences import highest


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry")


def test_an_older_attempt_is_refused_whatever_it_brings(registry: Registry) -> None:
    old, new = Fence("job-1", 1), Fence("job-1", 2)
    registry.fence(old)
    first = registry.publish(adapter(), card(), fence=old)
    registry.fence(new)
    for refused in (
        lambda: registry.fence(old),
        lambda: registry.publish(adapter(), card(), fence=old),
        lambda: registry.assign("candidate", first.name, fence=old),
    ):
        with pytest.raises(StaleWriter, match="attempt 1 at job-1 was given up for dead, and attempt 2 goes on"):
            refused()
    assert [line.name for line in registry.list()] == [first.name, registry.base]
    assert registry.alias("candidate") is None
    registry.assign("candidate", first.name, fence=new)
    assert registry.alias("candidate") == first.name


def test_an_attempt_may_come_again_and_publishing_is_a_sign_of_it(registry: Registry) -> None:
    registry.fence(Fence("job-1", 3))
    registry.fence(Fence("job-1", 3))
    registry.publish(adapter(), card(), fence=Fence("job-1", 5))
    assert highest(registry.root, "job-1") == 5


def test_jobs_do_not_stand_in_each_others_way(registry: Registry) -> None:
    registry.fence(Fence("job-1", 9))
    registry.fence(Fence("../../job", 1))
    assert highest(registry.root, "job-1") == 9
    assert highest(registry.root, "job-2") == 0
    registry.publish(adapter(), card())  # what has no attempts needs no fence
    assert len(list((registry.root / "fences").iterdir())) == 2


def test_nothing_older_lands_once_a_newer_attempt_has_begun(registry: Registry) -> None:
    """Eighteen attempts publish while newer ones begin: what landed, landed before its fence was passed."""

    def attempt(token: int) -> None:
        try:
            registry.fence(Fence("job", token))
            registry.publish(adapter(), card(), fence=Fence("job", token))
        except StaleWriter:
            pass

    threads = [threading.Thread(target=attempt, args=(token,)) for token in range(1, 19)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    before = len(registry.list())
    assert highest(registry.root, "job") == 18
    assert before >= 2  # the newest one was never refused
    for token in range(1, 18):
        with pytest.raises(StaleWriter):
            registry.publish(adapter(), card(), fence=Fence("job", token))
    assert len(registry.list()) == before
