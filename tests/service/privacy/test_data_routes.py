"""Erasing over HTTP and from the command line, against a running server whose worker is this test."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import pytest
from redis.asyncio import Redis
from typer.testing import CliRunner

from service.cli import app
from service.feedback.answers import AnswerStore
from service.privacy.erase import erase_due
from service.privacy.retention import rewrite_due
from service.redis.blocking import connect
from tests.service.feedback.samples import make_record
from tests.service.http_world import LiveServer

pytestmark = pytest.mark.usefixtures("redis_url")  # emptied: an erasure waits for a cycle that somebody left running

USER = "key:portal/user:zoë/1 ?#@example.com"
JUDGED = "key:portal/user:zoë/2"  # tests share a server: each has a person of its own
COUNTED = "key:portal/user:zoë/3"


def path(user: str = USER) -> str:
    """Give the address of what is kept of somebody."""
    return f"/v1/users/{quote(user, safe='')}/data"


def keep_answers(live: LiveServer, count: int = 2, user: str = USER) -> None:
    """Keep answers of the user."""

    async def scenario() -> None:
        assert live.container.settings.redis_url is not None
        async with Redis.from_url(live.container.settings.redis_url.get_secret_value()) as client:
            records = [make_record(user=user, created_at=time.time()) for _ in range(count)]
            await AnswerStore(client).record_all(records)

    asyncio.run(scenario())


@contextmanager
def worker(live: LiveServer) -> Iterator[None]:
    """Do erasures as they come."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.05):
            erase_due(live.container.settings)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_an_admin_erases_and_sees_how_far_it_is(live: LiveServer) -> None:
    keep_answers(live)
    with live.http("admin") as admin:
        before = admin.get(path()).json()
        assert (before["user"], before["answers"], before["erasure"]) == (USER, 2, None)
        asked = admin.delete(path())
        assert asked.status_code == 202
        assert (asked.json()["state"], asked.json()["deleted"]) == ("waiting", {})
        assert admin.delete(path()).json()["id"] == asked.json()["id"]
        assert erase_due(live.container.settings) == 1
        after = admin.get(path()).json()
        assert after["answers"] == 0
        assert after["erasure"]["state"] == "done"
        assert after["erasure"]["deleted"]["answers"] == 2
        assert after["erasure"]["file_rewritten_at"] is None
        assert "zo" not in json.dumps(after["erasure"])
        with connect(live.container.settings) as client:
            assert rewrite_due(client, after_s=0)
        assert admin.get(path()).json()["erasure"]["file_rewritten_at"] is not None


@pytest.mark.parametrize("role", ["user", "operator"])
def test_nobody_else_may(live: LiveServer, role: str) -> None:
    with live.http(role) as client:  # type: ignore[arg-type]
        for method in ("GET", "DELETE"):
            refused = client.request(method, path())
            assert (refused.status_code, refused.json()["error"]["code"]) == (403, "insufficient_role")


def test_an_admin_acting_for_somebody_may_not_reach_others(live: LiveServer) -> None:
    with live.http("admin") as admin:
        assert admin.delete(path(), headers={"X-Groundloop-User": "bob"}).status_code == 403
        assert admin.delete(path("nobody")).status_code == 400


def test_the_command_line_counts_asks_and_waits(live: LiveServer) -> None:
    def run(*arguments: str, says: str = "") -> tuple[int, str]:
        given = ["erase", COUNTED, "--url", live.url, "--key", live.keys["admin"], *arguments]
        result = CliRunner().invoke(app, given, input=says)
        return result.exit_code, result.output

    keep_answers(live, 3, COUNTED)
    code, told = run("--dry-run")
    assert (code, "3 answers" in told, "nothing was erased" in told) == (0, True, True)
    assert run(says="n\n")[0] == 1
    assert json.loads(run("--dry-run", "--json")[1])["answers"] == 3
    with worker(live):
        code, told = run("--now", "--yes", "--json")
    done = json.loads(told)
    assert (code, done["state"], done["deleted"]["answers"]) == (0, "done", 3)
    assert done["file_rewritten_at"] is not None
    code, told = run("--now", "--yes", "--timeout-s", "1")  # and no worker
    assert (code, "not done yet" in told) == (3, True)
    assert erase_due(live.container.settings) == 1


def test_whoever_judged_an_answer_that_is_gone_is_told(live: LiveServer) -> None:
    async def judged() -> str:
        assert live.container.settings.redis_url is not None
        async with Redis.from_url(live.container.settings.redis_url.get_secret_value()) as client:
            record = make_record(user=JUDGED, created_at=time.time())
            await AnswerStore(client).record(record)
            return record.answer_id

    answer_id = asyncio.run(judged())
    with live.http("operator") as http:
        vote = f"/v1/answers/{answer_id}/vote"
        assert http.put(vote, json={"rating": "up"}).status_code == 200
        with live.http("admin") as admin:
            assert admin.delete(path(JUDGED)).status_code == 202
        assert erase_due(live.container.settings) == 1
        told = http.get(vote).json()
        assert told["vote"] is None
        (event,) = told["lineage"]
        assert (event["what"], event["reason"]) == ("left_out", "the answer was erased")
        assert abs(event["at"] - time.time()) < 300
        assert told["summary"].startswith("The answer was erased")
        assert http.put(vote, json={"rating": "up"}).status_code == 404
        assert http.get("/v1/answers/ans_never/vote").status_code == 404
