"""Which version answers: a live book of what serves, swapped whole while requests go on.

Behind the name `groundloop` are champion and candidate of the request's scope; `groundloop@<version>` pins one. Take a
lease before the search and keep it until the answer is recorded: search and answer are then of the same version, and
what a swap replaced stays loaded until its last answer has ended.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from service.errors import ApiError
from service.scopes import SHARED, Scope
from service.versions.lease import Lease, Ledger
from service.versions.served import Loaded, Served
from service.versions.snapshot import Arms, Snapshot
from training.policy.base import ServingPolicy

ALIAS = "groundloop"
_NOT_IN_A_VERSION = re.compile(r"[^A-Za-z0-9._-]+")
Fetch = Callable[[str, Scope], None]  # asks for a version that is not loaded; ApiError 503 while it comes


def version_name(model: str) -> str:
    """Give the version under which a foreign model answers: its name, fit for paths, labels and file names.

    Args:
        model: Such as "Qwen/Qwen2.5-7B-Instruct" or "qwen2.5:7b".

    Returns:
        Letters, digits, `.`, `_` and `-`; the same again for what is such a name already.
    """
    return _NOT_IN_A_VERSION.sub("-", model).strip("-") or "model"


@dataclass(frozen=True, slots=True)
class PolicyInfo:
    """A policy as `/v1/models` and the metrics list it."""

    version: str
    loaded_at: float
    routed: bool  # the shared champion
    scope: Scope = SHARED
    role: str = "pinned"  # champion, candidate or pinned


class PolicyBook:
    """What serves in this process. Thread-safe: a request sees one snapshot, a swap replaces it whole."""

    def __init__(self, serving: Snapshot | Sequence[ServingPolicy], *, loaded_at: float = 0.0) -> None:
        """Serve a snapshot, or policies: the shared champion first, the others as pins. The book owns them from now on.

        Args:
            serving: What new requests get.
            loaded_at: When policies were loaded, in seconds since the epoch.
        """
        if not isinstance(serving, Snapshot):
            first, *others = (Loaded(policy, loaded_at=loaded_at) for policy in serving)
            serving = Snapshot({SHARED: Arms(first)}, {one.version: one for one in others})
        self._ledger = Ledger(serving)
        self._fetch: Fetch | None = None
        self._pinned_at: dict[str, float] = {}

    def fetch_with(self, fetch: Fetch) -> None:
        """Set what is asked for a version that is not loaded."""
        self._fetch = fetch

    @property
    def present(self) -> Snapshot:
        """What new requests get; to answer with it, take a `lease`."""
        return self._ledger.present

    @property
    def leases(self) -> int:
        """How many requests hold a snapshot now."""
        return self._ledger.leases

    @property
    def draining(self) -> tuple[str, ...]:
        """Versions that only open answers still use."""
        return self._ledger.draining

    def lease(self) -> Lease:
        """Keep what serves now for one request; release it when the answer is recorded."""
        return self._ledger.lease()

    def swap(self, snapshot: Snapshot) -> None:
        """Serve another snapshot from the next request on; what it lacks is closed after its last answer."""
        self._ledger.swap(snapshot)

    def route(self, identity: str, scope: Scope = SHARED) -> Served:
        """Give what would answer this person now; the same one as long as the aliases stand."""
        return self.present.route(identity, scope)

    def named(self, model: str, identity: str, scope: Scope = SHARED, *, snapshot: Snapshot | None = None) -> Served:
        """Give what the `model` field of a request names: the alias, alone or with a version; else as `pinned`.

        Args:
            model: The alias, the alias with `@<version>`, or a version.
            identity: Who asks; decides between champion and candidate.
            scope: Of the request (`service.scopes.serves`).
            snapshot: Of the request's lease; the present one when None.

        Returns:
            What answers.

        Raises:
            ApiError: 404 for a version that is not there, with the names that are; 503 while one is being loaded.
        """
        seen = snapshot or self.present
        if model == ALIAS:
            return seen.route(identity, scope)
        alias, _, version = model.partition("@")
        return self.pinned(version if alias == ALIAS else model, scope, snapshot=seen)

    def pinned(self, version: str, scope: Scope = SHARED, *, snapshot: Snapshot | None = None) -> Served:
        """Give the version of this name, also by the name that its model has elsewhere; fails as `named` does."""
        seen = snapshot or self.present
        served = seen.pinned(version, scope) or seen.pinned(version_name(version), scope)
        if served is None:
            if self._fetch is not None:
                self._fetch(version, scope)
            raise ApiError(404, _unknown(version, seen), code="model_not_found", param="model")
        self._pinned_at[served.version] = time.monotonic()
        return served

    def pinned_at(self, version: str) -> float:
        """Tell when a version was last pinned, by the monotonic clock; zero if never."""
        return self._pinned_at.get(version, 0.0)

    def list(self) -> list[PolicyInfo]:
        """Give every loaded version, the shared champion first."""
        seen = self.present
        roles: dict[int, str] = {}
        for arm in seen.arms.values():
            roles |= {id(arm.champion): "champion"} | ({id(arm.candidate): "candidate"} if arm.candidate else {})
        first = seen.arms[SHARED].champion
        return [
            PolicyInfo(one.version, one.loaded_at, one is first, one.scope, roles.get(id(one), "pinned"))
            for one in seen.loaded
        ]

    def close(self) -> None:
        """Close every version."""
        self._ledger.close()


def _unknown(version: str, seen: Snapshot) -> str:
    names = ", ".join(f"`{ALIAS}@{one.version}`" for one in seen.loaded if one.scope == SHARED)
    return f"no model `{ALIAS}@{version}`; there are `{ALIAS}`, {names}"
