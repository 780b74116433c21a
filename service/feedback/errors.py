"""Why a judgement was refused.

ApiError
├── AnswerNotFound       404  no such answer, or the voter may not know that it exists
│   └── NotTheAsker      404  raised by the log to let the route ask the catalog; carries the answer's collections
├── PreferenceNotFound   404  no such preference, or one of somebody else
├── BadEvidence          400  a mark on a passage that the answer was not shown
├── DifferentPrompts     400  answers compared that do not answer the same prompt
├── PreferenceChanged    409  another one stands by now; names it
├── KeyReused            409  an Idempotency-Key that came with another preference before
└── TooManyVotes         429  with the time to wait
"""

from __future__ import annotations

from collections.abc import Sequence

from service.errors import ApiError


class AnswerNotFound(ApiError):
    """No such answer, or the voter may not know that it exists (the two look alike on purpose)."""

    def __init__(self, answer_id: str, *, param: str = "answer_id") -> None:
        super().__init__(404, f"no answer {answer_id[:80]!r} that you may judge", code="answer_not_found", param=param)


class NotTheAsker(AnswerNotFound):
    """The answer was given to somebody else; who may read all of `collections` may judge it all the same.

    `place` is that of the answer among those compared, from 1.
    """

    def __init__(self, answer_id: str, collections: Sequence[str], *, place: int = 1, param: str = "answer_id") -> None:
        super().__init__(answer_id, param=param)
        self.collections = tuple(collections)
        self.place = place


class PreferenceNotFound(ApiError):
    """No such preference, or one of somebody else (the two look alike on purpose)."""

    def __init__(self, preference_id: str) -> None:
        message = f"no preference {preference_id[:80]!r} of yours; `POST /v1/preferences` gives the id"
        super().__init__(404, message, code="preference_not_found", param="preference_id")


class BadEvidence(ApiError):
    """A mark on a passage that the answer was not shown; the message lists those that it was."""

    def __init__(self, chunk_id: str, shown: Sequence[str]) -> None:
        listed = ", ".join(shown) or "none"
        message = f"{chunk_id[:80]!r} is not a passage of this answer; its passages are: {listed}"
        super().__init__(400, message, code="unknown_passage", param="evidence")


class DifferentPrompts(ApiError):
    """Answers compared that do not answer the same prompt."""

    def __init__(self, answer_id: str) -> None:
        message = f"answers compared must answer one prompt (ask with n=2 to 4); {answer_id!r} answers another one"
        super().__init__(400, message, code="different_prompts", param="answers")


class PreferenceChanged(ApiError):
    """The voter has said something else about these answers since."""

    def __init__(self, standing: str) -> None:
        message = f"another preference about these answers stands by now: {standing}; withdraw that one"
        super().__init__(409, message, code="preference_changed", param="preference_id")


class KeyReused(ApiError):
    """An Idempotency-Key that came with another preference before."""

    def __init__(self) -> None:
        message = "this Idempotency-Key came with another preference in the last 24 hours; use a new one"
        super().__init__(409, message, code="idempotency_key_reused", param="Idempotency-Key")


class TooManyVotes(ApiError):
    """The voter is over the limit."""

    def __init__(self, wait_ms: int) -> None:
        wait_s = max(1, -(-wait_ms // 1000))
        super().__init__(
            429, f"too many votes; try again in {wait_s} s", code="rate_limit_exceeded", retry_after_s=wait_s
        )
