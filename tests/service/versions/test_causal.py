"""Versions of a causal policy: adapters of one model in this process, champion and candidate at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.encoders import Encoders
from service.scopes import SHARED
from service.settings import Settings
from service.versions.follower import Follower
from service.versions.loading import Loader
from service.versions.standing import registry_of
from tests.service.versions.making import damage, promote, publish
from tests.service.versions.swapping import until
from tests.training.tiny_causal import add_tiny_adapter, make_tiny_causal
from training.policy.base import Prompt, Sampling, ServingPolicy, ShownPassage
from training.registry import CANDIDATE

pytestmark = pytest.mark.slow
ASKED = Prompt("When?", (ShownPassage(1, "c", "d", "Handbook", "Refunds are paid within thirty days.", 1.0),))
GREEDY = Sampling(max_tokens=24)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Give a home with a tiny model."""
    model = make_tiny_causal(tmp_path / "model")
    return Settings(
        home=tmp_path / "home",
        embedding_model="hashing",
        policy="causal",
        causal_model=str(model),
        device="cpu",
        canary_share=0.5,
    )


@pytest.fixture
def loader(settings: Settings) -> Iterator[Loader]:
    """Give what loads."""
    encoders = Encoders(settings)
    loader = Loader(settings, encoders)
    yield loader
    loader.close()
    encoders.close()


def said(policy: ServingPolicy) -> str:
    """Ask."""
    return policy.sample([ASKED], 1, GREEDY)[0][0].text


def adapter_of(settings: Settings, folder: Path, seed: int) -> str:
    """Publish an adapter."""
    made = add_tiny_adapter(Path(settings.causal_model), folder / f"adapter{seed}", seed=seed)
    return publish(settings, kind="causal", base=settings.causal_model, adapter=made)


def test_adapters_are_swapped_in_process_while_answers_are_made(
    settings: Settings, loader: Loader, tmp_path: Path
) -> None:
    follower = Follower(settings, loader)
    book, registry = follower.book, registry_of(settings, SHARED)
    base = said(book.route("a").policy)
    first, second, third = (adapter_of(settings, tmp_path, seed) for seed in (1, 2, 3))
    promote(settings, first)
    registry.assign(CANDIDATE, second)
    assert follower.look()
    rivals = book.present.rivals()
    assert rivals is not None
    assert [served.version for served in rivals] == [first, second]
    texts = [said(served.policy) for served in rivals]
    assert len({base, *texts}) == 3
    assert said(book.pinned("base-causal").policy) == base

    lease = book.lease()
    stream = rivals[0].policy.stream(ASKED, GREEDY)
    begun = next(stream).text
    promote(settings, third)
    swapped = threading.Thread(target=follower.look)
    swapped.start()
    until(lambda: book.route("a").version in (second, third))
    assert begun + "".join(delta.text for delta in stream) == texts[0]  # to its last token
    assert book.draining == (first,)
    lease.release()
    swapped.join()
    until(lambda: not book.draining)
    assert said(book.pinned("base-causal").policy) == base

    damaged = adapter_of(settings, tmp_path, 4)
    promote(settings, damaged)
    damage(registry, damaged)
    follower.look()
    assert book.present.arms[SHARED].champion.version == third
    assert [problem.version for problem in follower.problems] == [damaged]
    registry.rollback()
    registry.rollback()
    assert follower.look()
    assert said(book.present.arms[SHARED].champion.policy) == texts[0]
    book.close()
