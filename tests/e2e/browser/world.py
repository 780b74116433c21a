"""A small company in a whole Groundloop: its documents, its people, and what they said about some answers.

    python -m tests.e2e.browser.world FILE

starts it, writes into FILE how to get in, and stays until Ctrl-C. Tests that find FILE's name in GROUNDLOOP_TEST_WORLD
take that company instead of starting one: what is changed in the page is then tested within seconds.
"""

from __future__ import annotations

import argparse
import io
import json
import signal
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
from reportlab.lib.pagesizes import A5
from reportlab.pdfgen.canvas import Canvas

from tests.e2e.running import RunningGroundloop, free_port

HANDBOOK = """# Working here

## Holiday

Every employee has thirty days of paid holiday in a year. Holiday that is not taken ends in March of the next year.

## Working hours

The office is open from seven in the morning to eight in the evening. Everybody is there between ten and three.

## The boat house

The key of the boat house hangs behind the reception desk. The boats are taken out of the water in October.
"""
RETURNS = """# Returns

A parcel may be sent back within 30 days of delivery. The label is free inside the country.

Opened software cannot be returned. Money is paid back within five working days, the way it was paid.
"""
TRAVEL = (
    ("Travel", "Trips are booked by the front office.", "A trip of more than six hours may be made in first class."),
    ("Money", "A day abroad is paid with 48 euros.", "Receipts are handed in within two weeks of the return."),
    ("Cars", "The company owns four cars.", "A car is reserved at the reception, at the latest on the day before."),
)
# Question, and words of the sentence that answers it.
KNOWN = (
    ("How many days of paid holiday does an employee have?", "thirty days"),
    ("Where does the key of the boat house hang?", "reception desk"),
    ("Within how many days may a parcel be sent back?", "30 days"),
    ("How many euros is a day abroad paid with?", "48 euros"),
)
UNKNOWN = "What is the boiling point of tungsten?"


@dataclass
class World:
    """What is in it, and how to get in."""

    url: str
    opened: str  # what was said at the start: open this link
    keys: dict[str, str] = field(default_factory=dict)  # by role: user, operator, admin
    collections: dict[str, str] = field(default_factory=dict)  # ids by name

    def http(self, role: str = "admin") -> httpx.Client:
        """Give a client with the key of this role."""
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {self.keys[role]}"}, timeout=60.0)

    def look(self) -> None:
        """See which collections there are."""
        with self.http() as http:
            stores = http.get("/v1/vector_stores").raise_for_status().json()["data"]
        self.collections = {store["name"]: store["id"] for store in stores}


def start(folder: Path, **more: str) -> RunningGroundloop:
    """Start everything in that folder; nothing is limited, nothing learned or compared before it is asked for."""
    settings = {"learn": "false", "votes_per_minute": "0", "requests_per_minute": "0", "train_min_judgements": "20"}
    settings |= {"pair_share": "0", "trial_pair_share": "0"} | more
    return RunningGroundloop(folder / "home", free_port(), "--no-docs", **settings)


def settle_in(running: RunningGroundloop, folder: Path) -> World:
    """Give everybody a key, bring the documents in, and let people ask and vote."""
    running.wait_for("ready")
    world = World(running.url, running.wait_for("open"), {"admin": running.key})
    with world.http() as http:
        for role, name in (("user", "Ana Reyes"), ("operator", "Omar Haddad")):
            made = http.post("/v1/keys", json={"name": name, "role": role}).raise_for_status().json()
            world.keys[role] = made["key"]
    _write(folder / "Office", {"handbook.md": HANDBOOK.encode(), "travel.pdf": _pdf()})
    _write(folder / "Shop", {"returns.md": RETURNS.encode(), "scan.pdf": b"%PDF-1.7\nnot a document"})
    for name in ("Office", "Shop"):
        running.cli("ingest", str(folder / name), "--collection", name)
    world.look()
    with world.http("user") as http:
        _say(http)
    return world


def main() -> None:
    """Start it and stay."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as name:
        running = start(Path(name))
        try:
            world = settle_in(running, Path(name))
            options.file.write_text(json.dumps(asdict(world)))
            print(world.opened, flush=True)
            threading.Event().wait()
        except KeyboardInterrupt:
            pass
        finally:
            options.file.unlink(missing_ok=True)
            running.destroy()


def ask(http: httpx.Client, question: str, **more: Any) -> list[dict[str, Any]]:
    """Ask, and give the choices; a busy machine may ask to come again."""
    body = {"model": "groundloop", "messages": [{"role": "user", "content": question}], **more}
    end = time.monotonic() + 60
    while True:
        answer = http.post("/v1/chat/completions", json=body)
        if answer.status_code not in (429, 503) or time.monotonic() > end:
            break
        time.sleep(0.5)
    choices: list[dict[str, Any]] = answer.raise_for_status().json()["choices"]
    return choices


def _say(http: httpx.Client) -> None:
    """Vote on what is asked: some helped, some did not, and something was missing."""
    for number, (question, _) in enumerate(KNOWN):
        [choice] = ask(http, question)
        vote: dict[str, Any] = {"rating": "up"}
        if number == 1:
            vote = {"rating": "down", "reasons": ["outdated_source"], "comment": "It was moved to the kitchen."}
        http.put(f"/v1/answers/{choice['answer_id']}/vote", json=vote).raise_for_status()
    [choice] = ask(http, "What does the canteen serve on Fridays?")
    missing = {"rating": "down", "reasons": ["missing_document"], "comment": "The menu should be in here."}
    http.put(f"/v1/answers/{choice['answer_id']}/vote", json=missing).raise_for_status()


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def _pdf() -> bytes:
    """Make a document with pages, so that citations have page numbers."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A5, invariant=True)
    canvas.setTitle("Travel")
    for heading, *sentences in TRAVEL:
        canvas.setFont("Helvetica-Bold", 16)
        canvas.drawString(40, 540, heading)
        canvas.setFont("Helvetica", 10)
        for line, sentence in enumerate(sentences):
            canvas.drawString(40, 510 - 16 * line, sentence)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


if __name__ == "__main__":
    main()
