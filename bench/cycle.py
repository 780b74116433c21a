"""A whole cycle of 1,000 records with the embedded models: how long, how much memory, and what came of it.

Simulated voters judge what the shipped start answers to XQuAD's and COVID-QA's questions; the file they leave is
trained on in a process of its own, as `groundloop train run` starts it. Nothing is kept from earlier runs: every
question, passage and sentence is encoded anew.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from bench.loop_world import questions_of
from bench.remembered import KeptVectors
from bench.report import CACHE, ROOT, arguments, report
from bench.voters import START, Population, Voters
from retrieval.embed import DEFAULT_MODEL, load_embedder
from training.pipeline.job import Job, write_job
from training.pipeline.state import read_state
from training.policy.extractive import ExtractivePolicy
from training.records.write import record_lines


def main() -> None:
    """Judge, train, print the table."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--records", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        _judge(home / "records.jsonl", options.records)
        job = Job(
            records=home / "records.jsonl",
            registry=home / "registry",
            now=START + 40 * 86_400.0,
            cache=CACHE,
        )
        write_job(home / "job", job)
        started = perf_counter()
        done = subprocess.run([sys.executable, "-m", "training.run", str(home / "job")], check=False, env=os.environ)
        whole = perf_counter() - started
        peak_mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        state = read_state(home / "job")
        assert state is not None, done.returncode
        rows = [[step.name, f"{(step.finished_at or 0) - step.started_at:.1f}", step.note] for step in state.steps]
        rows.append(["**whole process**", f"**{whole:.0f}**", f"{state.status}; most memory {peak_mib:.0f} MiB"])
    report(
        "cycle",
        f"A cycle of {options.records:,} records",
        ["stage", "seconds", "what it says"],
        rows,
        data="XQuAD English and the half of COVID-QA that nothing shipped saw; voters as in bench/loop_gain.py",
        notes=[f"Verdict: {state.reason}"],
        save=options.save,
    )


def _judge(path: Path, count: int) -> None:
    encoder = KeptVectors(load_embedder(DEFAULT_MODEL, cache_dir=CACHE), ROOT / "build" / "vectors.npz")
    policy, voters = ExtractivePolicy(encoder), Voters(Population(), 100)
    asked = [question.present for question in questions_of(encoder)]
    step = max(len(asked) // count, 1)
    records = [voters.judge(policy, asked[number * step % len(asked)]) for number in range(count)]
    path.write_bytes(b"".join(record_lines(records)))


if __name__ == "__main__":
    main()
