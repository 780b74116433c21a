"""The effective configuration of one process, and how it is shown."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import SecretStr

from service.settings.learning import LearningSettings
from service.settings.serving import PREFIX


class SettingRow(NamedTuple):
    """One setting as people read it."""

    variable: str
    value: str  # effective, secrets masked
    default: str
    meaning: str


class Settings(LearningSettings):
    """The effective configuration of one process."""

    def describe(self) -> list[SettingRow]:
        """Give one row for each setting with its effective value, secrets masked."""
        return [
            SettingRow(
                variable=PREFIX + name.upper(),
                value=_shown(getattr(self, name)),
                default=_shown(field.default),
                meaning=field.description or "",
            )
            for name, field in type(self).model_fields.items()
        ]


def load_settings(**overrides: Any) -> Settings:
    """Read the settings; keyword arguments (setting names) win over the environment."""
    return Settings(**overrides)


def settings_markdown() -> str:
    """Give the table of docs/settings.md."""
    rows = [f"| `{row.variable}` | `{row.default}` | {row.meaning} |" for row in Settings.model_construct().describe()]
    return "\n".join(("| variable | default | meaning |", "|---|---|---|", *rows)) + "\n"


def _shown(value: object) -> str:
    if value is None:
        return "unset"
    if isinstance(value, SecretStr):
        return "********"
    if isinstance(value, tuple):
        return ",".join(value) or "none"
    return str(value)
