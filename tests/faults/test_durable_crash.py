"""SIGKILL while publishing: nothing acknowledged is lost, everything stays readable, and the next publish succeeds."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from retrieval import durable

pytestmark = pytest.mark.fault

ROUNDS = 20
LONGEST_S = 0.120

# The content follows from the number, so that the parent can check every byte.
PUBLISHER = """
import random, sys
from pathlib import Path
from retrieval import durable
home, first = Path(sys.argv[1]), int(sys.argv[2])
print("ready", flush=True)
n = first
while True:
    def fill(directory):
        rng = random.Random(n)
        for name in ("a", "b", "c"):
            (directory / name).write_bytes(rng.randbytes(50_000))
    durable.publish_generation(home, fill, metadata={"n": n})
    print(n, flush=True)
    durable.prune(home, 3)
    n += 1
"""


def test_publishing_survives_being_killed(tmp_path: Path) -> None:
    rng = random.Random(20)
    acknowledged = -1
    for _ in range(ROUNDS):
        child = subprocess.Popen(
            [sys.executable, "-c", PUBLISHER, str(tmp_path), str(acknowledged + 1)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(rng.uniform(0, LONGEST_S))
        child.kill()
        lines = child.stdout.read().split("\n")
        child.wait()
        child.stdout.close()
        acknowledged = max([acknowledged, *(int(line) for line in lines[:-1])])

        found = durable.open_current(tmp_path)
        if found is None:
            assert acknowledged == -1
            continue
        n = found.manifest.metadata["n"]
        assert n >= acknowledged
        assert not found.is_fallback
        expected = random.Random(n)
        for name in ("a", "b", "c"):
            assert (found.path / name).read_bytes() == expected.randbytes(50_000)
        acknowledged = n

        durable.publish_generation(tmp_path, lambda d: (d / "x").write_text("next"), metadata={"n": n})
        # Put back what the children's oracle expects.
        durable.swap_pointer(tmp_path, found.path.name)
    assert acknowledged > 0
    assert not list(tmp_path.glob(".t*"))
