"""The embedded model on each backend: how fast, how big. The figures behind `auto` in `retrieval/embed/choose.py`.

Each backend runs in a process of its own, warm, in rounds that take turns so that a busy machine slows all alike;
figures are medians over the rounds. OpenVINO starts from its cache, as it does from the second start on.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.report import DATA, arguments, report
from retrieval.embed import DEFAULT_MODEL, load_embedder
from retrieval.embed.choose import choose_backend, choose_device, cpu_flags
from retrieval.embed.layout import read_layout
from retrieval.embed.weights import packaged_minilm
from training.policy.extractive.questions import squad

PASSAGES = 64
QUERIES = 16
NATIVE_BF16 = {"amx_bf16", "avx512_bf16"}
Figures = dict[str, float]


def main() -> None:
    """Measure every backend in turn."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--cache", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.cache)
        return
    backends = ["fp32", *(["bf16"] if NATIVE_BF16 & cpu_flags() else []), "openvino"]
    with TemporaryDirectory() as cache:
        load_embedder(DEFAULT_MODEL, dtype="openvino", cache_dir=Path(cache))
        found = measure(backends, Path(cache), options.rounds)
    chosen = choose_backend("auto", choose_device(None), read_layout(packaged_minilm()))
    skipped = "" if "bf16" in backends else " bf16 is left out: this processor would emulate it."
    report(
        "encoders",
        "The embedded encoder by backend",
        [
            "backend",
            "passages/s",
            "one query, ms",
            f"{QUERIES} queries, ms",
            "load, s",
            "answering, MiB",
            "ingesting, MiB",
        ],
        [[name, *(f"{found[name][figure]:.4g}" for figure in found[name])] for name in backends],
        data=f"{PASSAGES} paragraphs and {QUERIES} questions of XQuAD (English)",
        notes=[
            f"`auto` takes {chosen} here.{skipped}",
            "Load: `load_embedder` and the first vector. MiB: resident after the queries, and after the passages.",
        ],
        save=options.save,
    )


def measure(backends: list[str], cache: Path, rounds: int) -> dict[str, Figures]:
    """Give the medians over the rounds, by backend."""
    runs: dict[str, list[Figures]] = {name: [] for name in backends}
    for _ in range(rounds):
        for name in backends:
            command = [sys.executable, "-m", "bench.encoders", "--serve", name, "--cache", str(cache)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            runs[name].append(json.loads(done.stdout.splitlines()[-1]))
    return {
        name: {figure: statistics.median(run[figure] for run in found) for figure in found[0]}
        for name, found in runs.items()
    }


def serve(backend: str, cache: Path) -> None:
    """Measure one backend in this process and print its figures."""
    started = time.perf_counter()
    encoder = load_embedder(DEFAULT_MODEL, dtype=backend, cache_dir=cache, device="cpu")
    encoder.encode(["the first question"], kind="query")
    load_s = time.perf_counter() - started
    questions = squad(DATA / "qa" / "xquad.en.json")
    passages = questions.passages[:PASSAGES]
    texts = [question.text for question in questions.questions[:QUERIES]]
    encoder.encode(texts, kind="query")
    query_ms = seconds(lambda: encoder.encode(texts[:1], kind="query"), 40) * 1000
    queries_ms = seconds(lambda: encoder.encode(texts, kind="query"), 10) * 1000
    answering_mib = resident_mib()
    rate = len(passages) / seconds(lambda: encoder.encode(passages), 1)
    figures: Figures = {
        "passages_per_s": rate,
        "query_ms": query_ms,
        "queries_ms": queries_ms,
        "load_s": load_s,
        "answering_mib": answering_mib,
        "ingesting_mib": resident_mib(),
    }
    print(json.dumps(figures))


def seconds(call: Callable[[], object], times: int) -> float:
    """Give the median time of a call."""
    spent = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        spent.append(time.perf_counter() - started)
    return statistics.median(spent)


def resident_mib() -> float:
    """Give the resident memory of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


if __name__ == "__main__":
    main()
