"""Names of queues and tasks: what producers, workers and the schedule agree on."""

from __future__ import annotations

INGEST_QUEUE = "ingest"
TRAIN_QUEUE = "train"
DEFAULT_QUEUE = "default"
QUEUES = (INGEST_QUEUE, TRAIN_QUEUE, DEFAULT_QUEUE)

DRAIN = "ingest.drain"
SWEEP = "ingest.sweep"
CYCLE = "train.cycle"
CHECK = "train.check"
WATCH = "train.watch"
RETENTION = "retention"
ERASE = "erase"
ARCHIVE = "archive"
MAINTENANCE = "index.maintenance"
QUEUE_OF = {DRAIN: INGEST_QUEUE, CYCLE: TRAIN_QUEUE}  # every other task goes to the default queue
