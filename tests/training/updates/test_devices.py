"""Two processes learn what one learns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.running import free_port
from tests.faults.training.update_child import train
from training.updates.devices import Devices
from training.updates.metrics import read_metrics

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_processes_learn_what_one_learns(tmp_path: Path) -> None:
    alone, both = tmp_path / "alone", tmp_path / "both"
    both.mkdir()
    weights = train(alone)
    # A machine need not be able to resolve its own name; the loopback always works.
    launch = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--master-addr",
        "127.0.0.1",
        "--master-port",
        str(free_port()),
    ]
    launch += ["--nproc-per-node", "2"]
    done = subprocess.run(
        [*launch, "-m", "tests.training.updates.parallel_child", str(both)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = [json.loads((both / f"learned-{rank}.json").read_text()) for rank in (0, 1)]
    assert [one["processes"] for one in told] == [2, 2]
    assert all(one["agree"] for one in told)
    for name, values in weights.items():
        assert told[0]["weights"][name] == pytest.approx(values, abs=1e-5)
    losses = [[line["loss"] for line in read_metrics(where) if "grad_norm" in line] for where in (alone, both)]
    assert losses[1] == pytest.approx(losses[0], abs=1e-5)


def test_one_process_needs_no_others() -> None:
    devices = Devices()
    assert (devices.rank, devices.size, devices.is_first) == (0, 1, True)
    assert devices.share([3, 1, 2]) == [3, 1, 2]
    assert devices.add_sums({"a": 1.0}) == {"a": 1.0}
    assert devices.from_first("x") == "x"
