"""Best of n as a policy: the answer that is given is the one that reward model and groundedness like best."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.training.updates.ppo_world import Likes, asked, extractive
from training.policy.base import Answer, Prompt, Sampling, SamplingCancelled
from training.updates.choosing import ChoosingPolicy

GREEDY = Sampling()
SHORTEST = Likes(lambda answer: -float(len(answer.text)))


def choosing(reward: Likes, n: int = 4, **more: object) -> ChoosingPolicy:
    """Give a policy that chooses among answers of the embedded one."""
    return ChoosingPolicy(extractive().policy, reward, n, **more)  # type: ignore[arg-type]


def test_the_best_is_given_whole_or_streamed_and_each_time_the_same() -> None:
    prompt = asked(1)[0].prompt
    policy = choosing(SHORTEST, 8)
    (best,) = policy.sample([prompt], 1, GREEDY)[0]
    plain = extractive().policy.sample([prompt], 1, GREEDY)[0][0]
    seeded = replace(GREEDY, seed=zlib.crc32(prompt.query.encode()) >> 1)
    among = extractive().policy.sample([prompt], 8, seeded)[0]
    assert best.text == min((answer.text for answer in among), key=len) != plain.text
    deltas = list(policy.stream(prompt, GREEDY))
    assert "".join(delta.text for delta in deltas) == best.text
    assert deltas[-1].answer == replace(best, timings_ms=deltas[-1].answer.timings_ms)  # type: ignore[union-attr]
    assert best.version == policy.version == extractive().policy.version


def test_where_it_sees_no_difference_the_first_is_given() -> None:
    prompt = asked(1)[0].prompt
    (given,) = choosing(Likes(lambda _: 1.0)).sample([prompt], 1, GREEDY)[0]
    assert given.text == extractive().policy.sample([prompt], 1, GREEDY)[0][0].text


def test_what_nothing_supports_loses_whatever_people_like() -> None:
    prompt = asked(1)[0].prompt
    liked = Likes(lambda answer: 1.0 if len(answer.text) < 200 else 0.0)
    first = extractive().policy.sample([prompt], 1, GREEDY)[0][0].text

    def grounded(_: Prompt, answer: Answer) -> float:
        return float(answer.text == first)

    (given,) = choosing(liked, 6, grounded=grounded).sample([prompt], 1, GREEDY)[0]
    assert given.text == first


def test_several_answers_are_the_other_policys_own() -> None:
    prompt = asked(1)[0].prompt
    sampling = Sampling(seed=7)
    several = choosing(SHORTEST).sample([prompt], 3, sampling)[0]
    assert [one.text for one in several] == [one.text for one in extractive().policy.sample([prompt], 3, sampling)[0]]


class Slow:
    """Draws until it is cancelled, which it brings about itself."""

    version = "slow-1"
    closed = 0
    cancel: Callable[[], None]

    def sample(
        self, prompts: object, n: int, sampling: Sampling, *, cancelled: Callable[[], bool] | None = None
    ) -> list[list[Answer]]:
        """Wait."""
        while cancelled is None or not cancelled():
            self.cancel()
        raise SamplingCancelled

    def close(self) -> None:
        """Count."""
        self.closed += 1


def test_closing_the_stream_stops_the_drawing() -> None:
    slow = Slow()
    stream = ChoosingPolicy(slow, SHORTEST, 2).stream(asked(1)[0].prompt, GREEDY)  # type: ignore[arg-type]
    slow.cancel = stream.close  # type: ignore[attr-defined]
    assert list(stream) == []


def test_it_closes_what_it_chooses_from() -> None:
    slow = Slow()
    ChoosingPolicy(slow, SHORTEST, 2).close()  # type: ignore[arg-type]
    assert slow.closed == 1


def test_there_must_be_something_to_choose_from() -> None:
    with pytest.raises(ValueError, match="nothing to choose"):
        choosing(SHORTEST, 1)
