"""Voters who insist: each votes up and down in turn on its own answer, and says it again until it is acknowledged."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter

import httpx

from service.feedback.answers import AnswerRecord, AnswerStore
from service.feedback.export import FeedbackExport
from service.feedback.log import FeedbackLog
from service.feedback.records import Entry
from service.redis.connect import open_async
from tests.service.feedback.samples import make_prompt, make_record


async def record_answers(url: str, user: str, count: int) -> list[AnswerRecord]:
    """Record answers to prompts of their own."""
    records = [make_record(str(i), user=user, prompt=make_prompt(question=f"Question {i}?")) for i in range(count)]
    async with open_async(url) as client:
        for record in records:
            await AnswerStore(client).record(record)
    return records


class Voters:
    """One thread for each answer."""

    def __init__(self, url: str, key: str, answers: list[AnswerRecord]) -> None:
        self.acknowledged: dict[str, list[tuple[str, str]]] = {record.answer_id: [] for record in answers}
        self.statuses: Counter[int] = Counter()  # 0: no answer
        self.slowest_s = 0.0
        self.impolite: list[str] = []
        self.last_ok = 0.0
        self._url, self._key = url, key
        self._stop = threading.Event()
        self._abandon = threading.Event()
        self._threads = [threading.Thread(target=self._vote, args=(record.answer_id,)) for record in answers]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let each voter get its last vote acknowledged."""
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), "a voter never got through"

    def abandon(self) -> None:
        """Let the voters go, acknowledged or not; does nothing after `stop`."""
        self._abandon.set()
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def total(self) -> int:
        """Count what was acknowledged."""
        return sum(len(votes) for votes in self.acknowledged.values())

    def _vote(self, answer_id: str) -> None:
        with httpx.Client(base_url=self._url, headers={"Authorization": f"Bearer {self._key}"}, timeout=10) as client:
            while not self._stop.is_set():
                rating = ("up", "down")[len(self.acknowledged[answer_id]) % 2]
                while (entry_id := self._say(client, answer_id, rating)) is None:
                    if self._abandon.wait(0.05):
                        return
                self.acknowledged[answer_id].append((entry_id, rating))

    def _say(self, client: httpx.Client, answer_id: str, rating: str) -> str | None:
        started = time.monotonic()
        try:
            reply = client.put(f"/v1/answers/{answer_id}/vote", json={"rating": rating})
        except httpx.HTTPError:
            self.statuses[0] += 1
            return None
        self.slowest_s = max(self.slowest_s, time.monotonic() - started)
        self.statuses[reply.status_code] += 1
        if reply.status_code == 503 and (
            "Retry-After" not in reply.headers or reply.json()["error"]["code"] != "redis_unavailable"
        ):
            self.impolite.append(reply.text)
        if reply.status_code != 200:
            return None
        self.last_ok = time.monotonic()
        entry_id: str = reply.json()["id"]
        return entry_id


def check_nothing_lost(url: str, acknowledged: dict[str, list[tuple[str, str]]]) -> None:
    """Compare the log with what was acknowledged: nothing lost, nothing twice, the last vote stands, one row each."""
    asyncio.run(_check(url, acknowledged))


async def _check(url: str, acknowledged: dict[str, list[tuple[str, str]]]) -> None:
    async with open_async(url) as client:
        log = FeedbackLog(client)
        entries: list[Entry] = []
        while piece := await log.range(f"({entries[-1].entry_id}" if entries else "-", "+", count=500):
            entries += piece
        kept: dict[str, list[tuple[str, str]]] = {answer_id: [] for answer_id in acknowledged}
        for entry in entries:
            kept[entry.answers[0]].append((entry.entry_id, entry.stated))
        assert kept == acknowledged
        standing = [entry for entry, stands in zip(entries, await log.standing(entries), strict=True) if stands]
        assert {entry.answers[0]: (entry.entry_id, entry.stated) for entry in standing} == {
            answer_id: votes[-1] for answer_id, votes in acknowledged.items() if votes
        }
        export = FeedbackExport(log, AnswerStore(client))
        rows = [row async for batch in export.batches("kto") for row in batch]
        said = sorted((row["completion"][0]["content"], row["label"]) for row in rows)
        assert len({text for text, _ in said}) == len(said) == len(standing)
