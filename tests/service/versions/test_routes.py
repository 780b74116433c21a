"""`/v1/versions`: who may, what is shown, what is refused and why, and what a move settles."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis

from service.cycles import store
from service.models import load_models
from service.redis.calls import ask
from service.scopes import SHARED, Scope
from service.versions.standing import registry_of
from tests.service.http_world import LiveServer, light_settings, running
from tests.training.registry.making import verdict
from training.gate import Check, Verdict
from training.policy.extractive import Residual, adapter_files
from training.registry import ADAPTER, BASE, ModelCard, Registry
from training.statistics import Estimate

FRENCH = Scope("segment", "fr")


@pytest.fixture
def server(tmp_path: Path, redis_url: str) -> Iterator[LiveServer]:
    """Serve an empty home."""
    with running(light_settings(tmp_path, redis_url), load=load_models) as server:
        yield server


@pytest.fixture
def http(server: LiveServer) -> Iterator[httpx.Client]:
    """Give an admin's client."""
    with server.http("admin") as client:
        yield client


def publish(server: LiveServer, scope: Scope = SHARED, *, passed: bool = True, champion: str = BASE) -> str:
    """Publish a judged version."""
    registry = registry_of(server.container.settings, scope)
    files: dict[str, bytes | Path] = {f"{ADAPTER}/{n}": content for n, content in adapter_files(Residual(), {}).items()}
    judged = {**verdict(passed=passed), "champion": champion}
    return registry.publish(files, ModelCard(kind="extractive", base="hashing", verdict=judged)).name


def shared(server: LiveServer) -> Registry:
    """Give the registry."""
    return registry_of(server.container.settings, SHARED)


def code(answer: httpx.Response, status: int) -> str:
    """Give the code of an error that has this status."""
    assert answer.status_code == status, answer.text
    return str(answer.json()["error"]["code"])


def test_an_empty_registry_shows_the_start(http: httpx.Client) -> None:
    (only,) = http.get("/v1/versions").json()["data"]
    assert (only["id"], only["aliases"], only["share"], only["loaded"]) == (BASE, ["champion"], 1, True)
    assert http.get(f"/v1/versions/{BASE}").json()["card"]["base"] == "all-MiniLM-L6-v2"
    assert code(http.post("/v1/versions/rollback", json={}), 409) == "nothing_before"
    assert code(http.post("/v1/versions/rollback", json={"scope": "segment:fr"}), 409) == "nothing_before"


def test_a_version_is_promoted_shown_and_taken_back(server: LiveServer, http: httpx.Client) -> None:
    first = publish(server)
    moved = http.post(f"/v1/versions/{first}/promote", json={"reason": "good"}).json()
    assert moved == {
        "object": "version.move",
        "scope": "shared",
        "alias": "champion",
        "before": BASE,
        "version": first,
        "sequence": 1,
        "cycle": None,
    }
    shown = http.get(f"/v1/versions/{first}").json()
    assert (shown["aliases"], shown["share"], shown["verdict"]["tier"]) == (["champion"], 1, "proven")
    (move,) = shown["moves"]
    assert (move["kind"], move["why"], move["forced"]) == ("promote", "good", False)
    assert move["who"].startswith("key:")
    assert set(shown["files"]) >= {"card.json", f"{ADAPTER}/residual.safetensors"}
    assert http.post("/v1/versions/rollback", json={"reason": "bad"}).json()["version"] == BASE
    assert server.container.policies.route("a").version == BASE


def test_the_list_has_the_figures_of_the_gate(server: LiveServer, http: httpx.Client) -> None:
    measured = Check("win rate", "promotion", "passed", "shown", Estimate(0.61, 0.53, math.inf, 80, 12), 0.5)
    absent = Check("golden set", "veto", "absent", "the operator gave none")
    judged = Verdict("trained", BASE, (measured, absent)).as_dict()
    registry = registry_of(server.container.settings, SHARED)
    files: dict[str, bytes | Path] = {f"{ADAPTER}/{n}": content for n, content in adapter_files(Residual(), {}).items()}
    name = registry.publish(files, ModelCard(kind="extractive", base="hashing", verdict=judged)).name

    rows = {one["id"]: one["figures"] for one in http.get("/v1/versions").json()["data"]}

    figure = {"value": 0.61, "low": 0.53, "high": None, "threshold": 0.5, "n": 80, "outcome": "passed"}
    assert rows == {name: {"win rate": figure}, BASE: {}}
    assert http.get(f"/v1/versions/{name}").json()["figures"] == {"win rate": figure}


def test_the_list_says_what_serves_each_scope_and_how_that_came_to_be(server: LiveServer, http: httpx.Client) -> None:
    first, french = publish(server), publish(server, FRENCH)
    http.post(f"/v1/versions/{first}/trial", json={"reason": "have a look"})
    http.post(f"/v1/versions/{first}/promote", json={"reason": "it is better"})
    http.post(f"/v1/versions/{french}/trial", json={})
    everybodys, frenchs = http.get("/v1/versions").json()["scopes"]
    assert (everybodys["scope"], everybodys["champion"], everybodys["before"]) == ("shared", first, BASE)
    assert (everybodys["sequence"], everybodys["candidate"]) == (2, None)
    assert [(one["alias"], one["why"]) for one in everybodys["moves"]] == [
        ("champion", "it is better"),
        ("candidate", "have a look"),
    ]
    assert (frenchs["scope"], frenchs["candidate"], frenchs["before"]) == ("segment:fr", french, None)
    assert frenchs["champion"] == first  # everybody's serves a segment that has none of its own
    assert http.get("/v1/versions", params={"scope": "segment:fr"}).json()["scopes"] == [frenchs]
    told = http.post("/v1/versions/rollback", json={"expected": everybodys["sequence"]})
    assert told.status_code == 200, told.text


def test_what_the_gate_refused_needs_force_and_a_reason(server: LiveServer, http: httpx.Client) -> None:
    refused = publish(server, passed=False)
    for way in ("promote", "trial"):
        assert code(http.post(f"/v1/versions/{refused}/{way}", json={}), 409) == "not_promotable"
        assert code(http.post(f"/v1/versions/{refused}/{way}", json={"force": True}), 409) == "not_promotable"
    assert shared(server).aliases().sequence == 0
    assert http.post(f"/v1/versions/{refused}/promote", json={"force": True, "reason": "a test"}).status_code == 200
    assert shared(server).aliases().moves[-1].forced


def test_a_trial_begins_ends_and_stands_in_the_way_of_another(server: LiveServer, http: httpx.Client) -> None:
    first, second = publish(server), publish(server)
    assert http.post(f"/v1/versions/{first}/trial", json={}).json()["alias"] == "candidate"
    shares = {one["id"]: one["share"] for one in http.get("/v1/versions").json()["data"]}
    assert shares == {first: 0.2, second: 0, BASE: 0.8}
    told = http.post(f"/v1/versions/{second}/trial", json={})
    assert code(told, 409) == "not_promotable"
    assert first in told.json()["error"]["message"]
    assert code(http.delete(f"/v1/versions/{second}/trial"), 409) == "not_promotable"
    ended = http.delete(f"/v1/versions/{first}/trial", params={"reason": "enough"}).json()
    assert (ended["before"], ended["version"]) == (first, None)
    assert http.post(f"/v1/versions/{second}/trial", json={}).status_code == 200
    assert http.post(f"/v1/versions/{second}/promote", json={}).status_code == 200
    assert code(http.post(f"/v1/versions/{second}/trial", json={}), 409) == "not_promotable"  # it serves already


def test_a_decision_on_what_has_changed_since_is_refused(server: LiveServer, http: httpx.Client) -> None:
    first, second = publish(server), publish(server)
    seen = shared(server).aliases().sequence
    assert http.post(f"/v1/versions/{first}/trial", json={"expected": seen}).status_code == 200
    for route, body in (
        (f"{second}/promote", {"expected": seen}),
        (f"{second}/trial", {"expected": seen, "force": True, "reason": "x"}),
        ("rollback", {"expected": seen}),
    ):
        assert code(http.post(f"/v1/versions/{route}", json=body), 409) in ("stale_sequence", "nothing_before")
    assert shared(server).aliases().sequence == seen + 1


def test_a_scopes_versions_are_their_own(server: LiveServer, http: httpx.Client) -> None:
    everybodys, french = publish(server), publish(server, FRENCH)
    assert http.post(f"/v1/versions/{french}/promote", json={}).json()["scope"] == "segment:fr"
    listed = {one["id"]: (one["scope"], one["share"]) for one in http.get("/v1/versions").json()["data"]}
    assert listed == {everybodys: ("shared", 0), BASE: ("shared", 1), french: ("segment:fr", 1)}
    only = http.get("/v1/versions", params={"scope": "segment:fr"}).json()["data"]
    assert [one["id"] for one in only] == [french]
    assert code(http.get("/v1/versions", params={"scope": "team:fr"}), 400) == "invalid_value"
    assert http.post("/v1/versions/rollback", json={"scope": "segment:fr"}).json()["before"] == french
    assert server.container.policies.present.scopes == ()


def test_unknown_versions_and_odd_bodies(http: httpx.Client) -> None:
    for name in ("v000099-extractive", "nothing", "a%2Fb"):
        for call in (http.get(f"/v1/versions/{name}"), http.post(f"/v1/versions/{name}/promote", json={})):
            assert code(call, 404) in ("version_not_found", "not_found")
    assert code(http.post(f"/v1/versions/{BASE}/promote", json={"why": "x"}), 400) == "invalid_value"
    assert code(http.post(f"/v1/versions/{BASE}/promote", json={"expected": -1}), 400) == "invalid_value"


def test_the_cycle_that_made_a_version_has_its_end(server: LiveServer, http: httpx.Client, redis_url: str) -> None:
    name = publish(server)
    with redis.Redis.from_url(redis_url) as client:
        cycle = ask(client, store.create("shared", "operator")).id
        token = ask(client, store.claim(cycle, "test", 60))
        assert token is not None
        ask(client, store.finish(cycle, token, "candidate", "on trial", version=name))
        assert http.post(f"/v1/versions/{name}/trial", json={}).json()["cycle"] is None
        assert http.post(f"/v1/versions/{name}/promote", json={"reason": "good"}).json()["cycle"] == cycle
        promoted = ask(client, store.get(cycle))
        assert promoted is not None
        assert (promoted.state, promoted.reason) == ("promoted", "promoted by hand: good")
        assert promoted.evidence == {"by": "hand", "reason": "good", "sequence": 2}
        client.hset(f"gl:served:{name}", mapping={"answers": 7, "errors": 1})
        assert http.get(f"/v1/versions/{name}").json()["live"] == {"answers": 7, "errors": 1}
        assert http.post("/v1/versions/rollback", json={}).json()["cycle"] == cycle
        back = ask(client, store.get(cycle))
        assert back is not None
        assert back.state == "rolled_back"
