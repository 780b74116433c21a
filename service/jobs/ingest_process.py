"""The heavy process of ingestion: `python -m service.jobs.ingest_process`, spawned by the drain task.

It takes a slot (a second process on the same slot leaves at once), drains the catalog's queue, publishes the indexes
that are due, and stays warm for a while so that the next upload starts at once; then it leaves and its memory goes
back. SIGTERM lets it finish the batch at hand; what is unfinished is given back, and what is not comes back with its
lease.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from service.jobs.slots import beat_file, slot_lock
from service.jobs.spawned import give_way
from service.lifeline import die_with_parent
from service.logs import setup_logging
from service.settings import Settings, load_settings

log = logging.getLogger(__name__)

STOP_GRACE_S = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the process.

    Args:
        arguments: The command line; this process's own by default.

    Returns:
        The exit status: 0 also when the slot is taken.
    """
    parser = argparse.ArgumentParser(prog="service.jobs.ingest_process", description="Ingests documents that wait.")
    parser.add_argument("--slot", type=int, default=0)
    parser.add_argument("--parent-pid", type=int)
    options = parser.parse_args(arguments)
    if options.parent_pid is not None:
        die_with_parent(options.parent_pid)
    settings = load_settings()
    lock = slot_lock(settings.home, options.slot)
    if not lock.acquire():
        return 0
    try:
        setup_logging(settings)
        give_way()
        work(settings, options.slot, _stop_on_signal())
    finally:
        lock.release()
    return 0


def work(settings: Settings, slot: int, stop: threading.Event) -> None:
    """Put the parts together and run the loop until it ends.

    Args:
        settings: Where the documents are and how to treat them.
        slot: Our slot; only slot 0 builds indexes, so that nobody builds one twice.
        stop: Set to leave after the batch at hand.
    """
    from retrieval.catalog import Catalog
    from retrieval.ingest import Ingester, IngestOptions
    from retrieval.parse import ParseLimits, ParserSandbox
    from service.indexes import index_backend
    from service.jobs.chores import CatalogChores
    from service.jobs.embedders import Embedders
    from service.jobs.engine import run_engine
    from service.jobs.indexer import Indexer

    beat = _beat_into(settings, slot)
    limits = ParseLimits(
        memory_bytes=settings.parse_memory_bytes,
        cpu_s=settings.parse_cpu_s,
        wall_s=settings.parse_wall_s,
        max_file_bytes=settings.max_upload_bytes,
        max_pages=settings.max_pages,
    )
    with ExitStack() as stack:
        catalog = Catalog.open(settings.home, max_attempts=settings.ingest_attempts)
        stack.callback(catalog.close)
        ingester = Ingester(
            catalog,
            stack.enter_context(ParserSandbox(limits)),
            Embedders(settings, beat),
            IngestOptions(lease_s=settings.ingest_lease_s),
            worker=f"{socket.gethostname()}:{os.getpid()}",
        )
        indexes = index_backend(settings) if slot == 0 else None
        chores = CatalogChores(catalog, ingester, indexes, stop, beat)
        if indexes is not None:
            stack.enter_context(Indexer(catalog, indexes))
        run_engine(chores, stop=stop, beat=beat, linger_s=settings.ingest_linger_s)


def _beat_into(settings: Settings, slot: int) -> Callable[[], None]:
    path = beat_file(settings.home, slot)
    return path.touch


def _stop_on_signal() -> threading.Event:
    stop = threading.Event()

    def handle(number: int, frame: object) -> None:
        stop.set()
        signal.alarm(STOP_GRACE_S)  # not handled, so the kernel ends us even inside native code

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)
    return stop


if __name__ == "__main__":
    sys.exit(main())
