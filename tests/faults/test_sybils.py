"""One judgement in five comes from invented voters who say the opposite of what is right: the gate refuses what was
learned, or what was learned is not worse on questions that nobody asked.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis

from retrieval.embed import HashingEmbedder
from service.cycles import store
from service.cycles.fates import fates_of
from service.cycles.process import train
from service.cycles.snapshot import read_snapshot
from service.feedback.keys import FEEDBACK
from service.redis.calls import ask
from service.redis.connect import open_async
from service.settings import Settings
from tests.faults.cycle_world import SETTINGS, fill, look, options
from tests.training.pipeline.world import accuracy, judge, questions
from training.policy.extractive import ExtractivePolicy, Prior, load_residual
from training.records.types import Record
from training.registry.registry import Registry

pytestmark = [pytest.mark.fault, pytest.mark.timeout(1800)]
HONEST, SYBIL = 240, 60
VOTES_EACH = 3  # of an invented voter: few enough to stay below every cap and every comparison with others


def _judged() -> list[Record]:
    asked, untrained = questions(240), ExtractivePolicy(HashingEmbedder(), prior=Prior.similarity())
    honest = judge(asked[:HONEST], untrained)
    lies = judge(asked[:SYBIL], untrained, seed=1, flipped=1.0)
    sybils = [replace(one, voter=f"key:portal/user:bot-{place // VOTES_EACH}") for place, one in enumerate(lies)]
    return [one for pair in zip(honest, sybils, strict=False) for one in pair] + honest[SYBIL:]


def test_invented_voters_do_not_make_the_champion_worse(tmp_path: Path, redis_url: str) -> None:
    records = _judged()
    fill(redis_url, records)
    given: dict[str, Any] = {**SETTINGS, "train_options": options(tmp_path)}
    settings = Settings(home=tmp_path, redis_url=redis_url, **given)
    with redis.Redis.from_url(redis_url) as client:
        cycle_id = ask(client, store.create("shared", "schedule")).id
        train(settings)
        cycle = look(client, cycle_id)

        assert cycle.state in ("refused", "candidate"), cycle.reason
        snapshot = read_snapshot(tmp_path / "training" / cycle_id)
        assert snapshot.records == HONEST + SYBIL
        if cycle.state == "candidate":
            version = Registry(tmp_path / "registry" / "extractive").open(cycle.version)
            assert version.adapter is not None
            encoder, prior = HashingEmbedder(), Prior.for_encoder("hashing")
            unseen = questions(360)[240:]
            learned = ExtractivePolicy(encoder, version="new", residual=load_residual(version.adapter), prior=prior)
            before = accuracy(unseen, ExtractivePolicy(encoder, version="old", prior=prior))
            assert accuracy(unseen, learned) > before - 0.01
        assert ask(client, store.create("shared", "schedule")).new  # and it goes on

    async def fates() -> int:
        async with open_async(redis_url) as opened:
            found: Any = await opened.xrange(FEEDBACK)
            return len(await fates_of(opened, [entry.decode() for entry, _ in found]))

    assert asyncio.run(fates()) == HONEST + SYBIL  # each can be asked what became of it
