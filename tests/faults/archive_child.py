"""Archives everything at once, again and again: `python -m tests.faults.archive_child HOME`, until killed."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from pathlib import Path

import redis

from service.archive.move import LOCK, move_old
from service.archive.places import open_archive
from service.privacy.passages import drop_unshown
from service.redis.blocking import connect
from tests.service.http_world import light_settings

EVERYTHING = 1e-9  # days


def main() -> None:
    """Archive."""
    settings = light_settings(Path(sys.argv[1]), None)
    print("started", flush=True)
    while True:
        try:
            with connect(settings, timeout_s=2.0) as client, closing(open_archive(settings)) as archive:
                client.delete(LOCK)  # of the one that was killed before: it would expire by itself in two minutes
                while True:
                    move_old(client, archive, after_days=EVERYTHING)
                    drop_unshown(client)
                    time.sleep(0.02)
        except (redis.RedisError, LookupError, OSError):
            time.sleep(0.05)


if __name__ == "__main__":
    main()
