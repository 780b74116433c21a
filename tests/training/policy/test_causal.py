"""The causal policy on a real, tiny checkpoint: exact log-probabilities, seeds, streaming, cancellation, budget."""

from __future__ import annotations

import itertools
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.conftest import make_prompt
from training.policy.base import (
    Answer,
    Delta,
    PolicyUnavailable,
    Prompt,
    PromptTooLong,
    Sampling,
    SamplingCancelled,
    Turn,
)
from training.policy.causal import CausalLMPolicy

HOT = Sampling(temperature=1.0, top_p=0.9, max_tokens=24, seed=7)
GREEDY = Sampling(max_tokens=24, seed=0)


def finished(policy: CausalLMPolicy, prompt: Prompt, sampling: Sampling) -> tuple[list[str], Answer]:
    deltas = list(policy.stream(prompt, sampling))
    answer = deltas[-1].answer
    assert answer is not None
    assert all(delta.answer is None for delta in deltas[:-1])
    return [delta.text for delta in deltas], answer


def test_greedy_equals_generate(causal: CausalLMPolicy, prompt: Prompt) -> None:
    _, answer = finished(causal, prompt, GREEDY)
    ids = torch.tensor([causal.prompts.encode(prompt, GREEDY.max_tokens)])
    expected = causal.model.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=GREEDY.max_tokens
    )
    assert list(answer.actions) == expected[0, ids.shape[1] :].tolist()


@pytest.mark.parametrize("sampling", [GREEDY, HOT, replace(HOT, temperature=0.6, top_p=1.0)])
def test_recorded_logprob_is_the_recomputed_one(causal: CausalLMPolicy, prompt: Prompt, sampling: Sampling) -> None:
    _, answer = finished(causal, prompt, sampling)
    scores = causal.logprobs([prompt], [answer])
    assert scores.shape == (1, answer.steps)
    assert answer.logprob == pytest.approx(float(scores.sum()), abs=1e-3)


def test_logprobs_of_a_batch_equal_those_one_by_one(causal: CausalLMPolicy) -> None:
    prompts = [make_prompt(), make_prompt("Where are parcels sent from, and how long do they take?")]
    answers = [
        finished(causal, p, replace(HOT, max_tokens=length))[1] for p, length in zip(prompts, (5, 17), strict=True)
    ]
    together = causal.logprobs(prompts, answers)
    for row, (one, answer) in enumerate(zip(prompts, answers, strict=True)):
        alone = causal.logprobs([one], [answer])[0]
        torch.testing.assert_close(together[row, : answer.steps], alone, rtol=1e-4, atol=1e-4)
        assert not together[row, answer.steps :].any()


def test_a_written_correction_is_scored_with_its_end(causal: CausalLMPolicy, prompt: Prompt) -> None:
    correction = Answer("Within thirty days. [1]", "human", "stop", GREEDY, None, 0)
    ids = causal.prompts.answer_ids(correction)
    assert ids[-1] == causal.tokenizer.eos_token_id
    assert causal.logprobs([prompt], [correction]).shape == (1, len(ids))


def test_gradients_reach_the_adapter(tiny_checkpoint: Path, tiny_adapter: Path, prompt: Prompt) -> None:
    policy = CausalLMPolicy.load(str(tiny_checkpoint), adapter=tiny_adapter, version="v1", device="cpu", trainable=True)
    _, answer = finished(policy, prompt, replace(GREEDY, max_tokens=4))
    policy.logprobs([prompt], [answer]).sum().backward()
    trained = [weights for weights in policy.model.parameters() if weights.requires_grad]
    assert trained
    assert all(weights.grad is not None and weights.grad.abs().sum() > 0 for weights in trained)
    policy.close()


def test_an_adapter_changes_the_answer_and_its_version(
    causal: CausalLMPolicy, tiny_checkpoint: Path, tiny_adapter: Path, prompt: Prompt
) -> None:
    policy = CausalLMPolicy.load(str(tiny_checkpoint), adapter=tiny_adapter, version="v1", device="cpu")
    (_, adapted), (_, plain) = finished(policy, prompt, GREEDY), finished(causal, prompt, GREEDY)
    policy.close()
    assert adapted.version == "v1"
    assert adapted.actions != plain.actions


def test_a_seed_reproduces_an_answer(causal: CausalLMPolicy, prompt: Prompt) -> None:
    first, again = (finished(causal, prompt, HOT)[1] for _ in range(2))
    other = finished(causal, prompt, replace(HOT, seed=8))[1]
    assert first.actions == again.actions
    assert first.actions != other.actions
    unseeded = finished(causal, prompt, replace(HOT, seed=None))[1]
    assert finished(causal, prompt, unseeded.sampling)[1].actions == unseeded.actions


def test_pieces_add_up_to_what_the_tokens_say(causal: CausalLMPolicy, prompt: Prompt) -> None:
    for seed in range(6):
        pieces, answer = finished(causal, prompt, replace(HOT, seed=seed, temperature=2.0, top_p=1.0, max_tokens=40))
        assert "".join(pieces) == answer.text
        said = causal.tokenizer.decode(list(answer.actions), skip_special_tokens=True)
        assert answer.text == said.lstrip()


def test_samples_differ_and_the_first_is_greedy(causal: CausalLMPolicy, prompt: Prompt) -> None:
    (answers,) = causal.sample([prompt], 4, GREEDY)
    assert answers[0].actions == finished(causal, prompt, GREEDY)[1].actions
    assert len({answer.text for answer in answers}) == 4
    scores = causal.logprobs([prompt] * 4, answers)
    for answer, row in zip(answers, scores, strict=True):
        assert answer.logprob == pytest.approx(float(row.detach().sum()), abs=1e-3)


def test_samples_of_different_length_share_one_cache(causal: CausalLMPolicy, prompt: Prompt) -> None:
    sampling = replace(HOT, temperature=1.5, top_p=1.0, max_tokens=60, stop=("e", "a"))
    (answers,) = causal.sample([prompt], 3, sampling)
    assert len({answer.steps for answer in answers}) > 1
    for answer in answers:
        assert finished(causal, prompt, answer.sampling)[1].actions == answer.actions


def test_a_stop_string_ends_the_answer_before_it(causal: CausalLMPolicy, prompt: Prompt) -> None:
    _, whole = finished(causal, prompt, HOT)
    stop = whole.text[6:9]
    pieces, answer = finished(causal, prompt, replace(HOT, stop=(stop,)))
    assert answer.finish_reason == "stop"
    assert answer.text == whole.text[: whole.text.index(stop)] == "".join(pieces)


def test_length_is_reported(causal: CausalLMPolicy, prompt: Prompt) -> None:
    _, answer = finished(causal, prompt, replace(GREEDY, max_tokens=3))
    assert (answer.finish_reason, answer.steps, answer.completion_tokens) == ("length", 3, 3)
    assert answer.prompt_tokens == len(causal.prompts.encode(prompt, 3))


def test_closing_stops_the_work(causal: CausalLMPolicy, prompt: Prompt, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = itertools.count()
    forward = causal.model.forward
    monkeypatch.setattr(causal.model, "forward", lambda *args, **kwargs: (next(calls), forward(*args, **kwargs))[1])
    stream = causal.stream(prompt, replace(HOT, max_tokens=1500, temperature=3.0))
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert list(stream) == []
    finished(causal, make_prompt("Next?"), replace(GREEDY, max_tokens=1))  # the worker is free again
    after = next(calls)
    assert after <= 5  # prefill, at most one token after closing, and the one token of the next answer


def test_cancelled_samples_stop_the_work(
    causal: CausalLMPolicy, prompt: Prompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = itertools.count()
    forward, seen = causal.model.forward, threading.Event()

    def counted(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == 3:
            seen.set()
        return forward(*args, **kwargs)

    monkeypatch.setattr(causal.model, "forward", counted)
    with pytest.raises(SamplingCancelled):
        causal.sample([prompt] * 2, 3, replace(HOT, max_tokens=1500, temperature=3.0), cancelled=seen.is_set)
    finished(causal, make_prompt("Next?"), replace(GREEDY, max_tokens=1))  # the worker is free again
    assert next(calls) < 1000
    (answers,) = causal.sample([prompt], 2, replace(GREEDY, max_tokens=4), cancelled=lambda: False)
    assert len(answers) == 2


def test_samples_that_wait_for_their_turn_can_be_cancelled(causal: CausalLMPolicy, prompt: Prompt) -> None:
    endless = replace(HOT, max_tokens=1500, temperature=3.0)
    running = [causal.stream(prompt, endless) for _ in range(4)]
    for stream in running:
        next(stream)
    with pytest.raises(SamplingCancelled):
        causal.sample([prompt], 2, endless, cancelled=lambda: True)
    for stream in running:
        stream.close()  # type: ignore[attr-defined]


def test_closing_wakes_a_reader_that_waits(causal: CausalLMPolicy, prompt: Prompt) -> None:
    gate = threading.Event()
    stream = causal.stream(prompt, replace(GREEDY, max_tokens=1000))
    read: list[Delta] = []
    reader = threading.Thread(target=lambda: (read.extend(stream), gate.set()))
    reader.start()
    stream.close()  # type: ignore[attr-defined]
    assert gate.wait(5)
    reader.join()


def test_a_short_answer_does_not_wait_for_a_long_one(causal: CausalLMPolicy, prompt: Prompt) -> None:
    long = causal.stream(prompt, replace(HOT, max_tokens=900, temperature=3.0))
    next(long)
    _, short = finished(causal, prompt, replace(GREEDY, max_tokens=2))
    assert short.steps == 2
    long.close()  # type: ignore[attr-defined]


def test_what_does_not_fit_is_left_out_lowest_score_first(causal: CausalLMPolicy) -> None:
    texts = tuple(f"Passage {number} says much. " * 40 for number in range(1, 7))
    crowded = replace(make_prompt(texts=texts), history=(Turn("user", "Earlier?"), Turn("assistant", "Yes. [1]")))
    ids = causal.prompts.encode(crowded, 64)
    written = causal.tokenizer.decode(list(ids))
    assert len(ids) <= 2048 - 64
    assert '<document number="1"' in written
    assert '<document number="6"' not in written
    assert "Earlier?" in written


def test_a_question_that_never_fits_is_refused(causal: CausalLMPolicy) -> None:
    with pytest.raises(PromptTooLong):
        list(causal.stream(make_prompt("why " * 3000), GREEDY))


def test_a_closed_policy_says_so(tiny_checkpoint: Path, prompt: Prompt) -> None:
    policy = CausalLMPolicy.load(str(tiny_checkpoint), version="gone", device="cpu")
    running = policy.stream(prompt, replace(HOT, max_tokens=1500, temperature=3.0))
    next(running)
    policy.close()
    with pytest.raises(PolicyUnavailable):
        list(running)
    with pytest.raises(PolicyUnavailable):
        policy.stream(prompt, GREEDY)


def test_a_tokenizer_without_template_is_refused(tiny_checkpoint: Path, tmp_path: Path) -> None:
    import shutil

    bare = tmp_path / "bare"
    shutil.copytree(tiny_checkpoint, bare)
    (bare / "chat_template.jinja").unlink()
    with pytest.raises(ValueError, match="chat template"):
        CausalLMPolicy.load(str(bare), version="x", device="cpu")
