"""Where it is set, the reward model of a version chooses among its answers; and among those of a remote model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.encoders import Encoders
from service.scopes import SHARED
from service.settings import Settings
from service.versions.follower import Follower
from service.versions.loading import REWARD, Loader
from service.versions.standing import registry_of
from tests.service.chat.test_records import stored
from tests.service.versions.making import promote
from tests.service.versions.swapping import serving, until
from tests.training.registry.making import verdict
from tests.training.reward.world import ENCODER, pairs_world
from tests.training.vllm_peer import VllmPeer
from training.policy.base import Prompt, Sampling, ShownPassage
from training.policy.extractive import Residual, adapter_files
from training.registry import ADAPTER, ModelCard
from training.reward.config import RewardConfig
from training.reward.train import train_reward
from training.updates.choosing import ChoosingPolicy

ASKED = Prompt("When?", (ShownPassage(1, "c", "d", "T", "It opens at eight. It closes at six. It is red.", 1.0),))


@pytest.fixture(scope="module")
def reward() -> dict[str, bytes]:
    """Train a small reward model."""
    return train_reward(pairs_world(30), RewardConfig(precision=30.0, semantic=1000.0), encoder=ENCODER).files()


@pytest.fixture
def encoders(tmp_path: Path) -> Iterator[Encoders]:
    """Give the encoders."""
    made = Encoders(Settings(home=tmp_path, embedding_model="hashing"))
    yield made
    made.close()


def publish(settings: Settings, reward: dict[str, bytes], *, passed: bool = True) -> str:
    """Publish a version with a reward model."""
    files: dict[str, bytes | Path] = {f"{ADAPTER}/{n}": content for n, content in adapter_files(Residual(), {}).items()}
    files |= {f"{REWARD}/{name}": content for name, content in reward.items()}
    card = ModelCard(kind="extractive", base="hashing", verdict=verdict(passed=passed))
    return registry_of(settings, SHARED).publish(files, card).name


@pytest.mark.parametrize("best_of", [1, 3])
def test_a_versions_own_reward_model_chooses_where_it_is_set(
    tmp_path: Path, encoders: Encoders, reward: dict[str, bytes], best_of: int
) -> None:
    settings = Settings(home=tmp_path, embedding_model="hashing", best_of=best_of)
    name = publish(settings, reward)
    promote(settings, name)
    policy = Follower(settings, Loader(settings, encoders)).book.route("a").policy
    assert policy.version == name
    assert isinstance(policy, ChoosingPolicy) == (best_of > 1)
    ((answer,),) = policy.sample([ASKED], 1, Sampling())
    assert answer.version == name


def test_the_newest_one_that_passed_chooses_for_a_remote_model(
    tmp_path: Path, encoders: Encoders, reward: dict[str, bytes]
) -> None:
    peer = VllmPeer("far/away")
    settings = Settings(
        home=tmp_path,
        embedding_model="hashing",
        best_of=3,
        policy="remote",
        remote_base_url=peer.start(),
        remote_model="far/away",
    )
    loader = Loader(settings, encoders)
    follower = Follower(settings, loader)

    def asked_of_it() -> int:
        before = len(peer.calls)
        ((answer,),) = follower.book.route("a").policy.sample([ASKED], 1, Sampling())
        assert (answer.version, answer.text) == ("far-away", "far/away says so. [1]")
        return len(peer.calls) - before

    assert asked_of_it() == 1  # nothing was learned yet
    first = publish(settings, reward)
    publish(settings, reward, passed=False)
    assert follower.look()
    policy = follower.book.route("a").policy
    assert isinstance(policy, ChoosingPolicy)
    assert asked_of_it() == 3
    publish(settings, reward)
    assert follower.look()
    newer = follower.book.route("a").policy
    assert isinstance(newer, ChoosingPolicy)
    assert newer is not policy
    assert asked_of_it() == 3
    assert policy.sample([ASKED], 1, Sampling())[0][0].text  # the one before may still be in the middle of an answer
    assert registry_of(settings, SHARED).get(first).path
    follower.book.close()
    loader.close()
    peer.stop()


def test_a_chosen_answer_says_of_how_many(tmp_path: Path, reward: dict[str, bytes], redis_url: str) -> None:
    with serving(tmp_path, redis_url, best_of=3) as server, server.http("operator") as http:
        name = publish(server.container.settings, reward)
        promote(server.container.settings, name)
        until(lambda: server.container.policies.route("a").version == name)

        def attributes(**more: object) -> list[dict[str, str]]:
            """Ask, and give what is noted with the answers."""
            body = {"messages": [{"role": "user", "content": "Where are the apples kept?"}], **more}
            choices = http.post("/v1/chat/completions", json=body).json()["choices"]
            records = stored(redis_url, *(choice["answer_id"] for choice in choices))
            return [dict(record.attributes) for record in records]

        assert [one.get("best_of") for one in attributes()] == ["3"]
        assert [one.get("best_of") for one in attributes(n=2)] == [None, None]  # the policy's own, to be compared
