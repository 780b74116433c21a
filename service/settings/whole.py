"""The effective configuration of one process, and how it is shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import SecretStr

from service.settings.learning import LearningSettings
from service.settings.masking import masked
from service.settings.serving import PREFIX


class SettingRow(NamedTuple):
    """One setting as people read it."""

    name: str
    variable: str
    value: str  # effective, secrets masked
    default: str
    meaning: str
    changed: bool  # it is not the default
    masked: bool  # not all of the value is shown


class Settings(LearningSettings):
    """The effective configuration of one process."""

    def describe(self) -> list[SettingRow]:
        """Give one row for each setting with its effective value, secrets masked."""
        rows = []
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            plain, shown = _told(value), _told(value, masked)
            rows.append(
                SettingRow(
                    name=name,
                    variable=PREFIX + name.upper(),
                    value=shown,
                    default=_told(field.default),
                    meaning=field.description or "",
                    changed=_whole(value) != _whole(field.default),
                    masked=isinstance(value, SecretStr) or shown != plain,
                )
            )
        return rows


def load_settings(**overrides: Any) -> Settings:
    """Read the settings; keyword arguments (setting names) win over the environment."""
    return Settings(**overrides)


def settings_markdown() -> str:
    """Give the table of docs/settings.md."""
    rows = [f"| `{row.variable}` | `{row.default}` | {row.meaning} |" for row in Settings.model_construct().describe()]
    return "\n".join(("| variable | default | meaning |", "|---|---|---|", *rows)) + "\n"


def _told(value: object, mask: Callable[[str], str] = str) -> str:
    if value is None:
        return "unset"
    if isinstance(value, SecretStr):
        return "********"
    if isinstance(value, tuple):
        return ",".join(map(mask, value)) or "none"
    return mask(str(value))


def _whole(value: object) -> object:
    """Give a value that can be compared: the home is made absolute when it is loaded, its default is not."""
    return value.expanduser().absolute() if isinstance(value, Path) else value
