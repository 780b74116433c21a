"""Trains the embedded policy in as many processes as it was launched in; the first writes what was learned.

Run as `torchrun --nproc-per-node 2 -m tests.training.updates.parallel_child RUN_DIR`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.faults.training.update_child import train
from training.updates.devices import Devices


def main() -> None:
    """Train, and write what was learned."""
    run_dir = Path(sys.argv[1])
    learned, devices = train(run_dir), Devices()
    told = {"processes": devices.size, "agree": devices.from_first(learned) == learned, "weights": learned}
    (run_dir / f"learned-{devices.rank}.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main()
