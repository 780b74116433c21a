"""Versions are swapped while requests go on: none fails, none is searched by one version and answered by another."""

from __future__ import annotations

from pathlib import Path

import redis

from service.redis.server import RedisServer
from service.scopes import SHARED
from service.versions.announce import Announcement, announce
from service.versions.standing import registry_of
from tests.service.versions.finding import publish_finding
from tests.service.versions.making import damage, promote
from tests.service.versions.swapping import Seen, ask, asking, serving, until
from training.registry import CANDIDATE


def test_no_request_fails_or_is_mixed_while_versions_are_swapped(tmp_path: Path, redis_server: RedisServer) -> None:
    with serving(tmp_path, redis_server.url, canary_share=0.5) as server:
        settings, book = server.container.settings, server.container.policies
        names = [publish_finding(registry_of(settings, SHARED), number) for number in range(4)]
        promote(settings, names[0])
        until(lambda: book.route("a").version == names[0])
        with asking(server) as seen, server.http("admin") as http:
            for name in names[1:]:
                before = len(seen.answers)
                until(lambda n=before: len(seen.answers) >= n + 8)
                moved = http.post(f"/v1/versions/{name}/promote", json={"reason": "a test", "force": True})
                assert (moved.status_code, moved.json()["version"]) == (200, name)
                # The process that was asked serves it before it answers.
                assert book.route("a").version == name
            for name in names[-2:0:-1]:
                moved = http.post("/v1/versions/rollback", json={"reason": "a test"})
                assert (moved.status_code, moved.json()["version"]) == (200, name)
            trial = http.post(f"/v1/versions/{names[3]}/trial", json={"reason": "a test", "force": True})
            assert trial.status_code == 200
            before = len(seen.answers)
            until(lambda: len(seen.answers) >= before + 40)
        assert not seen.failures, seen.failures[:3]
        finds = {name: number for number, name in enumerate(names)}
        mixed = [(version, found) for version, found in seen.answers if finds[version] != found]
        assert not mixed
        assert set(names) <= seen.versions
        until(lambda: (book.leases, book.draining) == (0, ()))


def test_moves_in_the_folder_are_followed_without_redis(tmp_path: Path) -> None:
    with serving(tmp_path, None, version_poll_s=0.05) as server:
        settings, book = server.container.settings, server.container.policies
        name = publish_finding(registry_of(settings, SHARED), 1)
        promote(settings, name)
        until(lambda: book.route("a").version == name)
        with server.http("user") as http:
            assert http.get("/readyz").json()["parts"]["versions"]["state"] == "ready"
            other = publish_finding(registry_of(settings, SHARED), 2)  # not loaded, and may be pinned
            until(lambda: other in http.get("/v1/models").text)
            models = [model["id"] for model in http.get("/v1/models").json()["data"]]
        assert models == ["groundloop", *(f"groundloop@{one}" for one in (name, "base-extractive", other))]


def test_an_announcement_is_heard_long_before_the_next_look(tmp_path: Path, redis_server: RedisServer) -> None:
    with serving(tmp_path, redis_server.url, version_poll_s=3600) as server:
        settings, book = server.container.settings, server.container.policies
        name = publish_finding(registry_of(settings, SHARED), 1)
        promote(settings, name)
        client = redis.Redis.from_url(redis_server.url)
        moved = Announcement("shared", "champion", name, 1)
        until(lambda: announce(client, moved) > 0)
        until(lambda: book.route("a").version == name)
        client.close()


def test_a_damaged_version_is_told_and_the_old_one_answers(tmp_path: Path, redis_server: RedisServer) -> None:
    client = redis.Redis.from_url(redis_server.url)
    with serving(tmp_path, redis_server.url, version_poll_s=3600) as server:
        settings, book = server.container.settings, server.container.policies
        good, bad = publish_finding(registry_of(settings, SHARED), 1), publish_finding(registry_of(settings, SHARED), 2)
        promote(settings, good)
        until(lambda: announce(client, Announcement("shared", "champion", good, 1)) > 0)
        until(lambda: book.route("a").version == good)
        assert server.container.following is not None
        with server.container.following.follower._lock:  # it must not look between the two
            promote(settings, bad)
            damage(registry_of(settings, SHARED), bad)
        announce(client, Announcement("shared", "champion", bad, 2))
        with server.http("admin") as http:
            until(lambda: http.get("/readyz").json()["parts"]["versions"]["state"] == "degraded")
            assert bad not in http.get("/readyz").text  # that page is for everybody
            (line,) = [one for one in http.get("/v1/versions").json()["data"] if one["id"] == bad]
            assert (line["state"], line["aliases"]) == ("failing", ["champion"])
            assert (line["share"], line["loaded"]) == (0, False)
            assert "SHA-256" in line["problem"] or "match" in line["problem"]
            text = http.get("/metrics").text
            assert "groundloop_version_problems 1.0" in text
            assert 'groundloop_version_loads_total{outcome="failed"}' in text
            assert (
                f'groundloop_model_version_info{{role="champion",routed="true",scope="shared",version="{good}"}}'
                in text
            )
            seen = Seen()
            ask(http, seen, stream=False)
            assert (seen.answers, seen.failures) == ([(good, 1)], [])
            assert http.post(f"/v1/versions/{bad}/promote", json={"force": True, "reason": "x"}).status_code == 409


def test_a_candidate_answers_its_users_and_a_pin_anybody(tmp_path: Path, redis_server: RedisServer) -> None:
    with serving(tmp_path, redis_server.url, canary_share=0.5) as server:
        settings, book = server.container.settings, server.container.policies
        first, second, third = (publish_finding(registry_of(settings, SHARED), number) for number in range(3))
        promote(settings, first)
        registry_of(settings, SHARED).assign(CANDIDATE, second)
        until(lambda: book.present.rivals() is not None)
        with server.http("operator") as http:
            by_user: dict[str, set[str]] = {}
            for number in range(24):
                seen = Seen()
                for stream in (True, False):
                    ask(http, seen, stream=stream, user=f"user-{number}")
                assert not seen.failures
                by_user[f"user-{number}"] = seen.versions
            assert all(len(versions) == 1 for versions in by_user.values())  # one arm for one person
            assert {version for versions in by_user.values() for version in versions} == {first, second}
            seen = Seen()
            until(lambda: _pinned(http, seen, third))
            assert seen.answers == [(third, 2)]


def _pinned(http: object, seen: Seen, name: str) -> bool:
    """Ask a version that has to be loaded first, as a client does that waits as it is told."""
    ask(http, seen, stream=False, model=f"groundloop@{name}")  # type: ignore[arg-type]
    told = [failure for failure in seen.failures if not failure.startswith("503") or "loaded" not in failure]
    assert not told, told
    return bool(seen.answers)
