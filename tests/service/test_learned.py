"""The champion of the registry answers; whatever does not fit the settings, or is damaged, does not."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from retrieval.embed import HashingEmbedder, QueryEncoder
from retrieval.embed.adapter import AdaptedQuestions, QueryAdapter
from service.learned import QUERY, find_learned
from service.models import _questions, load_policies
from service.scopes import registry_folder
from service.settings import Settings
from training.policy.extractive import Residual, adapter_files
from training.registry.card import ModelCard
from training.registry.registry import Registry
from training.registry.versions import ADAPTER


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Give a home whose encoder needs no weights."""
    return Settings(home=tmp_path, embedding_model="hashing")


def promote(settings: Settings, *, base: str = "hashing", kind: str = "extractive", query_for: str = "hashing") -> str:
    """Publish a version that learned one weight and one move of questions, and let it serve."""
    residual = Residual()
    residual.pointer[0] = 1.5
    query = QueryAdapter(query_for, np.eye(1, 384, dtype=np.float32), np.eye(1, 384, 1, dtype=np.float32))
    files = {f"{ADAPTER}/{name}": content for name, content in adapter_files(residual, {}).items()}
    files |= {f"{QUERY}/{name}": content for name, content in query.files().items()}
    registry = Registry(registry_folder(settings))
    version = registry.publish(files, ModelCard(kind=kind, base=base))
    registry.promote(version.name, who="test", why="there is no gate here", force=True)
    return version.name


class Encoders:
    """One encoder without weights."""

    def __init__(self) -> None:
        self.embedder = HashingEmbedder()
        self.queries = QueryEncoder(self.embedder)

    def load(self, name: str) -> tuple[HashingEmbedder, QueryEncoder]:
        """Give it for every name."""
        return self.embedder, self.queries

    def query(self, name: str) -> QueryEncoder:
        """Give it for every name."""
        return self.queries


def test_nothing_was_learned_yet(settings: Settings) -> None:
    assert find_learned(settings) is None
    (policy,) = load_policies(settings, Encoders())  # type: ignore[arg-type]
    assert policy.version == "base-extractive"


def test_the_champion_answers_and_the_base_may_be_pinned(settings: Settings) -> None:
    name = promote(settings)
    learned = find_learned(settings)
    assert learned is not None
    policies = load_policies(settings, Encoders(), learned)  # type: ignore[arg-type]
    assert [policy.version for policy in policies] == [name, "base-extractive"]
    weights = [policy.residual.pointer[0] for policy in policies]  # type: ignore[attr-defined]
    assert weights == [1.5, 0.0]


def test_questions_are_moved_for_search(settings: Settings) -> None:
    promote(settings)
    encoders = Encoders()
    learned = find_learned(settings)
    assert isinstance(_questions(encoders, learned)("hashing"), AdaptedQuestions)  # type: ignore[arg-type]
    assert _questions(encoders, None)("hashing") is encoders.queries  # type: ignore[arg-type]


def test_after_a_rollback_the_base_answers(settings: Settings) -> None:
    promote(settings)
    Registry(registry_folder(settings)).rollback(who="test")
    assert find_learned(settings) is None


@pytest.mark.parametrize("other", [{"base": "all-MiniLM-L6-v2"}, {"kind": "causal"}])
def test_what_was_learned_for_something_else_is_told_and_left(
    settings: Settings, other: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    promote(settings, **other)
    with caplog.at_level(logging.WARNING):
        assert find_learned(settings) is None
    assert "so its base serves" in caplog.text


def test_a_query_adapter_for_another_encoder_is_left_out(settings: Settings) -> None:
    promote(settings, query_for="all-MiniLM-L6-v2")
    learned = find_learned(settings)
    assert learned is not None
    assert learned.query is None


def test_a_damaged_champion_gives_way_to_the_one_before(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    first = promote(settings)
    second = promote(settings)
    path = registry_folder(settings) / second / ADAPTER / "residual.safetensors"
    if not path.exists():
        (path,) = (registry_folder(settings)).glob(f"**/{second}/{ADAPTER}/residual.safetensors")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with caplog.at_level(logging.ERROR):
        learned = find_learned(settings)
    assert learned is not None
    assert learned.version == first
    assert second in caplog.text
