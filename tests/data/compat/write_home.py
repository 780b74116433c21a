"""Writes a home folder as this release leaves it: `python -m tests.data.compat.write_home OUTPUT.tar.gz`.

Run it with each release and keep the archive: tests/faults/test_upgrade.py opens all of them with the code of the day.
Everything is said over HTTP, so the script runs on every release. `expected.json` beside the home tells what was there.
"""

from __future__ import annotations

import json
import shutil
import sys
import tarfile
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx

from service.redis.server import RedisServer
from service.settings import Settings
from tests.service.http_world import LiveServer, light_settings, running
from tests.training.registry.making import promoted
from training.registry import Registry

DOCUMENTS = {
    "hands.txt": "Wash your hands for at least twenty seconds. Use soap and warm water.",
    "vacation.md": "# Vacation\n\nEveryone has thirty days of vacation a year. Ask your manager two weeks before.",
    "umlauts.txt": "Der Bücherschrank steht im dritten Stock. Öffnungszeiten: täglich ab neun Uhr.",
}
QUESTIONS = ("How long should I wash my hands?", "How many days of vacation?", "Wo steht der Bücherschrank? ☂")
_LEFT_OUT = (
    "run",
    "logs",
    "cache",
    "redis/redis.log",
    "redis/redis.conf",
    "redis/lock",
    "journal/lock",
    "journal/writer.lock",
)


def main() -> None:
    """Write the archive."""
    target = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "compat"
        home = root / "home"
        server = RedisServer(home)
        server.start()
        try:
            promoted(Registry(home / "registry" / "extractive", kind="extractive"), seed=3)
            kept = {"journal": True} if "journal" in Settings.model_fields else {}
            with running(light_settings(home, None, votes_per_minute=0, **kept)) as live:
                expected = _fill(live)
                _archive_some(live.container.settings, server.url)
        finally:
            server.stop()
        expected["release"] = version("groundloop")
        (root / "expected.json").write_text(json.dumps(expected, indent=1, ensure_ascii=False))
        for name in _LEFT_OUT:
            path = home / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        with tarfile.open(target, "w:gz") as archive:
            archive.add(root, arcname=".")
    sys.stdout.write(f"{target}: {target.stat().st_size} bytes\n")


def _fill(live: LiveServer) -> dict[str, Any]:
    """Do one of everything, and tell what the service says of it."""
    with live.http("operator") as operator, live.http("user") as user, live.http("admin") as admin:
        store = _ok(operator.post("/v1/vector_stores", json={"name": "handbook", "metadata": {"groups": "*"}}))
        for name, text in DOCUMENTS.items():
            files = {"file": (name, text.encode(), "text/plain")}
            file = _ok(operator.post("/v1/files", files=files, data={"purpose": "assistants"}))
            _ok(operator.post(f"/v1/vector_stores/{store['id']}/files", json={"file_id": file["id"]}))
        live.ingest()
        answers: list[dict[str, Any]] = []
        for question in QUESTIONS:
            body = {
                "model": "groundloop",
                "messages": [{"role": "user", "content": question}],
                "n": 2,
                "collections": [store["id"]],
            }
            done = _ok(operator.post("/v1/chat/completions", json=body))
            answers += [
                {"id": one["answer_id"], "text": one["message"]["content"], "question": question}
                for one in done["choices"]
            ]
        ids = [one["id"] for one in answers]
        votes: list[tuple[str, dict[str, Any]]] = [
            (ids[0], {"rating": "down"}),
            (ids[0], {"rating": "up", "scores": {"helpful": 5}, "comment": "Genau ☂"}),
            (ids[1], {"rating": "down", "reasons": ["wrong_answer"], "correction": "Twenty seconds."}),
            (ids[2], {"rating": "up"}),
            (ids[2], {"rating": None}),
        ]
        for answer_id, vote in votes:
            _ok(operator.put(f"/v1/answers/{answer_id}/vote", json=vote))
        _ok(operator.post("/v1/preferences", json={"answers": ids[2:4], "outcome": "tie"}))
        _ok(operator.post("/v1/preferences", json={"answers": ids[4:6], "outcome": "second", "reasons": ["clear"]}))
        _ok(admin.post("/v1/keys", json={"name": "portal", "role": "user", "trusted": True}))
        search = _ok(user.post(f"/v1/vector_stores/{store['id']}/search", json={"query": "vacation days"}))
        registry = Registry(live.container.settings.home / "registry" / "extractive", kind="extractive")
        return {
            "keys": dict(live.keys),
            "store": store["id"],
            "answers": answers,
            "votes": {one: _ok(operator.get(f"/v1/answers/{one}/vote"))["vote"] for one in ids[:3]},
            "export": _export(operator),
            "feedback": [(one["id"], one["rating"]) for one in _ok(operator.get("/v1/feedback"))["data"]],
            "search": [one["file_id"] for one in search["data"]],
            "documents": sorted(one["filename"] for one in _ok(operator.get("/v1/files"))["data"]),
            "champion": registry.alias("champion"),
            "versions": [line.name for line in registry.list()],
        }


def _export(operator: httpx.Client) -> list[Any]:
    """Export everything; a release without scopes ignores the one named here."""
    lines = operator.get("/v1/feedback/export", params={"scope": "all"}).text.splitlines()
    return [json.loads(line) for line in lines]


def _archive_some(settings: Settings, url: str) -> None:
    """Move one prompt to the archive, where the release has one."""
    if find_spec("service.archive") is None:
        return
    import redis

    from service.archive.move import move_old
    from service.archive.places import open_archive

    archive = open_archive(settings)
    with redis.Redis.from_url(url) as client:
        move_old(client, archive, after_days=1e-9, most_units=1)
    archive.close()


def _ok(reply: httpx.Response) -> Any:
    assert reply.status_code in (200, 201), f"{reply.status_code} {reply.text}"
    return reply.json()


if __name__ == "__main__":
    main()
