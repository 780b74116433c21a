"""The calls of training cycles, over HTTP on a running server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from service.cycles import store
from service.redis.calls import ask
from service.settings import Settings
from tests.service.cycles.filling import Log, fill_log
from tests.service.http_world import LiveServer, light_settings, running
from tests.training.pipeline.test_changes import answered
from training.pipeline.changes import write_changes
from training.pipeline.series import SeriesLog

PATH = "/v1/training/cycles"


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> Settings:
    return light_settings(tmp_path, redis_url, train_min_judgements=6, train_min_new=3, learn=False)


@pytest.fixture
def server(settings: Settings) -> Iterator[LiveServer]:
    with running(settings) as live:
        yield live


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as opened:
        yield opened


def _vote(settings: Settings, count: int, name: str = "text") -> None:
    async def fill(log: Log) -> None:
        for n in range(count):
            await log.vote(await log.answer(f"{name} {n}"), voter=f"key:{n}")

    fill_log(settings, fill)


def test_what_the_next_cycle_waits_for_is_told_without_a_row(settings: Settings, server: LiveServer) -> None:
    _vote(settings, 4)
    with server.http("operator") as http:
        told = http.get(PATH).json()

    assert (told["object"], told["data"], told["has_more"]) == ("list", [], False)
    (shared,) = told["next"]
    assert shared["reason"] == ("waiting: 4 of 6 judgements; 4 of 5 voters; learning on a schedule is switched off")
    assert (shared["scope"], shared["due"], shared["judgements"], shared["new_needed"]) == ("shared", False, 4, 3)


def test_a_cycle_is_started_once_and_cancelled(settings: Settings, server: LiveServer) -> None:
    _vote(settings, 6)
    with server.http("operator") as http:
        started = http.post(PATH, json={})
        assert started.status_code == 201, started.text
        cycle = started.json()
        assert (cycle["state"], cycle["scope"], cycle["trigger"]) == ("waiting", "shared", "operator")
        assert cycle["reason"] == "6 judgements of 6 voters, 6 of them new"

        again = http.post(PATH, json={"force": True})
        assert (again.status_code, again.json()["error"]["code"]) == (409, "cycle_unfinished")
        assert cycle["id"] in again.json()["error"]["message"]

        shown = http.get(f"{PATH}/{cycle['id']}").json()
        assert (shown["data"], shown["metrics"], shown["log"]) == (None, None, [])
        assert http.get(f"{PATH}/{cycle['id']}/log").text == ""

        over = http.post(f"{PATH}/{cycle['id']}/cancel").json()
        assert (over["state"], over["id"]) == ("cancelled", cycle["id"])
        assert "cancelled by key:" in over["reason"]
        refused = http.post(f"{PATH}/{cycle['id']}/cancel")
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "cycle_over")
        assert [one["id"] for one in http.get(PATH).json()["data"]] == [cycle["id"]]


def test_force_skips_the_pause_and_never_the_floors_of_the_data(
    settings: Settings, server: LiveServer, client: redis.Redis
) -> None:
    with server.http("operator") as http:
        _vote(settings, 5)
        refused = http.post(PATH, json={"force": True})
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "cycle_not_due")
        assert "5 of 6 judgements" in refused.json()["error"]["message"]
        assert "force" not in refused.json()["error"]["message"]

        _vote(settings, 2, "more")
        http.post(f"{PATH}/{http.post(PATH, json={}).json()['id']}/cancel")
        refused = http.post(PATH, json={})
        assert refused.status_code == 409
        assert "until the next one may start" in refused.json()["error"]["message"]
        assert '"force": true' in refused.json()["error"]["message"]
        assert http.post(PATH, json={"force": True}).status_code == 201


def test_a_finished_cycle_shows_what_its_folder_holds(tmp_path: Path, server: LiveServer, client: redis.Redis) -> None:
    folder = tmp_path / "training" / "job"
    folder.mkdir(parents=True)
    (folder / "data.json").write_text(json.dumps({"used": 5, "segments": {"en": 1.0}, "fate": {"1-0": "used"}}))
    (folder / "reward.json").write_text(json.dumps({"version": "r1"}))
    (folder / "log.txt").write_text("".join(f"line {n}\n" for n in range(80)))
    cycle = ask(client, store.create("shared", "schedule")).id
    token = ask(client, store.claim(cycle, "me", 30))
    assert token is not None
    step: dict[str, Any] = {"name": "data", "started_at": 1.0, "finished_at": 2.0, "note": "done"}
    ask(client, store.renew(cycle, token, 30, directory=str(folder), steps=[step], step="data", progress=0.5))
    ask(client, store.finish(cycle, token, "refused", "no better", version="v000001", verdict={"passed": False}))

    with server.http("operator") as http:
        shown = http.get(f"{PATH}/{cycle}").json()
        tail = http.get(f"{PATH}/{cycle}/log", params={"lines": 2}).text

    assert (shown["state"], shown["reason"], shown["version"]) == ("refused", "no better", "v000001")
    assert shown["data"] == {"used": 5, "segments": {"en": 1.0}}  # nothing that names single records
    assert (shown["segments"], shown["metrics"]) == ({"en": 1.0}, {"reward": {"version": "r1"}})
    assert (shown["steps"], shown["verdict"]) == ([step], {"passed": False})
    assert (len(shown["log"]), shown["log"][-1], tail) == (50, "line 79", "line 78\nline 79\n")


def test_the_curves_of_a_cycle_are_read_while_it_runs(tmp_path: Path, server: LiveServer, client: redis.Redis) -> None:
    cycle = ask(client, store.create("shared", "schedule")).id
    with server.http("operator") as http:
        assert http.get(f"{PATH}/{cycle}/series").json() == {"object": "list", "data": []}
        folder = tmp_path / "training" / "job"
        folder.mkdir(parents=True)
        token = ask(client, store.claim(cycle, "me", 30))
        assert token is not None
        ask(client, store.renew(cycle, token, 30, directory=str(folder)))
        SeriesLog(folder, "reward").add("loss", 1, 0.5)
        shown = http.get(f"{PATH}/{cycle}/series").json()["data"]

    assert shown == [{"name": "loss", "step": "reward", "unit": "nats", "x": "step", "points": [[1.0, 0.5]]}]


def test_changed_answers_are_paged_the_surest_first(tmp_path: Path, server: LiveServer, client: redis.Redis) -> None:
    cycle = ask(client, store.create("shared", "schedule")).id
    path = f"{PATH}/{cycle}/changes"
    with server.http("operator") as http:
        assert http.get(path).json()["data"] == []
        folder = tmp_path / "training" / "job"
        folder.mkdir(parents=True)
        token = ask(client, store.claim(cycle, "me", 30))
        assert token is not None
        ask(client, store.renew(cycle, token, 30, directory=str(folder)))
        write_changes(folder, *answered([(0.1,), (), (-3.0,), (2.0,)]))
        first = http.get(path, params={"limit": 2}).json()
        rest = http.get(path, params={"limit": 2, "after": first["last_id"]}).json()
        strange = http.get(path, params={"after": "nothing"})

    assert [one["id"] for one in first["data"]] == ["prompt-2", "prompt-3"]
    assert [one["id"] for one in rest["data"]] == ["prompt-0", "prompt-1"]
    assert (first["has_more"], rest["has_more"], rest["data"][1]["preferred"]) == (True, False, None)
    shown = first["data"][0]
    assert (shown["question"], shown["sources"]) == ("Question 2?", ["Handbook"])
    assert (shown["champion"]["text"], shown["candidate"]["text"]) == ("before 2", "after 2")
    assert (shown["passages"][0]["content"], shown["passages"][0]["filepath"]) == ("Thirty days.", "hr.pdf")
    assert shown["preferred"] == pytest.approx(0.0474, abs=1e-4)
    assert (strange.status_code, strange.json()["error"]["param"]) == (400, "after")


def test_pages_go_on_and_scopes_are_told_apart(server: LiveServer, client: redis.Redis) -> None:
    ids = []
    for number in range(3):
        scope = "segment:en" if number == 1 else "shared"
        ids.append(ask(client, store.create(scope, "schedule")).id)
        ask(client, store.request_cancel(ids[-1]))
    with server.http("operator") as http:
        first = http.get(PATH, params={"limit": 2}).json()
        rest = http.get(PATH, params={"limit": 2, "after": first["last_id"]}).json()
        shared = http.get(PATH, params={"scope": "shared"}).json()

    assert ([one["id"] for one in first["data"]], first["has_more"]) == (ids[:0:-1], True)
    assert ([one["id"] for one in rest["data"]], rest["has_more"]) == (ids[:1], False)
    assert [one["id"] for one in shared["data"]] == [ids[2], ids[0]]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", f"{PATH}/nothing", None, 404, "cycle_not_found"),
        ("GET", f"{PATH}/nothing/log", None, 404, "cycle_not_found"),
        ("GET", f"{PATH}/nothing/series", None, 404, "cycle_not_found"),
        ("GET", f"{PATH}/nothing/changes", None, 404, "cycle_not_found"),
        ("POST", f"{PATH}/nothing/cancel", None, 404, "cycle_not_found"),
        ("GET", f"{PATH}?after=nothing", None, 400, "cycle_not_found"),
        ("GET", f"{PATH}?scope=everything", None, 400, "invalid_value"),
        ("POST", PATH, {"scope": "everything"}, 400, "invalid_value"),
        ("POST", PATH, {"scope": "collection:vs_none"}, 400, "invalid_value"),
        ("POST", PATH, {"scop": "shared"}, 400, "invalid_value"),
        ("POST", PATH, {"force": "perhaps"}, 400, "invalid_value"),
    ],
)
def test_what_cannot_be_is_refused(live: LiveServer, method: str, path: str, body: Any, status: int, code: str) -> None:
    with live.http("operator") as http:
        answer = http.request(method, path, json=body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), answer.text


def test_users_may_not_look(live: LiveServer) -> None:
    with live.http("user") as http:
        assert http.get(PATH).status_code == 403
        assert http.post(PATH, json={}).status_code == 403


def test_an_open_collection_has_no_scope_of_its_own(live: LiveServer) -> None:
    with live.http("operator") as http:
        made = http.post("/v1/vector_stores", json={"name": "open"}).json()
        answer = http.post(PATH, json={"scope": f"collection:{made['id']}"})

    assert answer.status_code == 400
    assert "everybody may read" in answer.json()["error"]["message"]
