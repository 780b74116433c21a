"""Versions are swapped under load: does a request fail, and do requests wait longer meanwhile?

    python -m bench.swap [--chunks 20000] [--requests 600] [--save]

A real server answers 8 clients over HTTP with the embedded policy. First nothing is swapped; then every second another
version is promoted, or the one before brought back, by `POST /v1/versions/...`. Each version has weights of its own and
a query adapter of a thousand judged questions; a swap verifies, loads and warms it beside the one that serves.
"""

from __future__ import annotations

import itertools
import tempfile
import threading
from pathlib import Path

import httpx
import numpy as np

from bench.chat_latency import CLIENTS, fill
from bench.corpus import questions
from bench.load import LoadResult, drive, json_request
from bench.report import CACHE, arguments, percentile, report
from bench.serving import Served, serve
from retrieval.embed import DEFAULT_MODEL, load_embedder
from retrieval.embed.adapter import QueryAdapter
from training.policy.extractive import Residual, adapter_files
from training.registry import ADAPTER, ModelCard, Registry

VERSIONS = 4
JUDGED = 1_000  # questions in each query adapter
PAUSE_S = 1.0  # between two swaps


def main() -> None:
    """Fill a home, serve it, drive it without swaps and with them, print the table."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--chunks", type=int, default=20_000)
    parser.add_argument("--real", type=int, default=6_364, help="passages that are really embedded")
    parser.add_argument("--requests", type=int, default=600, help="in each part of the run")
    parser.add_argument("--rounds", type=int, default=3, help="of both parts, in turn")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        fill(home, options.chunks, options.real)
        names = publish(home)
        with serve(home) as served:
            load(served, options.requests, stream=False)  # what is asked later was asked before, with and without swaps
            quiet, swapping, swaps = [], [], 0
            for turn in range(options.rounds):
                quiet.append(load(served, options.requests, stream=turn % 2 == 1))
                with Swaps(served, names) as swapper:
                    swapping.append(load(served, options.requests, stream=turn % 2 == 1))
                swaps += swapper.count
    before, during = _row("no swap", quiet, 0), _row("a swap every second", swapping, swaps)
    figures = zip(before[1:5], during[1:5], strict=True)
    ratio = [f"{float(str(new)) / float(str(old)):.2f} x" for old, new in figures]
    report(
        "swap",
        f"Versions swapped under load, {CLIENTS} clients, {options.chunks:,} chunks",
        ["", "p50 ms", "p95 ms", "p99 ms", "longest ms", "requests", "failed", "swaps"],
        [before, during, ["with swaps against without", *ratio, "", "", ""]],
        data=f"questions and {options.real:,} passages of the retrieval sets; the other chunks are composed of them",
        notes=[
            f"{options.rounds} rounds of {options.requests} requests without swaps and as many with, in turn; every "
            "second round is streamed, to the last byte.",
            f"Each of {VERSIONS} versions has a query adapter of {JUDGED:,} questions. A request that was not answered "
            "with 200 and its whole body counts as failed.",
        ],
        save=options.save,
    )


def publish(home: Path) -> list[str]:
    """Publish versions with random weights and query adapters over real questions; give their names."""
    rng = np.random.default_rng(0)
    asked = questions(JUDGED)
    keys = load_embedder(DEFAULT_MODEL, cache_dir=CACHE).encode(asked, kind="query")  # (n, d)
    registry = Registry(home / "registry" / "extractive")
    names = []
    for _ in range(VERSIONS):
        residual = Residual()
        residual.pointer[:] = rng.normal(0.0, 0.05, residual.pointer.shape)
        pushes = rng.normal(0.0, 0.01, keys.shape).astype(np.float32)
        files = {f"{ADAPTER}/{name}": content for name, content in adapter_files(residual, {}).items()}
        adapter = QueryAdapter(DEFAULT_MODEL, keys, pushes)
        files |= {f"query/{name}": content for name, content in adapter.files().items()}
        card = ModelCard(kind="extractive", base=DEFAULT_MODEL, summary="random weights, for a benchmark")
        names.append(registry.publish(files, card).name)
    return names


def load(served: Served, count: int, *, stream: bool) -> LoadResult:
    """Ask questions from all clients and wait for the answers."""
    requests = [
        json_request(
            "POST",
            "/v1/chat/completions",
            {"messages": [{"role": "user", "content": question}], "stream": stream},
            served.key,
        )
        for question in questions(count)
    ]
    return drive(served.host, served.port, requests, clients=CLIENTS)


class Swaps:
    """Swaps the champion every second until the block ends."""

    def __init__(self, served: Served, names: list[str]) -> None:
        """Swap between these versions on that server."""
        self.count = 0
        self._served = served
        self._names = names
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Swaps:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        for turn in itertools.count():
            if turn % 3 == 2:
                self._post("rollback", {"reason": "a benchmark"})
            else:
                name = self._names[turn % len(self._names)]
                self._post(f"{name}/promote", {"reason": "a benchmark", "force": True})
            self.count += 1
            if self._stop.wait(PAUSE_S):
                return

    def _post(self, route: str, body: dict[str, object]) -> None:
        answer = httpx.post(
            f"http://{self._served.host}:{self._served.port}/v1/versions/{route}",
            json=body,
            headers={"Authorization": f"Bearer {self._served.key}"},
            timeout=60,
            trust_env=False,
        )
        answer.raise_for_status()


def _row(name: str, results: list[LoadResult], swaps: int) -> list[object]:
    latencies = [value * 1000 for result in results for value in result.latencies_s]
    asked = sum(n for result in results for n in result.statuses.values())
    good = sum(result.statuses.get(200, 0) for result in results)
    figures = [f"{percentile(latencies, q):.0f}" for q in (50, 95, 99)]
    return [name, *figures, f"{max(latencies):.0f}", asked, asked - good, swaps or "none"]


if __name__ == "__main__":
    main()
