"""Publishing, promoting, rolling back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from retrieval.embed import Embedder
from tests.training.registry.making import adapter, card, flip_bit, promoted, published, verdict
from training.policy.extractive import ExtractivePolicy, Prior, load_residual
from training.registry import (
    BASE,
    BadCard,
    ModelCard,
    NoSuchVersion,
    NothingBefore,
    NotPromotable,
    Registry,
    StaleWriter,
    VersionDamaged,
)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    ticks = iter(range(1_000, 100_000))
    return Registry(tmp_path / "registry", clock=lambda: float(next(ticks)))


def test_an_empty_registry_serves_the_shipped_start(registry: Registry) -> None:
    serving = registry.champion()
    assert (serving.version.name, serving.sequence, serving.problems) == (BASE, 0, ())
    assert registry.alias("champion") == BASE
    assert registry.alias("candidate") is None
    assert registry.token() == (0, 0, 0)
    assert [line.name for line in registry.list()] == [BASE]
    assert not registry.root.exists()


def test_the_shipped_start_says_where_it_comes_from(registry: Registry) -> None:
    base = registry.get(BASE)
    assert (base.number, base.path, base.adapter) == (0, None, None)
    assert base.card.base == Prior.fitted_encoder()
    assert "covidqa (half of the articles)" in base.card.data
    assert base.card.licences["multihop_hotpotqa"] == "CC BY-SA 4.0"


def test_what_was_published_is_read_back(registry: Registry) -> None:
    version = registry.publish(adapter(3), card(summary="First.", parents=(BASE,), data_hashes={"records": "ab"}))
    assert version.name == "v000001-extractive"
    assert registry.open(version.name) == version == registry.get(version.name)
    assert version.card == replace(
        card(summary="First.", parents=(BASE,), data_hashes={"records": "ab"}),
        name=version.name,
        created_at=version.card.created_at,
    )
    assert version.adapter is not None
    assert load_residual(version.adapter).pointer.any()
    assert set(version.files) == {"adapter/adapter.json", "adapter/residual.safetensors", "card.json", "card.md"}
    assert "# v000001-extractive" in (version.adapter.parent / "card.md").read_text()


def test_files_and_folders_are_copied(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").write_text("A")
    version = registry.publish(
        {"adapter": tmp_path / "folder", "reward/b": tmp_path / "folder" / "a", "c": b"C"}, card()
    )
    assert version.path is not None
    assert (version.path / "adapter" / "a").read_text() == "A"
    assert (version.path / "reward" / "b").read_text() == "A"
    assert (version.path / "c").read_bytes() == b"C"


@pytest.mark.parametrize("path", ["/etc/x", "../x", "a/../../x", "card.json", "", "manifest.json"])
def test_a_file_cannot_leave_its_version_or_pose_as_the_registry(registry: Registry, path: str) -> None:
    with pytest.raises(BadCard, match="cannot be a file"):
        registry.publish({path: b"x"}, card())
    assert [line.name for line in registry.list()] == [BASE]


def test_numbers_are_never_used_twice(registry: Registry) -> None:
    names = [published(registry, seed).name for seed in range(3)]
    assert names == ["v000001-extractive", "v000002-extractive", "v000003-extractive"]
    registry.prune(keep=0)
    (registry.root / "LAST").unlink()
    assert published(registry).name == "v000004-extractive"
    assert registry.publish(adapter(), card(kind="causal")).name == "v000005-causal"


def test_promotion_and_the_way_back(registry: Registry) -> None:
    first, second = promoted(registry, 1), promoted(registry, 2)
    assert registry.champion().version.name == second.name
    registry.rollback(who="amy", why="thumbs went down")
    assert registry.champion().version.name == first.name
    registry.rollback()
    assert registry.champion().version.name == BASE
    with pytest.raises(NothingBefore):
        registry.rollback()

    moves = registry.aliases().moves
    assert [(move.kind, move.before, move.after) for move in moves] == [
        ("promote", BASE, first.name),
        ("promote", first.name, second.name),
        ("rollback", second.name, first.name),
        ("rollback", first.name, BASE),
    ]
    assert (moves[2].who, moves[2].why, moves[2].sequence) == ("amy", "thumbs went down", 3)
    assert moves[1].at < moves[2].at


def test_a_version_that_was_rolled_back_may_be_promoted_again(registry: Registry) -> None:
    version = promoted(registry)
    registry.rollback()
    registry.promote(version.name)
    assert registry.champion().version.name == version.name


def test_promoting_the_shipped_start_ends_the_line(registry: Registry) -> None:
    promoted(registry)
    registry.promote(BASE)
    assert registry.champion().version.name == BASE
    with pytest.raises(NothingBefore):
        registry.rollback()


@pytest.mark.parametrize(
    ("judged", "says"),
    [
        (None, "was not judged"),
        (verdict(passed=False), "did not pass"),
        ({**verdict(passed=False), "passed": True}, "did not pass"),  # what it claims is not what its checks say
        ({**verdict(), "checks": []}, "did not pass"),
        (verdict(champion="v000009-extractive"), "judged against v000009-extractive, and base-extractive serves"),
    ],
    ids=["none", "failed", "claimed", "no checks", "other champion"],
)
def test_what_the_gate_did_not_pass_is_promoted_by_force_only(
    registry: Registry, judged: dict[str, object] | None, says: str
) -> None:
    version = registry.publish(adapter(), card(verdict=judged))
    with pytest.raises(NotPromotable, match=says):
        registry.promote(version.name)
    with pytest.raises(NotPromotable, match="needs a reason"):
        registry.promote(version.name, force=True, why=" ")
    assert registry.champion().version.name == BASE
    registry.promote(version.name, force=True, why="demo for the board", who="amy")
    assert registry.champion().version.name == version.name
    assert (registry.aliases().moves[-1].forced, registry.aliases().moves[-1].why) == (True, "demo for the board")


def test_force_does_not_promote_what_is_damaged(registry: Registry) -> None:
    version = published(registry)
    assert version.path is not None
    flip_bit(version.path / "adapter" / "residual.safetensors", 40)
    with pytest.raises(VersionDamaged, match="residual"):
        registry.promote(version.name, force=True, why="hurry")


def test_a_writer_who_looked_too_early_is_refused(registry: Registry) -> None:
    first, second = published(registry, 1), published(registry, 2)
    seen = registry.aliases().sequence
    registry.promote(first.name, expected=seen)
    with pytest.raises(StaleWriter, match=f"now 1, not 0: promote of champion to {first.name}"):
        registry.promote(second.name, expected=seen, force=True, why="mine")
    with pytest.raises(StaleWriter):
        registry.rollback(expected=seen)
    with pytest.raises(StaleWriter):
        registry.assign("candidate", second.name, expected=seen)
    assert registry.champion().version.name == first.name


def test_the_candidate_becomes_champion_in_one_move(registry: Registry) -> None:
    version = published(registry)
    before = registry.token()
    registry.assign("candidate", version.name, who="cycle")
    assert registry.alias("candidate") == version.name
    assert registry.get("candidate").name == version.name
    assert registry.champion().version.name == BASE
    between = registry.token()
    registry.promote(version.name)
    assert registry.alias("candidate") is None
    assert len({before, between, registry.token()}) == 3


def test_a_candidate_can_be_taken_away(registry: Registry) -> None:
    version = published(registry)
    registry.assign("candidate", version.name)
    registry.assign("candidate", None, why="live votes")
    assert registry.alias("candidate") is None
    assert registry.aliases().moves[-1].before == version.name


@pytest.mark.parametrize("alias", ["champion", BASE, "v000001-extractive", "a b", ""])
def test_some_names_are_no_aliases(registry: Registry, alias: str) -> None:
    version = published(registry)
    with pytest.raises(NotPromotable):
        registry.assign(alias, version.name)


def test_unknown_versions_are_named(registry: Registry) -> None:
    for call in (registry.get, registry.open, registry.promote, registry.verify):
        with pytest.raises(NoSuchVersion, match="v000007-causal"):
            call("v000007-causal")
    with pytest.raises(NoSuchVersion):
        registry.get("../../etc")


def test_marks_stand_beside_the_version_and_stop_its_promotion(registry: Registry) -> None:
    version = published(registry)
    assert version.path is not None
    before = sorted((path, path.stat().st_mtime_ns) for path in version.path.rglob("*"))
    registry.mark(version.name, "data of a user were erased", who="admin", data=("ab12",))
    (mark,) = registry.get(version.name).marks
    assert (mark.reason, mark.who, mark.data) == ("data of a user were erased", "admin", ("ab12",))
    assert sorted((path, path.stat().st_mtime_ns) for path in version.path.rglob("*")) == before
    with pytest.raises(NotPromotable, match="erased"):
        registry.promote(version.name)


def test_pruning_keeps_what_serves_served_or_is_on_trial_and_every_card(registry: Registry) -> None:
    served, serves = promoted(registry, 1), promoted(registry, 2)
    registry.rollback()
    versions = [published(registry, seed) for seed in range(3, 8)]
    registry.assign("candidate", versions[0].name)
    assert registry.prune(keep=1) == tuple(version.name for version in reversed(versions[1:4]))
    left = [line.name for line in registry.list()]
    assert left == [versions[4].name, versions[0].name, serves.name, served.name, BASE]
    card = registry.retired(versions[1].name)
    assert card is not None
    assert card.name == versions[1].name
    with pytest.raises(NoSuchVersion, match="pruned"):
        registry.get(versions[1].name)


def test_the_list_names_aliases_and_damage(registry: Registry) -> None:
    first, second = promoted(registry, 1), published(registry, 2)
    registry.assign("candidate", second.name)
    assert first.path is not None
    (first.path / "manifest.json").unlink()
    lines = {line.name: line for line in registry.list()}
    assert lines[first.name].version is None
    assert "manifest.json" in lines[first.name].problem
    assert lines[first.name].aliases == ("champion",)
    assert lines[second.name].aliases == ("candidate",)


def test_a_published_adapter_serves(registry: Registry, minilm: Embedder) -> None:
    version = promoted(registry, 5)
    policy = ExtractivePolicy.load(minilm, adapter=version.adapter, version=version.name)
    assert policy.residual.named()


def test_a_damaged_version_is_found_by_verify(registry: Registry) -> None:
    first, second = published(registry, 1), published(registry, 2)
    assert second.path is not None
    flip_bit(second.path / "adapter" / "residual.safetensors", 99, 3)
    found = registry.verify()
    assert found[first.name] == ""
    assert "residual.safetensors does not match its SHA-256" in found[second.name]
    assert registry.verify(first.name) == {first.name: ""}


def test_cards_of_a_later_program_keep_what_is_known() -> None:
    data = {**card().as_dict(), "something_new": 1}
    assert ModelCard.from_dict(data) == card()
