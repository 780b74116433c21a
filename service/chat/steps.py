"""What happens in the thread that makes an answer: run the policy, check the citations, give both piece by piece."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from retrieval.types import Passage
from service.chat.bridge import CancelToken
from training.citations import CitedAnswer, cite
from training.policy.base import (
    ABSTENTION,
    Answer,
    PolicyError,
    Prompt,
    Sampling,
    SamplingCancelled,
    ServingPolicy,
    ShownPassage,
)

if TYPE_CHECKING:
    from service.chat.trial import Pair
    from service.versions.served import Served


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text of one of the answers."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """One whole answer with its checked citations; `abstained` when the documents do not say."""

    index: int
    answer: Answer
    cited: CitedAnswer

    @property
    def abstained(self) -> bool:
        """Whether this answer says that it found nothing."""
        return self.answer.abstained or self.cited.abstained


@dataclass(frozen=True, slots=True)
class Opening:
    """How many answers there are, by who gives each, where that was not known before."""

    arms: tuple[Served, ...]
    pair: Pair | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """Whether the other arm of a trial would have said the same."""

    same: bool


Step = Piece | Finished | Opening | Compared


def show(passages: Sequence[Passage]) -> tuple[ShownPassage, ...]:
    """Number passages from 1, in the order of their scores, as the policy and the reader will see them."""
    return tuple(
        ShownPassage(
            number=number,
            chunk_id=passage.chunk_id,
            document_id=passage.document_id,
            title=passage.title,
            text=passage.text,
            score=passage.score,
            dense_score=passage.dense_score,
            lexical_score=passage.lexical_score,
            filename=passage.filename,
            url=passage.url,
            start=passage.start,
            page_start=passage.page_start,
            page_end=passage.page_end,
            heading_path=passage.heading_path,
        )
        for number, passage in enumerate(passages, start=1)
    )


def answer_steps(
    policy: ServingPolicy, prompt: Prompt, sampling: Sampling, n: int, token: CancelToken
) -> Iterator[Step]:
    """Answer a prompt n times. Blocking; asks the token between pieces.

    One answer is streamed as it is made. Several are drawn together, because only the policy can make them differ.

    Args:
        policy: Who answers.
        prompt: What is asked, with its passages.
        sampling: How to draw.
        n: How many answers, from 1.
        token: Stops the work.

    Yields:
        Step: Pieces of text, and each answer once it is whole.

    Raises:
        PolicyError: If the policy cannot answer or breaks off.
    """
    if not prompt.passages:
        # Nothing was found: no policy can ground an answer in nothing.
        drawn = [nothing_found(policy.version, sampling)] * n
    elif n == 1:
        yield from _streamed(policy, prompt, sampling, token)
        return
    else:
        try:
            drawn = policy.sample([prompt], n, sampling, cancelled=lambda: token.cancelled)[0]
        except SamplingCancelled:
            return
    for index, answer in enumerate(drawn):
        if token.cancelled:
            return
        yield Piece(index, answer.text)
        yield finish(index, answer, prompt)


def _streamed(policy: ServingPolicy, prompt: Prompt, sampling: Sampling, token: CancelToken) -> Iterator[Step]:
    answer: Answer | None = None
    # Every policy's iterator has `close`; the type of iterators does not say so.
    with closing(cast(Any, policy.stream(prompt, sampling))) as deltas:
        token.on_cancel(deltas.close)
        for delta in deltas:
            if token.cancelled:
                return
            if delta.text:
                yield Piece(0, delta.text)
            answer = delta.answer or answer
    if token.cancelled:
        return
    if answer is None or answer.finish_reason == "error":
        raise PolicyError("the model broke off in the middle of its answer; ask again")
    yield finish(0, answer, prompt)


def finish(index: int, answer: Answer, prompt: Prompt) -> Finished:
    """Check the citations of a whole answer."""
    return Finished(index, answer, cite(answer.text, prompt.passages))


def nothing_found(version: str, sampling: Sampling) -> Answer:
    """Give the answer where the search found no passage: no policy is asked."""
    return Answer(
        text=ABSTENTION,
        version=version,
        finish_reason="stop",
        sampling=sampling,
        logprob=0.0,  # no action was taken
        steps=0,
        abstained=True,
    )
