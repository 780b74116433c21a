"""The process that trains, as a worker starts it: `python -m service.cycles.child JOB_DIR --token N`.

It is `training.run` behind questions in priority, and it ends when the process that watches it does.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from service.jobs.spawned import LEAST, give_way
from service.lifeline import die_with_parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a job; the exit status is that of `training.run`.

    Args:
        arguments: The command line; this process's own by default.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(prog="service.cycles.child", description="Runs one training job.")
    parser.add_argument("job")
    parser.add_argument("--token", required=True)
    parser.add_argument("--parent-pid", type=int)
    options = parser.parse_args(arguments)
    if options.parent_pid is not None:
        die_with_parent(options.parent_pid)
    give_way(LEAST)
    from training import run

    return run.main([options.job, "--token", options.token])


if __name__ == "__main__":
    sys.exit(main())
