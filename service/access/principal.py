"""The one who calls, as the rest of the service sees it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from retrieval.types import Caller

Role = Literal["user", "operator", "admin"]
RANK: dict[Role, int] = {"user": 0, "operator": 1, "admin": 2}


@dataclass(frozen=True, slots=True)
class Principal:
    """A key that was checked and, where a trusted caller named one, the end user behind it.

    Acting for an end user narrows: what is read is what that user may read, even where the key itself reads everything.
    """

    key_id: str
    role: Role
    groups: frozenset[str] = frozenset()
    trusted: bool = False  # may name an end user
    end_user: str | None = None
    segment: str | None = None
    requests_per_minute: int | None = None  # None: the setting; 0: no limit
    votes_per_minute: int | None = None

    @property
    def principals(self) -> frozenset[str]:
        """The names by which a collection's readers may let this caller in."""
        names = {"*", f"key:{self.key_id}", *(f"group:{group}" for group in self.groups)}
        if self.end_user is not None:
            names.add(f"user:{self.end_user}")
        return frozenset(names)

    @property
    def caller(self) -> Caller:
        """The same, as `retrieval` takes it."""
        return Caller(self.principals, reads_all=self.has("operator") and self.end_user is None)

    @property
    def owner(self) -> str:
        """Who owns what this key uploads."""
        return f"key:{self.key_id}"

    @property
    def identity(self) -> str:
        """Whose answers and votes these are: the key's, or those of the end user behind it."""
        return self.owner if self.end_user is None else f"{self.owner}/user:{self.end_user}"

    def has(self, role: Role) -> bool:
        """Tell whether the key's role is at least this one."""
        return RANK[self.role] >= RANK[role]

    def acting_for(self, end_user: str | None) -> Principal:
        """Give the principal for the end user that a request names; a caller who is not trusted stays who it is."""
        if not end_user or not self.trusted or self.end_user is not None:
            return self
        return replace(self, end_user=end_user)
