"""A real session full of words that no log may hold: what was asked, answered, said, uploaded, and who it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from service.redis.server import remembered_url
from tests.e2e.running import RunningGroundloop, free_port, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
WORDS = {
    "question": "zqquestion",
    "history": "zqhistory",
    "document": "zqdocument",
    "instructions": "zqinstructions",
    "comment": "zqcomment",
    "correction": "zqcorrection",
    "end user": "zquser",
    "search": "zqsearch",
}
PERSON = "zquser one@example.com"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningGroundloop]:
    started = RunningGroundloop(
        tmp_path / "home", free_port(), "--no-docs", log_level="debug", embedding_model="hashing"
    )
    try:
        started.wait_for("ready")
        yield started
    finally:
        started.destroy()


def test_no_log_holds_what_people_say(running: RunningGroundloop, tmp_path: Path) -> None:
    text = "The zqdocument boat house opens at nine. The zqdocument key hangs behind the desk."
    (tmp_path / "handbook.md").write_text(f"# Handbook\n\n{text}\n")
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.7 zqdocument is not a PDF")
    assert running.cli("ingest", str(tmp_path / "handbook.md"), "--collection", "boats").returncode == 0
    running.cli("ingest", str(tmp_path / "broken.pdf"), "--collection", "boats")
    secret = running.key
    link = str(running.wait_for("open")).split()[1].partition("#sign-in=")[2]
    with httpx.Client(base_url=running.url) as browser:
        assert browser.post("/v1/session", json={"link": link}).status_code == 200
        (session,) = browser.cookies.values()
        assert browser.get("/v1/models").status_code == 200
    headers = {"Authorization": f"Bearer {secret}", "X-Groundloop-User": PERSON}
    with httpx.Client(base_url=running.url, headers=headers, timeout=60) as person, running.http() as admin:
        answer_id = _talk(person)
        user = str(person.get("/v1/users/me/consent").json()["user"])
        assert PERSON in user
        name = quote(user, safe="")
        assert person.put("/v1/users/me/consent", json={"training": True}).status_code == 200
        _mistakes(person, admin, name, answer_id)
        assert admin.get(f"/v1/users/{name}/data").json()["answers"] == 3
        assert admin.delete(f"/v1/users/{name}/data", params={"now": "true"}).status_code == 202
        wait_until(lambda: admin.get(f"/v1/users/{name}/data").json()["erasure"]["state"] == "done", 170)
    url = str(remembered_url(running.home))
    assert running.stop() == 0

    told = {path.name: path.read_text(errors="replace") for path in (running.home / "logs").iterdir()}
    told["standard error"] = running.errors()
    told["redis.log"] = (running.home / "redis" / "redis.log").read_text()
    assert "/v1/users/" in told["api.log"], "the requests were logged"
    found = {
        (name, what)
        for name, content in told.items()
        for what, word in {
            **WORDS,
            "key": secret.rpartition("_")[2],
            "link": link,
            "session": session,
            "password": url.split(":")[2].split("@")[0],
        }.items()
        if word in content
    }
    assert found == set()


def _talk(person: httpx.Client) -> str:
    """Ask in every way there is, judge and compare; gives an answer's id."""
    messages = [
        {"role": "system", "content": "Follow zqinstructions."},
        {"role": "user", "content": "I am zqhistory."},
        {"role": "assistant", "content": "Hello zqhistory."},
        {"role": "user", "content": "When does the boat house open, zqquestion?"},
    ]
    body = {"model": "groundloop", "messages": messages}
    streamed = person.post("/v1/chat/completions", json={**body, "stream": True})
    assert "zqdocument" in streamed.text, streamed.text
    both = person.post("/v1/chat/completions", json={**body, "n": 2}).json()["choices"]
    ids = [choice["answer_id"] for choice in both]
    said = {"rating": "down", "comment": "zqcomment", "correction": "zqcorrection"}
    assert person.put(f"/v1/answers/{ids[0]}/vote", json=said).status_code == 200
    preference = {"answers": ids, "outcome": "first", "comment": "zqcomment"}
    assert person.post("/v1/preferences", json=preference).status_code == 200
    return str(ids[0])


def _mistakes(person: httpx.Client, admin: httpx.Client, name: str, answer_id: str) -> None:
    """Do what is refused: a message of what was wrong must not find its way into a log with what was said."""
    assert person.put(f"/v1/answers/{answer_id}/vote", json={"rating": "zqcomment"}).status_code == 400
    assert person.post("/v1/chat/completions", json={"model": "zqquestion", "messages": []}).status_code >= 400
    assert person.post("/v1/chat/completions", content=b"{zqquestion").status_code == 400
    stores = admin.get("/v1/vector_stores").json()["data"]
    search = {"query": "zqsearch", "max_num_results": 3}
    assert person.post(f"/v1/vector_stores/{stores[0]['id']}/search", json=search).status_code == 200
    assert admin.get(f"/v1/users/{name}/nothing").status_code == 404
    assert person.get(f"/v1/users/{name}/data/zquser").status_code in (403, 404)
    assert person.get("/v1/feedback", params={"voter": PERSON}).status_code == 403
    assert admin.get("/v1/feedback", params={"voter": PERSON}).status_code == 200
