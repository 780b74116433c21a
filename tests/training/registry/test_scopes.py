"""Registries of scopes beside the shared one: names of their own, and who is replaced."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.training.registry.making import adapter, card, promoted, published, verdict
from training.registry import BASE, NotPromotable, Registry


def test_no_two_versions_share_a_name_whatever_they_were_made_for(tmp_path: Path) -> None:
    roots = ["extractive", "extractive+segment.de", "extractive+segment.fr", "causal"]
    registries = [Registry(tmp_path / root) for root in roots]
    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(lambda n: (n % 4, published(registries[n % 4], n).name), range(24)))
    ours = [name for at, name in names if at != 3]
    assert len(set(ours)) == len(ours) == 18
    assert sorted(name for at, name in names if at == 3) == [f"v{n:06d}-extractive" for n in range(1, 7)]


def test_numbers_are_not_used_again_when_their_file_is_lost(tmp_path: Path) -> None:
    shared, segment = Registry(tmp_path / "extractive"), Registry(tmp_path / "extractive+segment.de")
    published(shared)
    assert published(segment).name == "v000002-extractive"
    (tmp_path / "extractive" / "LAST").unlink()
    assert published(shared).name == "v000003-extractive"


def test_a_segments_first_version_must_have_beaten_the_shared_champion(tmp_path: Path) -> None:
    shared, segment = Registry(tmp_path / "extractive"), Registry(tmp_path / "extractive+segment.de")
    serving = promoted(shared).name
    against_base = segment.publish(adapter(1), card(verdict=verdict(champion=BASE)))
    against_shared = segment.publish(adapter(2), card(verdict=verdict(champion=serving)))
    with pytest.raises(NotPromotable, match=f"judged against {BASE}, and {serving} serves"):
        segment.promote(against_base.name)
    segment.promote(against_shared.name)
    assert shared.alias("champion") == serving
    # From now on it is its own champion that is replaced, whatever happens to the shared one.
    promoted(shared, 3)
    next_one = segment.publish(adapter(4), card(verdict=verdict(champion=against_shared.name)))
    segment.promote(next_one.name)
    segment.rollback()
    segment.rollback()
    assert segment.aliases().champions == ()
