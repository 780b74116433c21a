"""From what a TOML file can hold to a stage's settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from training.pipeline.job import BadJob

_Config = TypeVar("_Config")


def configured(kind: type[_Config], options: Mapping[str, Any], stage: str) -> _Config:
    """Make settings from options by name; tables inside make the settings inside, lists become what the field holds.

    Args:
        kind: A dataclass whose fields all have defaults.
        options: By field name.
        stage: Named in errors.

    Returns:
        The settings.

    Raises:
        BadJob: There is no such option, or its value is of another type or cannot work.
    """
    _check_names(kind, options, stage)
    try:
        return TypeAdapter(kind).validate_python(dict(options))
    except ValidationError as error:
        told = (" ".join([*map(str, one["loc"]), one["msg"].removeprefix("Value error, ")]) for one in error.errors())
        raise BadJob(f"[{stage}] {'; '.join(told)}") from error


def _check_names(kind: type[Any], options: Mapping[str, Any], stage: str) -> None:
    defaults = {one.name: one.default for one in fields(kind) if one.default is not MISSING}
    if unknown := sorted(options.keys() - defaults.keys()):
        raise BadJob(f"[{stage}] has no options {', '.join(unknown)}; it has {', '.join(sorted(defaults))}")
    for name, value in options.items():
        if is_dataclass(defaults[name]) and isinstance(value, Mapping):
            _check_names(type(defaults[name]), value, f"{stage}.{name}")
