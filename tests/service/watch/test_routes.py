"""`GET /v1/trials` and the gauges, over HTTP."""

from __future__ import annotations

from pathlib import Path

from service.watch.run import watch
from tests.service.http_world import light_settings, running, wait_until
from tests.service.watch.world import BASE, QUICK, World


def test_trials_are_shown_with_their_evidence_and_how_they_ended(tmp_path: Path, redis_url: str) -> None:
    world = World(tmp_path, redis_url)
    gone = world.on_trial()
    watch(world.settings, QUICK)
    world.judge(gone, 60, better=0.1)
    watch(world.settings, QUICK)
    name = world.on_trial()
    watch(world.settings, QUICK)
    world.judge(name, 12, better=0.8)
    watch(world.settings, QUICK)
    with running(light_settings(tmp_path, redis_url)) as server, server.http("operator") as client:
        shown = client.get("/v1/trials").json()
        (trial,) = shown["data"]
        assert (trial["candidate"], trial["champion"], trial["scope"]) == (name, BASE, "shared")
        assert trial["decision"]["action"] == "watch"
        assert trial["decision"]["missing"] == "12 of 20 judgements on answers that differ"
        assert trial["decision"]["net"]["low"] < trial["decision"]["net"]["value"] < trial["decision"]["net"]["high"]
        (ended,) = shown["ended"]
        assert (ended["version"], ended["became"], ended["by"]) == (gone, "rolled_back", "watch")
        with server.http("user") as other:
            assert other.get("/v1/trials").status_code == 403
        wait_until(lambda: server.container.trials.seen is not None)
        told = client.get("/metrics").text
        assert f'groundloop_trial_judgements{{candidate="{name}",scope="shared"}} 12.0' in told
        assert 'groundloop_watch_decisions{action="rollback"} 1.0' in told
    world.client.close()


def test_without_a_trial_there_is_nothing_to_show(tmp_path: Path, redis_url: str) -> None:
    with running(light_settings(tmp_path, redis_url)) as server, server.http("operator") as client:
        assert client.get("/v1/trials").json() == {"object": "list", "data": [], "probations": [], "ended": []}
