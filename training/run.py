"""The process in which training happens: `python -m training.run JOB_DIR [--token N]`.

It does what `job.json` says (`training/pipeline/job.py`), stage by stage; each finished stage is kept, so that running
it again goes on where it stopped. SIGTERM and SIGINT stop it at the next checkpoint. With several processes
(`torchrun -m training.run JOB_DIR`) all of them train and the first one writes.

Exit status: 0 it is over (state.json says how), 1 it failed, 2 the job makes no sense, 75 it was stopped and can go on.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

DONE, FAILED, MEANINGLESS, STOPPED = 0, 1, 2, 75
NICENESS = 10  # questions go before training
log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a job.

    Args:
        arguments: The command line; this process's own by default.

    Returns:
        The exit status.
    """
    from training.pipeline.cycle import run_cycle
    from training.pipeline.job import BadJob, read_job

    parser = argparse.ArgumentParser(prog="training.run", description="Runs one training job.")
    parser.add_argument("job", type=Path, help="directory with job.json")
    parser.add_argument("--token", type=int, help="which attempt at the job this is; a newer one puts an end to it")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stop = _stop_on_signal()
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # before anything imports a hub client
    try:
        job = read_job(options.job)
    except BadJob as error:
        log.error("%s", error)
        return MEANINGLESS
    _be_nice()
    if job.policy == "extractive":
        _one_thread()
    state = run_cycle(options.job, job, stopped=stop.is_set, token=options.token)
    log.info("%s: %s", state.status, state.reason)
    return {"failed": FAILED, "stopped": STOPPED}.get(state.status, DONE)


def _stop_on_signal() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _be_nice() -> None:
    if os.nice(0) < NICENESS:
        os.nice(NICENESS - os.nice(0))


def _one_thread() -> None:
    """Some thirty weights are not worth a second core, and threads that wait for each other cost more than they do."""
    import torch

    torch.set_num_threads(1)


if __name__ == "__main__":
    sys.exit(main())
