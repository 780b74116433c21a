"""What is noted with an answer so that versions can be compared later, and what is drawn by lot.

The notes are `attributes` of the answer: small strings, and none where they would say the usual. Draws depend on the id
of the completion, which the server makes and records: a client cannot choose it, and anybody can draw again later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from service.scopes import NAMED, SHARED, Scope
from training.citations.markers import strip_markers

if TYPE_CHECKING:
    from service.chat.steps import Finished
    from service.settings import Settings
    from service.versions.served import Role, Served

Pair = Literal["trial", "learn"]  # candidate against champion; two answers of one version
Heard = tuple[str, tuple[str, ...], bool]


@dataclass(frozen=True, slots=True)
class Note:
    """How an answer came to be shown. `Note.of` reads what `attributes` wrote."""

    role: Role = "champion"
    propensity: float = 1.0  # probability with which this version answered
    trial: str | None = None  # the candidate on trial in the scope then, whoever answered
    same: bool | None = None  # during a trial: would the other arm have said the same; None where nobody looked
    pair: Pair | None = None  # why two answers were shown
    scope: Scope = SHARED  # whose champion or candidate answered
    named: str | None = None  # the one collection that the request named
    best_of: int = 1  # answers of which this one was chosen: then its log-probability is not how likely it was shown
    again: str | None = None  # the answer to whose prompt this one was wanted too

    def attributes(self) -> dict[str, str]:
        """Write what is not as usual."""
        told = {
            "role": None if self.role == "champion" else self.role,
            "propensity": None if self.propensity == 1.0 else f"{self.propensity:.6g}",
            "trial": self.trial,
            "same": None if self.same is None else str(int(self.same)),
            "pair": self.pair,
            "scope": None if self.scope == SHARED else str(self.scope),
            NAMED: self.named,
            "best_of": None if self.best_of == 1 else str(self.best_of),
            "again": self.again,
        }
        return {name: value for name, value in told.items() if value}

    @classmethod
    def of(cls, attributes: Mapping[str, str]) -> Note:
        """Read the attributes of a recorded answer.

        Args:
            attributes: Of this service, of this or an earlier version.

        Returns:
            The note.

        Raises:
            ValueError: They were not written by it.
        """
        same, pair = attributes.get("same"), attributes.get("pair")
        return cls(
            role=cast("Role", attributes.get("role", "champion")),
            propensity=float(attributes.get("propensity", "1")),
            trial=attributes.get("trial"),
            same=None if same is None else same == "1",
            pair=cast("Pair | None", pair),
            scope=Scope.parse(attributes.get("scope", "shared")),
            named=attributes.get(NAMED),
            best_of=int(attributes.get("best_of", "1")),
            again=attributes.get("again"),
        )


@dataclass(frozen=True, slots=True)
class TrialOptions:
    """How versions are compared while people chat."""

    pair_share: float = 0.0  # of prompts answered twice, where the client can show two
    trial_pair_share: float = 0.0  # the same during a trial, of prompts on which the two differ
    shadow: bool = False  # whether both arms are quick enough to be asked each time

    @classmethod
    def of(cls, settings: Settings) -> TrialOptions:
        """Take what the settings say."""
        asked = settings.trial_shadow
        quick = settings.policy == "extractive"
        return cls(settings.pair_share, settings.trial_pair_share, quick if asked == "auto" else asked == "on")


def note_of(
    served: Served,
    *,
    same: bool | None,
    pair: Pair | None,
    named: str | None,
    best_of: int = 1,
    again: str | None = None,
) -> Note:
    """Note what answered. In a pair both arms are shown whoever asks, so neither was a matter of chance.

    One more answer belongs to no trial, whoever gives it: who wants one was not content with the first.
    """
    if again is not None:
        return Note("again", scope=served.scope, named=named, again=again)
    propensity = 1.0 if pair else served.propensity
    return Note(served.role, propensity, served.trial, same, pair, served.scope, named, best_of)


def lot(completion_id: str, what: str) -> float:
    """Draw a number in [0, 1) for one completion; what it is for is part of the draw."""
    digest = hashlib.sha256(f"{what}\0{completion_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def heard(finished: Finished) -> Heard:
    """Give what a reader is told: the words, the passages they are said to come from, whether it is silence."""
    cited = finished.cited
    sources = () if finished.abstained else tuple(dict.fromkeys(one.chunk_id for one in cited.citations))
    return strip_markers(cited.text).strip(), sources, finished.abstained
