"""Several LoRA adapters on one base model: each answers as if it were alone there, while others come and go."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from tests.training.tiny_causal import add_tiny_adapter, make_tiny_causal
from training.policy.base import Answer, PolicyUnavailable, Prompt, Sampling, ShownPassage
from training.policy.causal import CausalLMPolicy
from training.policy.causal.adapters import SharedModel

PROMPT = Prompt(
    "When are refunds paid?", (ShownPassage(1, "c", "d", "Handbook", "Refunds are paid within thirty days.", 1.0),)
)
WEIGHTS = "adapter_model.safetensors"
GREEDY = Sampling(max_tokens=24)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a checkpoint with two adapters."""
    folder = tmp_path_factory.mktemp("shared")
    model = make_tiny_causal(folder / "model")
    add_tiny_adapter(model, folder / "one", seed=1)
    add_tiny_adapter(model, folder / "two", seed=2)
    return folder


@pytest.fixture
def shared(folder: Path) -> Iterator[SharedModel]:
    """Load the model."""
    model = SharedModel.load(str(folder / "model"), device="cpu")
    yield model
    model.close()


def said(policy: CausalLMPolicy, sampling: Sampling = GREEDY) -> tuple[str, float]:
    """Ask, and give the text and its log-probability."""
    (answer,) = policy.sample([PROMPT], 1, sampling)[0]
    assert answer.logprob is not None
    return answer.text, answer.logprob


@pytest.fixture(scope="module")
def alone(folder: Path) -> dict[str, tuple[str, float]]:
    """Give what each says in a model of its own."""
    found = {}
    for name in ("base", "one", "two"):
        policy = CausalLMPolicy.load(
            str(folder / "model"), adapter=None if name == "base" else folder / name, version=name, device="cpu"
        )
        found[name] = said(policy)
        policy.close()
    assert len(set(found.values())) == 3
    return found


def test_each_says_what_it_says_alone_whatever_comes_and_goes(
    shared: SharedModel, folder: Path, alone: dict[str, tuple[str, float]]
) -> None:
    base = shared.policy("base", None)
    assert said(base) == alone["base"]
    one = shared.policy("one", folder / "one")
    two = shared.policy("two", folder / "two")
    for _ in range(2):
        assert (said(two), said(base), said(one)) == (alone["two"], alone["base"], alone["one"])
    one.close()
    assert len(shared.adapters) == 1
    assert (said(two), said(base)) == (alone["two"], alone["base"])
    two.close()
    assert not shared.adapters
    assert said(base) == alone["base"]
    again = shared.policy("two", folder / "two")
    assert (said(again), said(base)) == (alone["two"], alone["base"])


@pytest.mark.slow
def test_answers_in_the_making_keep_their_adapter_to_the_last_token(
    shared: SharedModel, folder: Path, alone: dict[str, tuple[str, float]]
) -> None:
    one, base = shared.policy("one", folder / "one"), shared.policy("base", None)
    started, ended, failures = threading.Event(), threading.Event(), list[str]()

    def keep_asking(policy: CausalLMPolicy, expected: str) -> None:
        while not ended.is_set():
            for delta in policy.stream(PROMPT, GREEDY):
                started.set()
                last = delta.answer
            if not isinstance(last, Answer) or last.text != expected:
                failures.append(f"{policy.version} said {last}")

    threads = [
        threading.Thread(target=keep_asking, args=(policy, alone[name][0]))
        for policy, name in ((one, "one"), (base, "base"))
    ]
    for thread in threads:
        thread.start()
    assert started.wait(60)
    for _ in range(5):  # while they answer token by token
        two = shared.policy("two", folder / "two")
        assert said(two)[0] == alone["two"][0]
        two.close()
    ended.set()
    for thread in threads:
        thread.join()
    assert not failures, failures[0]


def test_an_adapter_that_does_not_fit_is_refused_and_changes_nothing(
    shared: SharedModel, folder: Path, tmp_path: Path, alone: dict[str, tuple[str, float]]
) -> None:
    wrong = tmp_path / "wrong"
    shutil.copytree(folder / "two", wrong)
    weights = {name: value[..., :-1].clone() for name, value in load_file(wrong / WEIGHTS).items()}
    save_file(weights, wrong / WEIGHTS)
    base = shared.policy("base", None)
    for unfit in (tmp_path, wrong):
        with pytest.raises(PolicyUnavailable):
            shared.policy("unfit", unfit)
        assert not shared.adapters
    assert said(base) == alone["base"]
    one = shared.policy("one", folder / "one")
    for unfit in (tmp_path, wrong):
        with pytest.raises(PolicyUnavailable):
            shared.policy("unfit", unfit)
        assert len(shared.adapters) == 1
    assert (said(base), said(one)) == (alone["base"], alone["one"])


def test_after_the_model_is_closed_policies_say_so(folder: Path) -> None:
    model = SharedModel.load(str(folder / "model"), device="cpu")
    one = model.policy("one", folder / "one")
    model.close()
    with pytest.raises(PolicyUnavailable):
        one.sample([PROMPT], 1, GREEDY)
    one.close()  # as the book does, in whatever order
