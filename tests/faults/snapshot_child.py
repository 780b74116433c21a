"""Takes a snapshot, to be killed at it: `python -m tests.faults.snapshot_child HOME DIRECTORY`."""

from __future__ import annotations

import sys
from pathlib import Path

from service.cycles.snapshot import write_snapshot
from service.scopes import SHARED
from tests.service.http_world import light_settings


def main() -> None:
    """Say when the work begins, then do it."""
    home, directory = map(Path, sys.argv[1:])
    sys.stdout.write("begins\n")
    sys.stdout.flush()
    write_snapshot(light_settings(home, None), SHARED, directory)


if __name__ == "__main__":
    main()
