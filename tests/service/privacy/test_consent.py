"""Consent of people: kept, told, and changed by themselves or an operator only."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from redis.asyncio import Redis

from service.privacy import keys, routes
from service.privacy.consent import Consents, allowed
from tests.service.feedback.web import World, world

Scenario = Callable[[World], Awaitable[None]]
Play = Callable[..., None]
JANE = "jane/consent doe@example.com"


@pytest.fixture
def play(tmp_path: Path, redis_url: str) -> Play:
    """Give a function that runs a scenario against the app."""

    def run(scenario: Scenario, **settings: object) -> None:
        async def opened() -> None:
            async with world(tmp_path, redis_url, **settings) as opened_world:
                opened_world.app.include_router(routes.router)
                await scenario(opened_world)

        asyncio.run(opened())

    return run


def url(user: str) -> str:
    """Give the address of somebody's consent."""
    return f"/v1/users/{quote(user, safe='')}/consent"


def test_what_was_never_said_is_the_default(redis_url: str) -> None:
    async def scenario() -> None:
        async with Redis.from_url(redis_url) as client:
            for default in (True, False):
                consent = await Consents(client, default=default).get("key:a")
                assert (consent.training, consent.at, consent.by) == (default, None, None)
            assert await Consents(client).of([]) == {}

    asyncio.run(scenario())


def test_the_last_word_stands(redis_url: str) -> None:
    async def scenario() -> None:
        async with Redis.from_url(redis_url) as client:
            consents = Consents(client)
            no = await consents.put("key:a/user:x", training=False)
            again = await consents.put("key:a/user:x", training=False, by="operator")
            assert again == no  # it said nothing new
            yes = await consents.put("key:b", training=True, by="operator")
            assert (yes.training, yes.by) == (True, "operator")
            assert yes.at is not None
            many = await consents.of(["key:b", "key:a/user:x", "key:c", "key:b"])
        assert [many[user].training for user in ("key:a/user:x", "key:b", "key:c")] == [False, True, True]
        assert allowed(many, "key:b", "key:c")
        assert not allowed(many, "key:b", "key:a/user:x")
        assert not allowed(many, "key:unknown")

    asyncio.run(scenario())


def test_redis_holds_no_name(redis_url: str) -> None:
    async def scenario() -> None:
        async with Redis.from_url(redis_url) as client:
            await Consents(client).put(f"key:a/user:{JANE}", training=False)
            assert await client.exists(keys.consent(f"key:a/user:{JANE}"))
            for key in await client.keys("*"):
                assert b"jane" not in key + repr(await client.hgetall(key)).encode()

    asyncio.run(scenario())


def test_a_person_decides_for_themselves(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.client("portal", end_user=JANE) as me:
            before = (await me.get(url("me"))).json()
            identity = f"{world.ids['portal']}/user:{JANE}"
            assert before == {
                "object": "consent",
                "user": identity,
                "training": True,
                "changed_at": None,
                "by": None,
            }
            said = (await me.put(url("me"), json={"training": False})).json()
            assert (said["training"], said["by"], said["user"]) == (False, "self", identity)
            assert (await me.get(url(identity))).json() == said
        async with world.client("portal") as portal:
            assert (await portal.get(url("me"))).json()["training"] is True  # the key itself is somebody else
            refused = await portal.get(url(identity))
            assert (refused.status_code, refused.json()["error"]["code"]) == (403, "insufficient_role")
        async with world.client("operator") as operator:
            assert (await operator.get(url(identity))).json() == said
            changed = (await operator.put(url(identity), json={"training": True})).json()
            assert (changed["training"], changed["by"]) == (True, "operator")
        async with world.client("operator", end_user="bob") as acting:
            assert (await acting.get(url(identity))).status_code == 403  # acting for somebody narrows

    play(scenario)


@pytest.mark.parametrize(
    "body", [{}, {"training": None}, {"training": "yes"}, {"training": 1}, {"training": True, "x": 1}]
)
def test_a_consent_is_yes_or_no(play: Play, body: dict[str, object]) -> None:
    async def scenario(world: World) -> None:
        async with world.client("asker") as me:
            assert (await me.put(url("me"), json=body)).status_code == 400

    play(scenario)


@pytest.mark.parametrize("user", ["jane", "key:", "key:a/", "key:a/user:", "user:jane", "key:a b", "key:a/user:x\ny"])
def test_an_identity_has_a_form(play: Play, user: str) -> None:
    async def scenario(world: World) -> None:
        async with world.client("operator") as operator:
            refused = await operator.get(url(user))
            assert refused.status_code in (400, 404)
            assert "error" in refused.json()

    play(scenario)


def test_the_default_is_a_setting(play: Play) -> None:
    async def scenario(world: World) -> None:
        async with world.client("asker") as me:
            assert (await me.get(url("me"))).json()["training"] is False

    play(scenario, consent_default=False)
