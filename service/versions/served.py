"""One loaded version, and what a request is given of it. Knows nothing of registries, HTTP or loading."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from service.scopes import SHARED, Scope
from training.policy.base import ServingPolicy

if TYPE_CHECKING:
    from retrieval.embed.adapter import Questions

# The last two compare nothing: a version that was asked for by name, and whatever gives one more answer.
Role = Literal["champion", "candidate", "pinned", "again"]
QuestionsFor = Callable[[str], "Questions"]  # by the name of an embedding model


@dataclass(frozen=True, eq=False)
class Loaded:
    """A version in memory: its policy, and the questions as it learned to put them. Compared by identity."""

    policy: ServingPolicy
    questions: QuestionsFor | None = None  # None: the search's own, unmoved
    scope: Scope = SHARED
    loaded_at: float = 0.0  # seconds since the epoch
    kept: bool = False  # somebody else closes it: it may come back after it was replaced

    @property
    def version(self) -> str:
        """Name recorded on every answer."""
        return self.policy.version

    @property
    def best_of(self) -> int:
        """How many answers are drawn of which one is chosen; 1 where none is."""
        return int(getattr(self.policy, "best_of", 1))

    def close(self) -> None:
        """Release the policy, if it is not kept. The encoders belong to whoever made them."""
        if not self.kept:
            self.policy.close()


@dataclass(frozen=True, slots=True)
class Served:
    """What answers one request: search with `questions`, answer with `policy`, of the same version."""

    policy: ServingPolicy
    questions: QuestionsFor | None  # for `Searcher.asearch(encoder_for=...)`
    version: str
    role: Role
    propensity: float  # probability with which this request was given this version
    scope: Scope = SHARED  # whose champion or candidate it is
    trial: str | None = None  # the candidate on trial in that scope, whoever answers
    best_of: int = 1  # answers of which one is chosen where one is wanted
