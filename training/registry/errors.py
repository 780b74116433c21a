"""What can go wrong with versions. Each says what was wrong and what would be right.

RegistryError
├── NoSuchVersion      nothing of that name is published, or it was pruned
├── VersionDamaged     what is published does not match its manifest
├── BadCard            a model card that may not be published
├── NotPromotable      its verdict, its state or its data forbid it to serve; `force` with a reason may overrule that
├── StaleWriter        somebody moved an alias in between, or a newer attempt at the job has begun: look again
└── NothingBefore      the champion has no predecessor to go back to

A full disk is `retrieval.errors.StorageFull`: nothing was published and no alias moved.
"""

from __future__ import annotations


class RegistryError(Exception):
    """Base of every error this package raises on purpose."""


class NoSuchVersion(RegistryError):
    """Nothing of that name is published."""


class VersionDamaged(RegistryError):
    """A published version does not match its manifest."""


class BadCard(RegistryError):
    """A model card holds what it may not hold, or lacks what it must."""


class NotPromotable(RegistryError):
    """The version may not serve."""


class StaleWriter(RegistryError):
    """An alias was moved since the caller looked, or a newer attempt at the same job has begun."""


class NothingBefore(RegistryError):
    """There is no predecessor."""
