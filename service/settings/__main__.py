"""Print the table of docs/settings.md."""

import sys

from service.settings.whole import settings_markdown

sys.stdout.write(settings_markdown())
