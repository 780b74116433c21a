"""A home with a candidate on trial, and people who judge what both arms said."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from redis import Redis

from service.chat.trial import Note
from service.feedback.records import Preference, Vote
from service.scopes import SHARED, Scope
from service.settings import Settings, load_settings
from service.versions.served import Role
from service.versions.standing import registry_of
from tests.service.cycles.filling import Log, fill_log
from tests.service.feedback.samples import make_answer, make_prompt
from training.gate import Check, Verdict
from training.policy.extractive import Residual, adapter_files
from training.registry import ModelCard
from training.statistics import Estimate
from training.watch.config import TrialConfig

QUICK = TrialConfig(min_served=0, min_judged=20)
BASE = "base-extractive"


class World:
    """One home on an emptied Redis."""

    def __init__(self, home: Path, url: str, scope: Scope = SHARED) -> None:
        self.settings: Settings = load_settings(home=home, redis_url=url)
        self.scope = scope
        self.registry = registry_of(self.settings, scope)
        self.client: Redis = Redis.from_url(url)
        self.champion = BASE
        self._asked = 0

    def publish(self, *, proven: bool = False, weight: float = 1.5) -> str:
        """Publish a version that the gate proved, or lets be tried."""
        outcome = "passed" if proven else "failed"
        proof = Check(
            "win rate",
            "promotion",
            outcome,  # type: ignore[arg-type]
            "shown" if proven else "not shown",
            Estimate(0.55, 0.45, 0.65, 40, 40),
            0.5,
            {"changed": 40.0},
            tolerable=True,
        )
        verdict = Verdict("new", self.champion, (proof,), config={"trial": True})
        residual = Residual()
        residual.pointer[0] = weight
        files = {f"adapter/{name}": content for name, content in adapter_files(residual, {}).items()}
        card = ModelCard(kind="extractive", base="all-MiniLM-L6-v2", verdict=verdict.as_dict())
        return self.registry.publish(files, card).name

    def on_trial(self, *, proven: bool = False) -> str:
        """Publish a version and put it on trial."""
        name = self.publish(proven=proven)
        self.registry.assign("candidate", name, who="training")
        return name

    def judge(self, candidate: str, n: int, *, better: float, seed: int = 0, **changed: Any) -> None:
        """Let n people judge one prompt each: half of them pairs; in `better` of the cases the candidate's is right."""
        rng = random.Random(seed)

        async def fill(log: Log) -> None:
            for _ in range(n):
                self._asked += 1
                right, pair = rng.random() < better, rng.random() < 0.5
                voter = f"key:{changed.get('voter', f'v{self._asked}')}"
                if pair:
                    await self._duel(log, candidate, right, voter, rng.random() < 0.5, changed)
                else:
                    role: Role = "candidate" if rng.random() < 0.5 else "champion"
                    up = right == (role == "candidate")
                    await self._thumb(log, candidate, role, up, voter, changed)

        fill_log(self.settings, fill)

    def thumbs(self, version: str, n: int, *, up: float, seed: int = 0) -> None:
        """Let n people judge what a version says when it is not on trial."""
        rng = random.Random(seed)

        async def fill(log: Log) -> None:
            for _ in range(n):
                self._asked += 1
                answer = await self._answer(log, version, Note())
                await log.vote(answer, Vote("up" if rng.random() < up else "down"), f"key:w{self._asked}")

        fill_log(self.settings, fill)

    async def _duel(
        self, log: Log, candidate: str, right: bool, voter: str, first: bool, changed: dict[str, Any]
    ) -> None:
        notes = [self._note("candidate", candidate, pair="trial", **_of(changed)), self._note("champion", candidate)]
        notes[1] = replace(notes[0], role="champion")
        shown = [(candidate, notes[0]), (self.champion, notes[1])]
        shown = shown if first else shown[::-1]
        ids = [await self._answer(log, version, note, **changed) for version, note in shown]
        won = "first" if first == right else "second"
        ranks = (1, 2) if won == "first" else (2, 1)
        preference = Preference((ids[0], ids[1]), won, ranks)  # type: ignore[arg-type]
        await log.log.prefer(preference, voter=voter, allowed=True)

    async def _thumb(self, log: Log, candidate: str, role: Role, up: bool, voter: str, changed: dict[str, Any]) -> None:
        version = candidate if role == "candidate" else self.champion
        note = self._note(role, candidate, **{"propensity": 0.5, **_of(changed)})
        answer = await self._answer(log, version, note, **changed)
        await log.vote(answer, Vote("up" if up else "down"), voter)

    def _note(self, role: Role, candidate: str, **fields: Any) -> Note:
        return Note(**{"role": role, "trial": candidate, "scope": self.scope, "same": False, **fields})

    async def _answer(self, log: Log, version: str, note: Note, **changed: Any) -> str:
        asked = make_prompt(
            question=f"Why {self._asked}?", resolved_question="", history=(), segment=changed.get("segment")
        )
        return await log.answer(
            f"Often {self._asked}.",
            prompt=asked,
            answer=make_answer(f"Because {version}.", version),
            attributes=note.attributes(),
        )

    def sync(self, coroutine: Any) -> Any:
        """Run something asynchronous."""
        return asyncio.run(coroutine)


def _of(changed: dict[str, Any]) -> dict[str, Any]:
    """Give what of the changes is of the note."""
    return {name: value for name, value in changed.items() if name in ("trial", "same", "propensity")}
