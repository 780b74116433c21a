"""Versions as adapters on a model server: loaded, warmed, switched to, drained, unloaded; lost ones come back.

The server is a stand-in that keeps vLLM's ways (`tests/training/vllm_peer.py`); no vLLM runs here.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.redis.server import RedisServer
from service.scopes import SHARED, registry_folder
from service.versions.standing import registry_of
from tests.service.http_world import LiveServer
from tests.service.versions.making import promote, publish
from tests.service.versions.swapping import serving, until
from tests.training.vllm_peer import VllmPeer
from training.registry import ADAPTER, CANDIDATE

BASE = "base/model"


@pytest.fixture
def peer() -> Iterator[VllmPeer]:
    """Serve a base model."""
    peer = VllmPeer(BASE)
    yield peer
    peer.stop()


@pytest.fixture
def server(peer: VllmPeer, tmp_path: Path, redis_server: RedisServer) -> Iterator[LiveServer]:
    """Serve with that model."""
    with serving(
        tmp_path / "home",
        redis_server.url,
        policy="remote",
        remote_base_url=peer.start(),
        remote_model=BASE,
        remote_lora=True,
        version_poll_s=0.05,
        canary_share=0.5,
    ) as server:
        yield server


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """Give the folder of something that such a server takes for an adapter."""
    folder = tmp_path / "adapter"
    folder.mkdir()
    (folder / "adapter_config.json").write_text("{}")
    return folder


def ask(server: LiveServer, model: str = "groundloop", user: str = "somebody") -> tuple[str, str]:
    """Ask by stream; give which version says that it answered, and what it said."""
    body = {"model": model, "messages": [{"role": "user", "content": "Where are the apples?"}]}
    with server.http("operator") as http:
        answer = http.post("/v1/chat/completions", json=body, headers={"X-Groundloop-User": user})
    assert answer.status_code == 200, answer.text
    whole = answer.json()
    return whole["system_fingerprint"], whole["choices"][0]["message"]["content"]


def test_versions_are_adapters_under_names_that_never_mean_another(
    server: LiveServer, peer: VllmPeer, adapter: Path
) -> None:
    settings, book = server.container.settings, server.container.policies
    assert ask(server) == ("base-model", "base/model says so. [1]")
    first = publish(settings, kind="causal", base=BASE, adapter=adapter)
    promote(settings, first)
    until(lambda: book.route("a").version == first)
    assert peer.adapters == {first: str(registry_folder(settings) / "versions" / first / ADAPTER)}
    assert ask(server) == (first, f"{first} says so. [1]")

    second = publish(settings, kind="causal", base=BASE, adapter=adapter)
    registry_of(settings, SHARED).assign(CANDIDATE, second)
    until(lambda: book.present.rivals() is not None)
    assert set(peer.adapters) == {first, second}
    said = {ask(server, user=f"user-{number}") for number in range(16)}
    assert said == {(name, f"{name} says so. [1]") for name in (first, second)}

    promote(settings, second)
    until(lambda: set(peer.adapters) == {second})
    assert ("chat", second) in peer.calls[peer.calls.index(("load", second)) :]
    registry_of(settings, SHARED).rollback()
    until(lambda: set(peer.adapters) == {first})
    assert ask(server)[0] == first


def test_an_adapter_is_unloaded_after_its_last_answer(server: LiveServer, peer: VllmPeer, adapter: Path) -> None:
    settings, book = server.container.settings, server.container.policies
    first, second = (publish(settings, kind="causal", base=BASE, adapter=adapter) for _ in range(2))
    promote(settings, first)
    until(lambda: book.route("a").version == first)
    peer.held = first
    answers: list[tuple[str, str]] = []
    asking = threading.Thread(target=lambda: answers.append(ask(server)))
    asking.start()
    until(lambda: peer.open == 1)
    promote(settings, second)
    until(lambda: book.route("a").version == second)
    assert (set(peer.adapters), book.draining) == ({first, second}, (first,))
    peer.held = ""
    asking.join()
    assert answers == [(first, f"{first} says so. [1]")]
    until(lambda: set(peer.adapters) == {second})


def test_a_model_server_that_lost_its_adapters_gets_them_back(
    server: LiveServer, peer: VllmPeer, adapter: Path
) -> None:
    settings, book = server.container.settings, server.container.policies
    name = publish(settings, kind="causal", base=BASE, adapter=adapter)
    promote(settings, name)
    until(lambda: book.route("a").version == name)
    peer.restart()
    assert ask(server) == (name, f"{name} says so. [1]")


def test_what_the_model_server_refuses_does_not_take_over(server: LiveServer, adapter: Path) -> None:
    settings, book = server.container.settings, server.container.policies
    (adapter / "adapter_config.json").rename(adapter / "something_else.json")
    name = publish(settings, kind="causal", base=BASE, adapter=adapter)
    promote(settings, name)
    following = server.container.following
    assert following is not None
    until(lambda: following.follower.problems)
    assert "No adapter found" in following.follower.problems[0].reason
    assert book.route("a").version == "base-model"
    assert ask(server)[0] == "base-model"


def test_a_process_that_ends_leaves_the_adapters_to_the_others(
    peer: VllmPeer, adapter: Path, tmp_path: Path, redis_server: RedisServer
) -> None:
    with serving(
        tmp_path / "home",
        redis_server.url,
        policy="remote",
        remote_base_url=peer.start(),
        remote_model=BASE,
        remote_lora=True,
        version_poll_s=0.05,
    ) as server:
        settings = server.container.settings
        name = publish(settings, kind="causal", base=BASE, adapter=adapter)
        promote(settings, name)
        until(lambda: server.container.policies.route("a").version == name)
    assert set(peer.adapters) == {name}
