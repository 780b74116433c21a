"""A collection that is closed: versions that learned from it while it was open are marked, and said so."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from service.access import Role
from service.restricting import mark_closed
from service.scopes import SHARED, Scope, registry_folder
from service.settings import Settings
from tests.service.http_world import LiveServer
from tests.training.registry.making import published
from training.registry.errors import NotPromotable
from training.registry.registry import Registry

OPEN, CLOSED = frozenset({"*"}), frozenset({"group:hr"})
OWN, SEGMENT = Scope("collection", "vs_hr"), Scope("segment", "de")


def learned(settings: Settings, scope: Scope, *collections: str) -> tuple[Registry, str]:
    registry = Registry(registry_folder(settings, scope))
    return registry, published(registry, data={"collections": dict.fromkeys(collections, 7)}).name


def test_every_scope_but_its_own_is_marked_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(home=tmp_path)
    shared, first = learned(settings, SHARED, "vs_hr", "vs_wiki")
    _, clean = learned(settings, SHARED, "vs_wiki")
    segment, theirs = learned(settings, SEGMENT, "vs_hr")
    own, kept = learned(settings, OWN, "vs_hr")
    with caplog.at_level(logging.WARNING):
        assert mark_closed(settings, {"vs_hr": CLOSED, "vs_wiki": OPEN}, who="key:op") == (first, theirs)
    assert [record for record in caplog.records if first in record.message and "vs_hr" in record.message]
    assert [mark.who for mark in shared.get(first).marks] == ["key:op"]
    assert shared.get(clean).marks == own.get(kept).marks == ()
    with pytest.raises(NotPromotable, match="learned from collection vs_hr"):
        segment.promote(theirs)
    assert mark_closed(settings, {"vs_hr": CLOSED, "vs_wiki": OPEN}, who="schedule") == ()
    assert mark_closed(settings, {"vs_hr": CLOSED, "vs_wiki": CLOSED}, who="key:op") == (clean, first)


def test_nothing_closed_or_nothing_learned_marks_nothing(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert mark_closed(settings, {"vs_hr": CLOSED}, who="key:op") == ()
    learned(settings, SHARED, "vs_hr")
    assert mark_closed(settings, {"vs_hr": OPEN}, who="key:op") == ()
    published(Registry(registry_folder(settings)), 2)  # of a time when cards did not say
    assert mark_closed(settings, {"vs_other": CLOSED}, who="key:op") == ()


@pytest.mark.parametrize(("readers", "marked"), [(["group:hr"], True), (["*", "group:hr"], False), (None, False)])
def test_closing_a_vector_store_marks_at_once(live: LiveServer, readers: list[str] | None, marked: bool) -> None:
    role: Role = "operator"
    with live.http(role) as client:
        store = client.post("/v1/vector_stores", json={"name": "hr"}).json()["id"]
        registry, version = learned(live.container.settings, SHARED, store)
        change = {"name": "people"} if readers is None else {"readers": readers}
        assert client.post(f"/v1/vector_stores/{store}", json=change).status_code == 200
        assert bool(registry.get(version).marks) is marked
