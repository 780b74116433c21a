"""Why a cycle was not started, found or cancelled.

ApiError
├── CycleNotFound      404
├── NoSuchScope        400  nothing is learned for it; says what would be
├── CycleUnfinished    409  the scope has one already; names it
├── NotDue             409  a floor is not reached; says which, and whether `force` helps
└── CycleOver          409  it cannot be cancelled any more
"""

from __future__ import annotations

from service.cycles.plan import Planned
from service.errors import ApiError


class CycleNotFound(ApiError):
    """No such cycle."""

    def __init__(self, cycle_id: str, *, status: int = 404, param: str = "cycle_id") -> None:
        super().__init__(status, f"no cycle {cycle_id[:80]!r}", code="cycle_not_found", param=param)


class NoSuchScope(ApiError):
    """Nothing is learned for it."""

    def __init__(self, why: str) -> None:
        super().__init__(400, f"scope: {why}", code="invalid_value", param="scope")


class CycleUnfinished(ApiError):
    """The scope has an unfinished cycle."""

    def __init__(self, cycle_id: str) -> None:
        message = f"cycle {cycle_id} of this scope is not finished; wait for it, or cancel it"
        super().__init__(409, message, code="cycle_unfinished")


class NotDue(ApiError):
    """A floor is not reached, or a candidate is on trial."""

    def __init__(self, plan: Planned) -> None:
        hint = "" if plan.missing or plan.blocked else '; with `"force": true` it starts all the same'
        super().__init__(409, f"{plan.told}{hint}", code="cycle_not_due")


class CycleOver(ApiError):
    """It has ended."""

    def __init__(self, cycle_id: str, state: str) -> None:
        super().__init__(409, f"cycle {cycle_id} has ended: {state}", code="cycle_over", param="cycle_id")
