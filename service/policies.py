"""Which policy answers.

The routed one behind the name `groundloop`, and those that may be pinned as `groundloop@<version>`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from service.errors import ApiError
from training.policy.base import ServingPolicy

ALIAS = "groundloop"
_NOT_IN_A_VERSION = re.compile(r"[^A-Za-z0-9._-]+")


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
    """A policy as `/v1/models` lists it."""

    version: str
    loaded_at: float
    routed: bool


class PolicyBook:
    """The loaded policies of this process. The first is the routed one. Thread-safe: it never changes."""

    def __init__(self, policies: Sequence[ServingPolicy], *, loaded_at: float) -> None:
        """Take the policies, the routed one first; it owns them from now on."""
        self._by_version = {policy.version: policy for policy in policies}
        self._routed = policies[0]
        self._loaded_at = loaded_at

    def route(self, user: str) -> ServingPolicy:
        """Give the policy that answers this user; the same user keeps the same one."""
        return self._routed

    def pinned(self, version: str) -> ServingPolicy:
        """Give the policy of this version, also by the name that its model has elsewhere.

        An ApiError 404 with the names that exist, if it is not loaded.
        """
        policy = self._by_version.get(version) or self._by_version.get(version_name(version))
        if policy is None:
            names = ", ".join(f"`{ALIAS}@{known}`" for known in self._by_version)
            raise ApiError(
                404,
                f"no model `{ALIAS}@{version}`; there are `{ALIAS}`, {names}",
                code="model_not_found",
                param="model",
            )
        return policy

    def named(self, model: str, user: str) -> ServingPolicy:
        """Give the policy for the `model` field of a request: the alias, alone or with a version; else as `pinned`."""
        if model == ALIAS:
            return self.route(user)
        alias, _, version = model.partition("@")
        return self.pinned(version if alias == ALIAS else model)

    def list(self) -> list[PolicyInfo]:
        """Give every policy, the routed one first."""
        return [PolicyInfo(v, self._loaded_at, policy is self._routed) for v, policy in self._by_version.items()]

    def close(self) -> None:
        """Release the models."""
        for policy in self._by_version.values():
            policy.close()
