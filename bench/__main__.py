"""Run benchmarks one after the other, each in a process of its own.

python -m bench                     all of them
python -m bench votes answers       some
python -m bench --save              keep the tables under bench/results/
python -m bench --peer-python PATH  with the peer where a benchmark has one (see bench/peers.py)
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench.report import arguments

HELPERS = {
    *("corpus", "fill", "gate_trials", "gate_world", "known_reward", "load", "loop_world", "peers"),
    *("people", "planted", "whole"),
    *("remembered", "report", "serving", "stepping", "voters", "yardstick"),
}
WITH_PEER = {"http_search", "ingest"}  # the step benchmarks have another peer, named to each of them


def main() -> None:
    """Run what was asked for; exits with 1 when one of them failed."""
    every = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py") if path.stem not in HELPERS)
    parser = arguments(__doc__ or "")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(every)}")
    parser.add_argument("--peer-python", help="interpreter of an environment with the peer system")
    options = parser.parse_args()
    if unknown := set(options.names) - set(every):
        parser.error(f"no benchmark named {', '.join(sorted(unknown))}; there are {', '.join(every)}")
    failed = []
    for name in options.names or every:
        command = [sys.executable, "-m", f"bench.{name}", *(["--save"] if options.save else [])]
        if options.peer_python and name in WITH_PEER:
            command += ["--peer-python", options.peer_python]
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
