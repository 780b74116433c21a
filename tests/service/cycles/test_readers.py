"""Access lists on a host without the catalog: as they were told, and not when they are old."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis

from retrieval.catalog import Catalog
from service.cycles.keys import READERS
from service.cycles.readers import MOST_AGE_S, access_lists, current_readers, tell_readers
from service.cycles.snapshot import write_snapshot
from service.redis.refused import RedisRefused
from service.scopes import SHARED
from service.settings import Settings
from tests.service.cycles.filling import Log, fill_log

LISTS = {"open": frozenset({"*"}), "closed": frozenset({"group:hr", "key:a"}), "nobody": frozenset[str]()}


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as made:
        yield made


@pytest.fixture
def trainer(tmp_path: Path, redis_url: str) -> Settings:
    """Give the settings of a host that only trains."""
    return Settings(home=tmp_path / "home", redis_url=redis_url, catalog_here=False)


def test_what_was_told_is_what_counts_there(trainer: Settings, client: redis.Redis) -> None:
    tell_readers(client, LISTS)
    assert current_readers(trainer) == LISTS
    assert not trainer.home.exists()  # no catalog was made


def test_without_lists_or_with_old_ones_nothing_is_taken(trainer: Settings, client: redis.Redis) -> None:
    with pytest.raises(RedisRefused, match="no access lists"):
        current_readers(trainer)
    tell_readers(client, LISTS)
    told = json.loads(client.get(READERS))  # type: ignore[arg-type]
    client.set(READERS, json.dumps({**told, "at": told["at"] - MOST_AGE_S - 2}))
    with pytest.raises(RedisRefused, match="s old"):
        current_readers(trainer)


def test_a_snapshot_elsewhere_is_the_one_that_would_be_taken_here(
    tmp_path: Path, trainer: Settings, client: redis.Redis
) -> None:
    """What was said of a restricted collection is left out of it, too."""
    here = trainer.model_copy(update={"home": tmp_path / "here", "catalog_here": True})
    with closing(Catalog.open(here.home)) as catalog:
        made = [
            catalog.create_collection(name, embedding_model="hashing", readers=readers).collection_id
            for name, readers in (("open", frozenset({"*"})), ("closed", frozenset({"group:hr"})))
        ]
        tell_readers(client, access_lists(catalog))

    async def fill(log: Log) -> None:
        for name, collection in zip(("open", "closed"), made, strict=True):
            await log.vote(await log.answer(name, collections=(collection,)))

    fill_log(here, fill)
    local = write_snapshot(here, SHARED, here.home / "training" / "job")
    remote = write_snapshot(trainer, SHARED, trainer.home / "training" / "job")
    assert (remote.digest, remote.records, remote.left_out) == (local.digest, 1, local.left_out)
    assert not (trainer.home / "catalog.db").exists()
