"""What a script that judges says, as a result or an error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from service.feedback.errors import (
    AnswerNotFound,
    BadEvidence,
    DifferentPrompts,
    KeyReused,
    NotTheAsker,
    PreferenceChanged,
    TooManyVotes,
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a write did. `entry_id` is None when a withdrawal found nothing to withdraw."""

    entry_id: str | None
    changed: bool  # False: it said what was known already
    replaced: str | None  # the entry that stood before

    @property
    def at(self) -> float | None:
        """When the standing entry was acknowledged, in seconds since the epoch."""
        return None if self.entry_id is None else int(self.entry_id.partition("-")[0]) / 1000


def outcome(reply: list[Any], answer_ids: Sequence[str]) -> Recorded:
    """Turn a script's reply into its result or its error.

    Args:
        reply: As Redis gave it.
        answer_ids: What was judged, in the order given to the script.

    Returns:
        What the write did.

    Raises:
        ApiError: The script refused; see `service.feedback.errors`.
    """
    rest: list[Any] = [item.decode() if isinstance(item, bytes) else item for item in reply[1:]]
    match reply[0]:
        case b"ok":
            return Recorded(rest[0], changed=True, replaced=rest[1] or None)
        case b"same":
            return Recorded(rest[0], changed=False, replaced=None)
        case b"nothing":
            return Recorded(None, changed=False, replaced=None)
        case b"ask":
            place, *collections = rest
            param = "answers" if len(answer_ids) > 1 else "answer_id"
            raise NotTheAsker(answer_ids[place - 1], collections, place=place, param=param)
        case b"evidence":
            raise BadEvidence(rest[0], rest[1:])
        case b"prompts":
            raise DifferentPrompts(answer_ids[rest[0] - 1])
        case b"reused":
            raise KeyReused
        case b"changed":
            raise PreferenceChanged(rest[0])
        case b"slow":
            raise TooManyVotes(rest[0])
        case _:
            missing = answer_ids[rest[0] - 1] if rest else answer_ids[0]
            raise AnswerNotFound(missing, param="answers" if rest else "answer_id")
