"""What every policy takes and gives. Importable without torch.

A policy turns a `Prompt` into text whose factual sentences end in `[n]` markers, n being the number of a shown passage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from torch import Tensor

FinishReason = Literal["stop", "length", "cancelled", "error"]
ABSTENTION = "I could not find that in the documents."


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier message of the conversation."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class ShownPassage:
    """A passage as the policy sees it; `number` is what `[n]` in the answer refers to (from 1)."""

    number: int
    chunk_id: str
    document_id: str
    title: str
    text: str
    score: float  # fused retrieval score
    dense_score: float = 0.0
    lexical_score: float = 0.0
    filename: str = ""
    url: str | None = None
    start: int = 0  # offset of `text` in the document's text
    page_start: int | None = None
    page_end: int | None = None
    heading_path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prompt:
    """The recorded input of one answer."""

    question: str  # as asked
    passages: tuple[ShownPassage, ...]
    history: tuple[Turn, ...] = ()
    resolved_question: str = ""  # self-contained form used for retrieval; empty when the question already is
    collections: tuple[str, ...] = ()
    segment: str | None = None
    instructions: str = ""  # the caller's system message

    @property
    def query(self) -> str:
        """The self-contained question."""
        return self.resolved_question or self.question


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to draw an answer. Temperature 0 is greedy."""

    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 512
    seed: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """One finished answer. `logprob` sums the log-probabilities of its `steps` actions under the serving policy."""

    text: str  # with [n] markers
    version: str
    finish_reason: FinishReason
    sampling: Sampling
    logprob: float | None  # None where the server behind a RemotePolicy does not give it
    steps: int  # tokens (causal, remote) or sentences including STOP (extractive)
    abstained: bool = False
    prompt_tokens: int = 0
    completion_tokens: int = 0
    actions: tuple[int, ...] = ()  # extractive: candidate indices in the order chosen, -1 is STOP; causal: token ids
    timings_ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a streamed answer; the last one carries the whole `answer` and may have no text."""

    text: str = ""
    answer: Answer | None = None


class ServingPolicy(Protocol):
    """A policy that answers. Thread-safe. Closing the iterator of `stream` stops the work behind it promptly."""

    @property
    def version(self) -> str:
        """Name recorded on every answer."""
        ...

    def stream(self, prompt: Prompt, sampling: Sampling) -> Iterator[Delta]:
        """Answer piece by piece; the last delta carries the answer."""
        ...

    def sample(
        self,
        prompts: Sequence[Prompt],
        n: int,
        sampling: Sampling,
        *,
        cancelled: Callable[[], bool] | None = None,
    ) -> list[list[Answer]]:
        """Draw n answers for each prompt, distinct where the policy can make them so.

        `cancelled` is asked several times a second from the calling thread; once it gives true the work behind the call
        stops and the call ends promptly, with `SamplingCancelled`.
        """
        ...

    def close(self) -> None:
        """Release the model."""
        ...


class Policy(ServingPolicy, Protocol):
    """A policy that can also be trained."""

    def logprobs(self, prompts: Sequence[Prompt], answers: Sequence[Answer]) -> Tensor:
        """Give `[B, T]` float32 log-probabilities per step, zero where padded; differentiable."""
        ...


def never() -> bool:
    """Tell that nobody cancels."""
    return False


class PolicyError(Exception):
    """Base of what goes wrong while answering."""


class PolicyUnavailable(PolicyError):
    """The model or the server behind the policy cannot be reached now; `retry_after_s` says when to try again."""

    def __init__(self, message: str, *, retry_after_s: int = 5) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SamplingCancelled(PolicyError):
    """Whoever wanted the answers wants them no more."""


class PromptTooLong(PolicyError):
    """The question and its history do not fit the model even with no passage."""
