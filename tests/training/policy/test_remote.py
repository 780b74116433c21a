"""The remote policy against a real server, well-behaved and not."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.training.conftest import make_prompt
from tests.training.openai_peer import OpenAIPeer
from training.policy.base import Answer, PolicyUnavailable, Prompt, PromptTooLong, Sampling, SamplingCancelled
from training.policy.causal import CausalLMPolicy
from training.policy.remote import Patience, RemotePolicy
from training.policy.remote.calls import retry_after
from training.policy.remote.events import Heard, MalformedStream, data_of, take

SAMPLING = Sampling(temperature=0.9, max_tokens=12, seed=3)
HASTY = Patience(connect_s=2, read_s=5, total_s=20, retries=2, backoff_s=0.01, longest_wait_s=1)


@pytest.fixture(scope="module")
def peer(causal: CausalLMPolicy) -> Iterator[tuple[OpenAIPeer, str]]:
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # dropped connections are meant here
    server = OpenAIPeer(causal)
    url = server.start()
    yield server, url
    server.stop()


@pytest.fixture
def server(peer: tuple[OpenAIPeer, str]) -> OpenAIPeer:
    peer[0].faults.clear()
    peer[0].requests.clear()
    peer[0].hung_up.clear()
    return peer[0]


@pytest.fixture
def remote(peer: tuple[OpenAIPeer, str]) -> Iterator[RemotePolicy]:
    policy = RemotePolicy(peer[1], "tiny", "secret", version="tiny@remote", patience=HASTY)
    yield policy
    policy.close()


def finished(policy: RemotePolicy, prompt: Prompt, sampling: Sampling = SAMPLING) -> tuple[str, Answer]:
    *pieces, last = list(policy.stream(prompt, sampling))
    assert last.answer is not None
    return "".join(delta.text for delta in pieces), last.answer


def test_an_answer_comes_as_the_server_made_it(server: OpenAIPeer, remote: RemotePolicy, prompt: Prompt) -> None:
    text, answer = finished(remote, prompt)
    asked = server.requests[-1]
    direct = list(server.policy.stream(Prompt(asked["messages"][-1]["content"], ()), SAMPLING))[-1].answer
    assert direct is not None
    assert text == answer.text == direct.text
    assert answer.logprob == pytest.approx(direct.logprob)
    assert (answer.steps, answer.prompt_tokens, answer.completion_tokens) == (
        direct.steps,
        direct.prompt_tokens,
        direct.completion_tokens,
    )
    assert (answer.version, answer.finish_reason) == ("tiny@remote", direct.finish_reason)
    assert asked["model"] == "tiny"
    assert asked["seed"] == 3


@pytest.mark.parametrize("fault", ["500", "429", "not-sse", "bad-json", "drop-at-once"])
def test_a_failure_before_the_first_token_is_tried_again(
    server: OpenAIPeer, remote: RemotePolicy, prompt: Prompt, fault: str
) -> None:
    server.faults = [fault]
    text, answer = finished(remote, prompt)
    assert text
    assert answer.finish_reason in ("stop", "length")
    assert len(server.requests) == 2


@pytest.mark.parametrize("fault", ["500", "bad-json", "drop-at-once"])
def test_a_server_that_always_fails_is_unavailable(
    server: OpenAIPeer, remote: RemotePolicy, prompt: Prompt, fault: str
) -> None:
    server.faults = [fault] * 20
    with pytest.raises(PolicyUnavailable):
        finished(remote, prompt)
    assert len(server.requests) == 3


def test_a_long_retry_after_is_passed_on(server: OpenAIPeer, remote: RemotePolicy, prompt: Prompt) -> None:
    server.faults = ["503-later"]
    with pytest.raises(PolicyUnavailable) as caught:
        finished(remote, prompt)
    assert caught.value.retry_after_s == 120
    assert len(server.requests) == 1


def test_a_refused_key_is_not_tried_again(server: OpenAIPeer, remote: RemotePolicy, prompt: Prompt) -> None:
    server.faults = ["401"]
    with pytest.raises(PolicyUnavailable, match="who are you"):
        finished(remote, prompt)
    assert len(server.requests) == 1


def test_an_answer_that_breaks_off_ends_in_error(server: OpenAIPeer, remote: RemotePolicy, prompt: Prompt) -> None:
    server.faults = ["drop-midway"]
    text, answer = finished(remote, prompt)
    assert text == answer.text != ""
    assert answer.finish_reason == "error"
    assert answer.logprob is None
    assert len(server.requests) == 1


def test_a_slow_server_is_given_up(server: OpenAIPeer, peer: tuple[OpenAIPeer, str], prompt: Prompt) -> None:
    policy = RemotePolicy(peer[1], "tiny", patience=replace(HASTY, read_s=0.1, retries=1))
    server.faults = ["hang", "hang"]
    with pytest.raises(PolicyUnavailable):
        finished(policy, prompt)
    assert server.hung_up.wait(5)
    policy.close()


@pytest.mark.parametrize("fault", ["silent", "hang", "stall-midway"])
def test_closing_hangs_up_and_wakes_the_reader(
    server: OpenAIPeer, remote: RemotePolicy, prompt: Prompt, fault: str
) -> None:
    server.faults = [fault]
    stream = remote.stream(prompt, SAMPLING)
    if fault == "stall-midway":
        next(stream)
    ended = threading.Event()
    reader = threading.Thread(target=lambda: (list(stream), ended.set()))
    reader.start()
    while not server.requests:
        ended.wait(0.01)
    ended.wait(0.1)
    stream.close()  # type: ignore[attr-defined]
    assert ended.wait(5)
    assert server.hung_up.wait(5)


def test_a_server_without_logprobs_is_asked_without(server: OpenAIPeer, remote: RemotePolicy, prompt: Prompt) -> None:
    server.faults = ["no-logprobs"]
    _, answer = finished(remote, prompt)
    assert answer.logprob is None
    finished(remote, prompt)
    assert ["logprobs" in request for request in server.requests] == [True, False, False]


def test_passages_that_do_not_fit_are_left_out(server: OpenAIPeer, remote: RemotePolicy) -> None:
    texts = tuple(f"Passage {number}. " * 60 for number in range(1, 4))
    server.faults = ["short-context"]
    _, answer = finished(remote, make_prompt(texts=texts))
    assert answer.finish_reason in ("stop", "length")
    assert '<document number="1"' in server.requests[-1]["messages"][-1]["content"]
    assert '<document number="3"' not in server.requests[-1]["messages"][-1]["content"]
    server.faults = ["short-context"]
    with pytest.raises(PromptTooLong):
        finished(remote, make_prompt("why " * 2000))


def test_samples_differ(server: OpenAIPeer, remote: RemotePolicy, prompt: Prompt) -> None:
    (answers,) = remote.sample([prompt], 3, Sampling(max_tokens=12, seed=5))
    assert len({answer.text for answer in answers}) == 3
    assert [answer.sampling.temperature for answer in answers] == [0.0, 0.8, 0.8]


@pytest.mark.parametrize("fault", ["hang", "silent", "stall-midway"])
def test_cancelled_samples_hang_up(server: OpenAIPeer, remote: RemotePolicy, prompt: Prompt, fault: str) -> None:
    server.faults[:] = [fault] * 3
    with pytest.raises(SamplingCancelled):
        remote.sample([prompt], 3, SAMPLING, cancelled=lambda: len(server.requests) == 3 and not server.faults)
    assert server.hung_up.wait(5)


def test_nobody_there(prompt: Prompt) -> None:
    policy = RemotePolicy("http://127.0.0.1:9/v1", "tiny", patience=HASTY)
    with pytest.raises(PolicyUnavailable, match="cannot be reached"):
        finished(policy, prompt)
    policy.close()


def test_events_may_span_lines_and_carry_comments() -> None:
    assert list(data_of([": hello", "", "event: x", "data: a", "data:b", "", "data: c"])) == ["a\nb", "c"]
    with pytest.raises(MalformedStream):
        list(data_of(["<html>"]))


def test_an_error_inside_the_stream_is_an_error() -> None:
    with pytest.raises(MalformedStream, match="out of memory"):
        take(Heard(), '{"error": {"message": "out of memory"}}')


def test_retry_after_is_seconds_or_a_date() -> None:
    assert retry_after("3") == 3
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retry_after("soon") is None
    assert retry_after(None) is None
