"""From what a TOML file can hold to a stage's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar

from training.pipeline.job import BadJob

_Config = TypeVar("_Config")


def configured(kind: type[_Config], options: Mapping[str, Any], stage: str) -> _Config:
    """Make settings from options by name; tables inside make the settings inside, lists become what the default is.

    Args:
        kind: A dataclass whose fields all have defaults.
        options: By field name.
        stage: Named in errors.

    Returns:
        The settings.

    Raises:
        BadJob: There is no such option, or its value cannot work.
    """
    defaults = {one.name: one.default for one in fields(kind) if one.default is not MISSING}  # type: ignore[arg-type]
    if unknown := sorted(options.keys() - defaults.keys()):
        raise BadJob(f"[{stage}] has no options {', '.join(unknown)}; it has {', '.join(sorted(defaults))}")
    try:
        return kind(**{name: _like(defaults[name], value, stage) for name, value in options.items()})
    except (TypeError, ValueError) as error:
        raise BadJob(f"[{stage}] {error}") from error


def _like(default: Any, value: Any, stage: str) -> Any:
    if is_dataclass(default) and isinstance(value, Mapping):
        return configured(type(default), value, stage)
    if isinstance(default, tuple | frozenset) and isinstance(value, list):
        return type(default)(value)
    return value
