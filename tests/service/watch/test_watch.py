"""From votes in the log to a moved alias, on a real Redis."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import RedisError

from service.cycles import store
from service.redis.calls import ask
from service.scopes import SHARED, Scope
from service.settings import load_settings
from service.watch import keys
from service.watch.run import watch
from service.watch.trials import Done
from tests.service.watch.world import BASE, QUICK, World


@pytest.fixture
def world(tmp_path: Path, redis_url: str) -> Iterator[World]:
    made = World(tmp_path, redis_url)
    yield made
    made.client.close()


def look(world: World) -> list[Done]:
    return watch(world.settings, QUICK)


def history(world: World, scope: Scope = SHARED) -> list[dict[str, Any]]:
    found: Any = world.client.lrange(keys.history(scope), 0, -1)
    return [json.loads(one) for one in found]


def decision(world: World) -> dict[str, Any]:
    told: Any = world.client.hget(keys.trial(world.scope), "decision")
    found: dict[str, Any] = json.loads(told)
    return found


def of_cycle(world: World, version: str) -> str:
    """Enter a finished cycle that published a version."""
    made = ask(world.client, store.create(str(world.scope), "operator"))
    token = ask(world.client, store.claim(made.id, "test", 30.0))
    assert token is not None
    assert ask(world.client, store.finish(made.id, token, "candidate", "may be tried", version=version))
    return made.id


def state_of(world: World, cycle_id: str) -> str:
    found = ask(world.client, store.get(cycle_id))
    assert found is not None
    return found.state


def test_where_nothing_is_on_trial_nothing_is_done(world: World) -> None:
    assert look(world) == []
    assert not world.client.keys("gl:trial:*")


def test_votes_promote_a_candidate_that_was_only_tried(world: World) -> None:
    name = world.on_trial()
    cycle = of_cycle(world, name)
    heard = world.client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
    heard.subscribe("gl:versions")
    heard.get_message(timeout=1)
    assert look(world) == []
    assert decision(world)["missing"] == "0 of 20 judgements on answers that differ"
    world.judge(name, 12, better=0.7)
    assert look(world) == []
    assert decision(world)["evidence"]["counts"]["judged"] == 12
    world.judge(name, 80, better=0.95, seed=1)
    (done,) = look(world)
    assert (done.action, done.version) == ("promote", name)
    assert world.registry.alias("champion") == name
    assert world.registry.alias("candidate") is None
    move = world.registry.aliases().moves[-1]
    assert (move.who, move.evidence is not None, move.why) == ("watch", True, done.reason)
    told = heard.get_message(timeout=5)
    assert told is not None
    assert json.loads(told["data"])["version"] == name
    heard.close()
    assert state_of(world, cycle) == "promoted"
    (ended,) = history(world)
    assert (ended["version"], ended["became"], ended["by"]) == (name, "promoted", "watch")
    assert ended["decision"]["evidence"]["counts"]["duels"] > 20
    assert world.client.hget(keys.DECISIONS, "promote") == b"1"
    assert not world.client.exists(keys.trial(SHARED), keys.trial_seen(SHARED))


def test_votes_send_a_bad_candidate_back(world: World) -> None:
    name = world.on_trial(proven=True)
    cycle = of_cycle(world, name)
    look(world)
    world.judge(name, 60, better=0.2)
    (done,) = look(world)
    assert (done.action, world.registry.alias("candidate"), world.registry.alias("champion")) == (
        "rollback",
        None,
        BASE,
    )
    assert state_of(world, cycle) == "rolled_back"
    assert look(world) == []
    assert len(history(world)) == 1


def test_a_vote_that_was_changed_counts_once_as_it_stands(world: World) -> None:
    name = world.on_trial()
    look(world)
    world.judge(name, 12, better=1.0)
    look(world)
    before = decision(world)["evidence"]["counts"]
    entries: Any = world.client.xrange("gl:feedback")
    votes = [(fields[b"a"].decode(), fields[b"u"].decode()) for _, fields in entries if fields[b"k"] == b"vote"]

    async def change(log: Any) -> None:
        from service.feedback.records import Vote

        answer, voter = votes[0]
        await log.vote(answer, Vote(), voter)  # withdrawn

    from tests.service.cycles.filling import fill_log

    fill_log(world.settings, change)
    look(world)
    assert decision(world)["evidence"]["counts"]["judged"] == before["judged"] - 1


@pytest.mark.parametrize(
    "changed",
    [{"same": True}, {"trial": "v000099-extractive"}, {"propensity": 1.0}],
    ids=["both say the same", "of another trial", "not by chance"],
)
def test_thumbs_that_tell_nothing_of_this_trial_are_left_out(world: World, changed: dict[str, Any]) -> None:
    name = world.on_trial()
    look(world)
    world.judge(name, 16, better=1.0, **changed)
    look(world)
    counts = decision(world)["evidence"]["counts"]
    assert counts["candidate_thumbs"] + counts["champion_thumbs"] == 0
    assert counts["duels"] == (0 if "trial" in changed else counts["judged"])


def test_voters_whom_an_operator_excluded_do_not_count(world: World) -> None:
    name = world.on_trial()
    look(world)
    world.judge(name, 8, better=1.0, voter="one")
    world.judge(name, 10, better=1.0)
    look(world)
    assert decision(world)["evidence"]["counts"]["voters"] == 11
    world.client.hset("gl:voters:excluded", "key:one", json.dumps({"reason": "spam", "at": 0, "by": "op"}))
    look(world)
    assert decision(world)["evidence"]["counts"]["voters"] == 10


def test_nobody_is_named_in_what_is_kept(world: World) -> None:
    name = world.on_trial()
    look(world)
    world.judge(name, 10, better=1.0)
    look(world)
    kept: Any = [world.client.hgetall(key) for key in world.client.keys("gl:trial:*")]
    assert "key:v" not in str(kept)


def test_the_guards_read_what_was_served_since_the_trial_began(world: World) -> None:
    name = world.on_trial()
    world.client.hset(keys.served(name), mapping={"answers": 1000, "errors": 900})  # an earlier trial's
    look(world)
    for version, errors in ((name, 40), (BASE, 0)):
        world.client.hincrby(keys.served(version), "answers", 200)
        world.client.hincrby(keys.served(version), "errors", errors)
    (done,) = watch(world.settings)
    assert done.reason.startswith("errors: 16.7 % of 240")


def test_a_doubled_look_makes_one_move(world: World) -> None:
    name = world.on_trial()
    look(world)
    world.judge(name, 60, better=0.2)
    with world.client.lock(keys.LOCK, timeout=30):
        assert look(world) == []
    assert len(look(world)) == 1
    assert look(world) == []
    assert [move.alias for move in world.registry.aliases().moves] == ["candidate", "candidate"]


def test_what_a_person_moved_in_between_is_respected(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    name = world.on_trial()
    cycle = of_cycle(world, name)
    look(world)
    world.judge(name, 60, better=1.0)
    promote = world.registry.__class__.promote

    def slow(self: Any, *given: Any, **how: Any) -> Any:
        world.registry.assign("candidate", None, who="a person", why="I saw what it says")
        return promote(self, *given, **how)

    monkeypatch.setattr(world.registry.__class__, "promote", slow)
    assert look(world) == []
    assert (world.registry.alias("champion"), world.registry.alias("candidate")) == (BASE, None)
    assert look(world) == []
    (ended,) = history(world)
    assert (ended["became"], ended["by"], ended["reason"]) == ("rolled_back", "a person", "I saw what it says")
    assert state_of(world, cycle) == "rolled_back"
    assert world.client.hget(keys.DECISIONS, "rollback") is None


def test_a_watch_that_was_stopped_after_the_move_tells_it_at_the_next_look(world: World) -> None:
    name = world.on_trial()
    cycle = of_cycle(world, name)
    look(world)
    state = world.registry.aliases()
    world.registry.assign("candidate", None, expected=state.sequence, who="watch", why="it is worse")
    assert state_of(world, cycle) == "candidate"
    assert look(world) == []
    assert state_of(world, cycle) == "rolled_back"
    assert len(history(world)) == 1


def test_what_the_gate_refused_is_never_promoted_by_votes(world: World) -> None:
    name = world.publish()
    world.champion = "v000077-extractive"  # judged against something that does not serve
    other = world.publish()
    world.champion = BASE
    world.registry.assign("candidate", other, who="an operator")
    look(world)
    world.judge(other, 100, better=1.0)
    assert look(world) == []
    assert "judge it again" in decision(world)["missing"]
    assert world.registry.alias("candidate") == other
    assert name != other


def test_a_new_champion_by_hand_ends_the_trial_beside_the_old_one(world: World) -> None:
    first = world.publish(weight=1.0)
    world.on_trial()
    look(world)
    world.registry.promote(first, force=True, why="by hand")
    (done,) = look(world)
    assert (done.action, done.reason) == ("rollback", f"{first} serves now, and it was tried beside {BASE}")


def test_while_redis_is_away_nothing_happens(tmp_path: Path, world: World) -> None:
    name = world.on_trial()
    away = load_settings(home=world.settings.home, redis_url="redis://127.0.0.1:1/0")
    with pytest.raises((RedisError, OSError)):
        watch(away, QUICK)
    assert world.registry.alias("candidate") == name


def test_a_segment_has_a_trial_of_its_own(tmp_path: Path, redis_url: str) -> None:
    made = World(tmp_path, redis_url, Scope("segment", "de:seen"))
    name = made.on_trial()
    look(made)
    made.judge(name, 80, better=0.95, segment="de:seen")
    (done,) = look(made)
    assert (done.action, done.scope) == ("promote", made.scope)
    assert made.registry.alias("champion") == name
    assert len(history(made, made.scope)) == 1
    made.client.close()


def test_a_champion_whose_votes_turn_goes_back_by_itself(world: World) -> None:
    world.thumbs(BASE, 100, up=0.6)
    name = world.on_trial(proven=True)
    world.registry.promote(name, who="a person")
    cycle = of_cycle(world, name)
    assert look(world) == []
    world.thumbs(name, 120, up=0.2)
    (done,) = look(world)
    assert (done.action, world.registry.alias("champion")) == ("probation", BASE)
    assert done.reason.startswith("live votes turned against it: ")
    assert state_of(world, cycle) == "rolled_back"
    assert look(world) == []
    assert len(history(world)) == 1


def test_a_champion_by_force_stays(world: World) -> None:
    world.thumbs(BASE, 100, up=0.6)
    name = world.publish()
    world.registry.promote(name, force=True, why="I know better")
    look(world)
    world.thumbs(name, 120, up=0.1)
    assert look(world) == []
    assert world.registry.alias("champion") == name
