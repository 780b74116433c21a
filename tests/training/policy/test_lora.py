"""Adapters on a server that keeps vLLM's ways (`tests/training/vllm_peer.py`); no vLLM runs here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.training.vllm_peer import VllmPeer
from training.policy.base import PolicyUnavailable, Prompt, Sampling
from training.policy.remote import Patience, RemotePolicy
from training.policy.remote.calls import Refused
from training.policy.remote.lora import LoraServer

ASKED = Prompt("Who?", ())
HASTY = Patience(connect_s=1, read_s=20, retries=0)


@pytest.fixture
def peer() -> Iterator[VllmPeer]:
    """Serve a base model."""
    peer = VllmPeer("base/model")
    peer.url = peer.start()  # type: ignore[attr-defined]
    yield peer
    peer.stop()


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """Give the folder of something that such a server takes for an adapter."""
    (tmp_path / "adapter_config.json").write_text("{}")
    return tmp_path


def url_of(peer: VllmPeer) -> str:
    """Give its address."""
    url: str = peer.url  # type: ignore[attr-defined]
    return url


def said(policy: RemotePolicy) -> str:
    """Ask."""
    return policy.sample([ASKED], 1, Sampling())[0][0].text


def test_an_adapter_is_loaded_asked_and_unloaded_and_twice_is_no_harm(peer: VllmPeer, adapter: Path) -> None:
    server = LoraServer(url_of(peer), patience=HASTY)
    for _ in range(2):
        server.load("v000001-causal", str(adapter))
    assert peer.adapters == {"v000001-causal": str(adapter)}
    policy = RemotePolicy(url_of(peer), "v000001-causal", patience=HASTY)
    assert said(policy) == "v000001-causal says so. [1]"
    for _ in range(2):
        server.unload("v000001-causal")
    assert peer.adapters == {}
    with pytest.raises(PolicyUnavailable, match="does not exist"):
        said(policy)
    policy.close()
    server.close()


def test_what_cannot_be_loaded_is_told(peer: VllmPeer, tmp_path: Path) -> None:
    server = LoraServer(url_of(peer), patience=HASTY)
    with pytest.raises(Refused, match="No adapter found"):
        server.load("v000001-causal", str(tmp_path))
    server.close()
    plain = VllmPeer("base/model", updating=False)
    url = plain.start()
    server = LoraServer(url, patience=HASTY)
    with pytest.raises(Refused, match="VLLM_ALLOW_RUNTIME_LORA_UPDATING"):
        server.load("v000001-causal", str(tmp_path))
    plain.stop()
    with pytest.raises(PolicyUnavailable, match="cannot be reached"):
        server.load("v000001-causal", str(tmp_path))
    server.close()


def test_a_server_that_was_started_anew_gets_its_adapter_again(peer: VllmPeer, adapter: Path) -> None:
    server = LoraServer(url_of(peer), patience=HASTY)
    server.load("one", str(adapter))
    policy = RemotePolicy(
        url_of(peer), "one", patience=HASTY, restore=lambda: server.load("one", str(adapter)), on_close=server.close
    )
    assert said(policy) == "one says so. [1]"
    peer.restart()
    assert "".join(delta.text for delta in policy.stream(ASKED, Sampling())) == "one says so. [1]"
    assert [what for what, _ in peer.calls] == ["load", "chat", "chat", "load", "chat"]
    peer.restart()
    (adapter / "adapter_config.json").unlink()  # and now it cannot be loaded either
    with pytest.raises(Refused, match="No adapter found"):
        said(policy)
    policy.close()
