"""The extractive policy: a proper distribution, exact log-probabilities, distinct samples, adapters."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.embed import HashingEmbedder
from retrieval.embed.base import Embedder
from tests.training.conftest import make_prompt
from training.citations import cite
from training.policy.base import ABSTENTION, Answer, Prompt, Sampling, SamplingCancelled, ShownPassage
from training.policy.extractive import ExtractivePolicy, Prior, Residual, adapter_files, load_residual
from training.policy.extractive.candidates import SentenceBook
from training.policy.extractive.compose import written
from training.policy.extractive.embeddings import Vectors
from training.policy.extractive.features import HALT_FEATURES, POINTER_FEATURES
from training.policy.extractive.weights import base_name

HOT = Sampling(temperature=1.0, seed=11)
OPEN = replace(Prior.similarity(), halt=np.where(np.arange(len(HALT_FEATURES)) < 1, -1.0, 0.0).astype(np.float32))


@pytest.fixture(scope="module")
def encoder() -> Embedder:
    return HashingEmbedder()


@pytest.fixture
def policy(encoder: Embedder) -> ExtractivePolicy:
    return ExtractivePolicy(encoder)


def flat(encoder: Embedder) -> ExtractivePolicy:
    """A policy that is unsure about everything, so that every kind of answer is drawn."""
    return ExtractivePolicy(encoder, prior=replace(OPEN, pointer=OPEN.pointer / 20))


def finished(policy: ExtractivePolicy, prompt: Prompt, sampling: Sampling = Sampling()) -> tuple[str, Answer]:  # noqa: B008
    *pieces, last = list(policy.stream(prompt, sampling))
    assert last.answer is not None
    return "".join(delta.text for delta in pieces), last.answer


def test_it_answers_in_the_documents_words(policy: ExtractivePolicy, prompt: Prompt) -> None:
    text, answer = finished(policy, prompt)
    assert text == answer.text
    assert text.startswith("Refunds are paid within thirty days of purchase. [1]")
    cited = cite(text, prompt.passages)
    assert cited.citations
    assert all(citation.verified and citation.overlap == 1.0 for citation in cited.citations)
    assert (answer.version, answer.finish_reason, answer.abstained) == ("base-extractive", "stop", False)
    assert answer.steps == len(answer.actions)
    assert answer.actions[-1] == -1


@pytest.mark.parametrize("texts", [(), ("",), ("  \n ",), ("...",)])
def test_without_a_sentence_it_abstains(policy: ExtractivePolicy, texts: tuple[str, ...]) -> None:
    text, answer = finished(policy, make_prompt(texts=texts))
    assert text == ABSTENTION
    assert (answer.abstained, answer.actions, answer.logprob) == (True, (-1,), 0.0)
    assert policy.logprobs([make_prompt(texts=texts)], [answer]).tolist() == [[0.0]]


def test_it_abstains_when_the_passages_are_about_something_else(policy: ExtractivePolicy) -> None:
    strangers = make_prompt("Which enzyme unwinds the double helix?")
    distant = replace(strangers, passages=tuple(replace(p, dense_score=0.02) for p in strangers.passages))
    text, answer = finished(policy, distant)
    assert text == ABSTENTION
    assert answer.abstained


def test_all_answers_together_have_probability_one(encoder: Embedder) -> None:
    prompt = make_prompt(texts=("One is here. Two is there.", "Three is away."))
    policy = flat(encoder)
    every = [(*order, -1) for size in range(4) for order in itertools.permutations(range(3), size)]
    answers = [Answer("", "v", "stop", HOT, None, 0, actions=actions) for actions in every]
    scores = policy.logprobs([prompt] * len(answers), answers)
    assert float(scores.detach().sum(1).exp().sum()) == pytest.approx(1.0, abs=1e-4)


def test_recorded_logprob_is_the_recomputed_one(encoder: Embedder, prompt: Prompt) -> None:
    policy = flat(encoder)
    (answers,) = policy.sample([prompt], 12, HOT)
    scores = policy.logprobs([prompt] * len(answers), answers)
    for answer, row in zip(answers, scores, strict=True):
        assert answer.logprob == pytest.approx(float(row.detach().sum()), abs=1e-4)
    assert len({answer.steps for answer in answers}) > 1


def test_draws_follow_the_distribution(encoder: Embedder) -> None:
    prompt = make_prompt(texts=("One is here. Two is there.",))
    policy = flat(encoder)
    drawn = [finished(policy, prompt, replace(HOT, seed=seed))[1] for seed in range(600)]
    for actions in {answer.actions for answer in drawn}:
        expected = np.exp(next(answer.logprob for answer in drawn if answer.actions == actions) or 0.0)
        share = np.mean([answer.actions == actions for answer in drawn])
        assert share == pytest.approx(expected, abs=0.08)


def test_seeds_reproduce_and_are_recorded(encoder: Embedder, prompt: Prompt) -> None:
    policy = flat(encoder)
    _, unseeded = finished(policy, prompt, replace(HOT, seed=None))
    assert finished(policy, prompt, unseeded.sampling)[1].actions == unseeded.actions
    assert (
        finished(policy, prompt, replace(HOT, seed=-5))[1].actions
        == finished(policy, prompt, replace(HOT, seed=-5))[1].actions
    )


def test_samples_are_distinct_and_the_first_is_greedy(policy: ExtractivePolicy, prompt: Prompt) -> None:
    (answers,) = policy.sample([prompt], 4, Sampling())
    assert answers[0].actions == finished(policy, prompt)[1].actions
    assert len({answer.text for answer in answers}) == 4
    for answer in answers:
        assert finished(policy, prompt, answer.sampling)[1].actions == answer.actions


def test_exploring_answers_open_with_another_sentence(encoder: Embedder, prompt: Prompt) -> None:
    policy = ExtractivePolicy(encoder)
    for seed in range(20):
        (answers,) = policy.sample([prompt], 2, Sampling(seed=seed))
        assert answers[0].actions[0] != answers[1].actions[0]
    single = make_prompt(texts=("Refunds are paid within thirty days.",))
    (answers,) = policy.sample([single], 4, Sampling())  # one sentence and silence are all there is
    assert {answer.actions for answer in answers} == {(0, -1), (-1,)}


def test_gradients_reach_the_residual_and_a_step_changes_what_is_served(encoder: Embedder, prompt: Prompt) -> None:
    policy = flat(encoder)
    (answers,) = policy.sample([prompt], 4, HOT)
    weights = policy.residual.parameters()
    policy.logprobs([prompt] * 4, answers).sum().backward()
    assert all(tensor.grad is not None and tensor.grad.isfinite().all() for tensor in weights.values())
    disliked = answers[0]
    optimiser = torch.optim.SGD(weights.values(), lr=1.0)
    before = float(policy.logprobs([prompt], [disliked]).sum().detach())
    for _ in range(20):
        optimiser.zero_grad()
        policy.logprobs([prompt], [disliked]).sum().backward()
        optimiser.step()
    after = float(policy.logprobs([prompt], [disliked]).sum().detach())
    assert after < before - 0.1
    assert policy.residual.named()


def test_logprob_gradient_matches_finite_differences(encoder: Embedder, prompt: Prompt) -> None:
    policy = flat(encoder)
    (answers,) = policy.sample([prompt], 3, HOT)
    replays = policy.replays([prompt] * 3, answers)
    residual = policy.residual
    replays.logprobs(residual).sum().backward()
    for name, tensor in residual.parameters().items():
        assert tensor.grad is not None
        for index in range(0, len(tensor), 5):
            with torch.no_grad():
                tensor[index] += 1e-2
                above = float(replays.logprobs(residual).sum())
                tensor[index] -= 2e-2
                below = float(replays.logprobs(residual).sum())
                tensor[index] += 1e-2
            assert float(tensor.grad[index]) == pytest.approx((above - below) / 2e-2, abs=2e-2), name


def test_actions_outlive_a_change_of_screening(encoder: Embedder, prompt: Prompt) -> None:
    wide, narrow = flat(encoder), ExtractivePolicy(encoder, prior=OPEN, most_candidates=1)
    (answers,) = wide.sample([prompt], 6, HOT)
    assert narrow.logprobs([prompt] * 6, answers).isfinite().all()


@pytest.mark.parametrize("actions", [(0,), (99, -1), (0, 0, -1), ()])
def test_actions_that_do_not_fit_are_refused(
    policy: ExtractivePolicy, prompt: Prompt, actions: tuple[int, ...]
) -> None:
    with pytest.raises(ValueError):
        policy.logprobs([prompt], [Answer("", "v", "stop", HOT, None, 0, actions=actions)])


def write_adapter(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def test_an_adapter_comes_back_as_it_was(encoder: Embedder, prompt: Prompt, tmp_path: Path) -> None:
    residual = Residual()
    residual.pointer[:] = np.linspace(-9, 9, len(POINTER_FEATURES))
    residual.halt[0] = -20.0
    adapter = write_adapter(tmp_path / "v1", adapter_files(residual, {"cycle": 3}))
    loaded = ExtractivePolicy.load(encoder, adapter=adapter, version="v1")
    direct = ExtractivePolicy(encoder, version="v1", residual=residual)
    assert finished(loaded, prompt, HOT)[1].actions == finished(direct, prompt, HOT)[1].actions
    assert loaded.residual.named() == residual.named()
    assert json.loads((adapter / "adapter.json").read_text())["provenance"] == {"cycle": 3}


def test_an_adapter_from_before_a_feature_was_added_still_loads(tmp_path: Path) -> None:
    residual = Residual()
    residual.pointer[:] = 1.0
    files = adapter_files(residual, {})
    manifest = json.loads(files["adapter.json"])
    manifest["pointer"] = [*manifest["pointer"][:-1]]
    from safetensors.numpy import save

    older = {"pointer": residual.pointer[:-1].copy(), "halt": residual.halt}
    adapter = write_adapter(
        tmp_path / "v0", {"adapter.json": json.dumps(manifest).encode(), "residual.safetensors": save(older)}
    )
    assert load_residual(adapter).pointer.tolist() == [*([1.0] * (len(POINTER_FEATURES) - 1)), 0.0]


@pytest.mark.parametrize("damage", ["kind", "nan", "shape"])
def test_a_foreign_or_damaged_adapter_is_refused(tmp_path: Path, damage: str) -> None:
    residual = Residual()
    if damage == "nan":
        residual.halt[1] = np.nan
    files = adapter_files(residual, {})
    manifest = json.loads(files["adapter.json"])
    if damage == "kind":
        manifest["kind"] = "lora"
    if damage == "shape":
        manifest["halt"] = manifest["halt"][1:]
    adapter = write_adapter(tmp_path / "bad", {**files, "adapter.json": json.dumps(manifest).encode()})
    with pytest.raises(ValueError):
        load_residual(adapter)


class Counting(HashingEmbedder):
    """Counts texts and can be held up."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[int] = []
        self.gate = threading.Event()
        self.gate.set()

    def encode(self, texts: Sequence[str], **options: object) -> np.ndarray:  # type: ignore[override]
        self.calls.append(len(texts))
        assert self.gate.wait(10)
        return super().encode(texts)


def test_nothing_is_encoded_twice() -> None:
    counting = Counting()
    policy = ExtractivePolicy(counting)
    finished(policy, make_prompt())
    before = sum(counting.calls)
    finished(policy, make_prompt())
    assert sum(counting.calls) == before


def test_requests_that_wait_are_encoded_together() -> None:
    counting = Counting()
    vectors = Vectors(counting)
    counting.gate.clear()
    threads = [
        threading.Thread(target=vectors.cosines, args=(f"question {n}", [f"sentence {n} {m}" for m in range(3)]))
        for n in range(8)
    ]
    threads[0].start()
    while not counting.calls:
        pass
    for thread in threads[1:]:
        thread.start()
    while len(vectors._waiting) < 7:
        pass
    counting.gate.set()
    for thread in threads:
        thread.join(10)
    assert counting.calls == [1, 3, 7, 21]


def test_vectors_of_questions_may_come_from_whoever_searched(prompt: Prompt) -> None:
    counting = Counting()
    kept = HashingEmbedder()
    policy = ExtractivePolicy(counting, queries=lambda text: kept.encode([text])[0])
    assert finished(policy, prompt)[1].actions == finished(ExtractivePolicy(kept), prompt)[1].actions
    assert len(counting.calls) == 1


def test_an_encoder_that_fails_fails_the_request_and_not_the_next() -> None:
    class Broken(HashingEmbedder):
        broken = True

        def encode(self, texts: Sequence[str], **options: object) -> np.ndarray:  # type: ignore[override]
            if self.broken:
                raise RuntimeError("no memory")
            return super().encode(texts)

    encoder = Broken()
    vectors = Vectors(encoder)
    with pytest.raises(RuntimeError, match="no memory"):
        vectors.cosines("q", ["s"])
    encoder.broken = False
    assert vectors.cosines("q", ["s"]).shape == (1,)


_PASSAGES = st.lists(st.text(alphabet=st.sampled_from(list("abc. !?\n-[1]é")), max_size=80), max_size=4)


@settings(max_examples=40, deadline=None)
@given(_PASSAGES, st.text(max_size=20), st.integers(0, 99))
def test_any_prompt_gets_an_answer_whose_citations_are_true(texts: list[str], question: str, seed: int) -> None:
    policy = flat(HashingEmbedder())
    prompt = make_prompt(question, tuple(texts))
    text, answer = finished(policy, prompt, replace(HOT, seed=seed))
    assert answer.logprob is not None
    assert answer.logprob <= 1e-6
    scores = policy.logprobs([prompt], [answer])
    assert answer.logprob == pytest.approx(float(scores.detach().sum()), abs=1e-4)
    cited = cite(text, prompt.passages)
    assert not cited.dropped
    assert len(cited.annotations) >= len(answer.actions) - 1


def test_markdown_is_read_as_prose_and_still_verified() -> None:
    text = (
        "**Lineage.** Whoever voted can ask `GET` what became of it, see [keys](#keys).\n\n"
        "```bash\ngroundloop keys create --role user\n```\n\n"
        "| what | where |\n|---|---|\n| votes | Redis, `appendonly` on |\n\n- the name `A_B` stays."
    )
    passage = ShownPassage(number=1, chunk_id="chk_1", document_id="file-1", title="Guide", text=text, score=1.0)
    prompt = Prompt("What became of my vote?", (passage,))
    sentences = SentenceBook().candidates(prompt.passages)
    lines = [written(prompt, candidate) for candidate in sentences]
    assert lines == [
        "Lineage. Whoever voted can ask GET what became of it, see keys. [1]",
        "votes | Redis, appendonly on. [1]",
        "the name A_B stays. [1]",
    ]
    for line in lines:
        assert all(citation.verified for citation in cite(line, prompt.passages).citations), line


def test_cancelled_samples_stop(policy: ExtractivePolicy, prompt: Prompt) -> None:
    looks = itertools.count()
    with pytest.raises(SamplingCancelled):
        policy.sample([prompt] * 50, 4, HOT, cancelled=lambda: next(looks) == 7)
    assert next(looks) == 8
    assert policy.sample([prompt], 2, HOT, cancelled=lambda: False) == policy.sample([prompt], 2, HOT)


def test_a_start_is_asked_for_by_name_and_named_in_what_is_learned_on_it() -> None:
    fitted = Prior.fitted_encoder()
    assert Prior.for_encoder(fitted) is Prior.shipped()
    assert np.array_equal(Prior.for_encoder(fitted, "similarity").pointer, Prior.similarity().pointer)
    assert np.array_equal(Prior.for_encoder("another").pointer, Prior.similarity().pointer)
    assert base_name(fitted, "shipped") == fitted != base_name(fitted, "similarity")
