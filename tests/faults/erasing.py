"""Does the erasures of a home, to be killed: `python -m tests.faults.erasing HOME REDIS_URL`."""

from __future__ import annotations

import sys
from pathlib import Path

from service.privacy.erase import erase_due
from service.settings import load_settings


def main() -> None:
    """Work until killed or done."""
    erase_due(load_settings(home=Path(sys.argv[1]), redis_url=sys.argv[2]))


if __name__ == "__main__":
    main()
