"""Every setting, typed, with its unit in its name. The only place that reads the environment.

Values come from `GROUNDLOOP_<NAME>` variables, then from `.env`, then from the defaults here; they are frozen once
loaded. Run `python -m service.settings` to print the table that docs/settings.md holds.
"""

from service.settings.learning import RedactKind
from service.settings.serving import MIB, PREFIX
from service.settings.whole import SettingRow, Settings, load_settings, settings_markdown

__all__ = ["MIB", "PREFIX", "RedactKind", "SettingRow", "Settings", "load_settings", "settings_markdown"]
