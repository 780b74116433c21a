"""A version that may only be tried becomes champion on live evidence alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.training.registry.making import published
from training.gate import Check, Verdict
from training.registry import BASE, NotPromotable, Registry, Version
from training.statistics import Estimate
from training.watch.evidence import LiveEvidence


def on_trial(registry: Registry) -> Version:
    """Publish a version that may only be tried, and put it on trial."""
    proof = Check("win rate", "promotion", "failed", "not shown", Estimate(0.55, 0.4, 0.7, 20, 20), 0.5, tolerable=True)
    config = {"trial": True}
    judged = Verdict("trained", registry.alias("champion") or BASE, (proof,), config=config).as_dict()
    version = published(registry, verdict=judged)
    registry.assign("candidate", version.name)
    return version


def shown(version: Version, **fields: Any) -> LiveEvidence:
    given: dict[str, Any] = {"test": "superiority", "decision": "promote", "log_e": 3.1, "needed": 3.0, **fields}
    return LiveEvidence(candidate=version.name, champion=given.pop("champion", BASE), counts={"duels": 80}, **given)


def test_what_may_only_be_tried_is_promoted_on_live_evidence_and_never_without(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    version = on_trial(registry)
    for evidence in (None, shown(version, log_e=2.9), shown(version, decision="watch")):
        with pytest.raises(NotPromotable, match="may only be tried"):
            registry.promote(version.name, evidence=evidence)
    with pytest.raises(NotPromotable, match="the votes are about"):
        registry.promote(version.name, evidence=shown(version, champion="v000099-extractive"))
    registry.promote(version.name, evidence=shown(version), who="watch")
    move = Registry(tmp_path).aliases().moves[-1]
    assert move.evidence == shown(version).as_dict()
    assert LiveEvidence.from_dict(move.evidence or {}) == shown(version)
    assert registry.alias("candidate") is None


def test_what_may_only_be_tried_can_still_be_forced(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    version = on_trial(registry)
    registry.promote(version.name, force=True, why="seen by hand")
    assert registry.alias("champion") == version.name
    assert b'"evidence"' not in (tmp_path / "ALIASES").read_bytes()  # programs without it can read that
