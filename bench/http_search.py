"""Search over HTTP at 32 clients, against txtai's API with the same model, the same passages and the same client.

    python -m bench.http_search --peer-python /path/to/txtai-venv/bin/python [--save]

The peer's environment needs `torch==2.13.0` and `txtai[api,ann]`. Without `--peer-python` only our side is measured.
"""

from __future__ import annotations

import tempfile
import urllib.parse
from pathlib import Path

import httpx

from bench.corpus import passages, questions
from bench.fill import fill_home
from bench.load import LoadResult, Request, drive, json_request
from bench.peers import txtai_api
from bench.report import arguments, percentile, report
from bench.serving import serve
from retrieval.embed.weights import packaged_minilm

CLIENTS, K = 32, 10


def _row(name: str, result: LoadResult, baseline: float | None) -> list[object]:
    latencies = [value * 1000 for value in result.latencies_s]
    return [
        name,
        f"{result.per_second:.0f}",
        f"{percentile(latencies, 50):.0f}",
        f"{percentile(latencies, 99):.0f}",
        {status: n for status, n in result.statuses.items() if status != 200} or "none",
        f"{result.per_second / baseline:.1f} ×" if baseline else "1",
    ]


def main() -> None:
    """Fill both systems with the same passages, drive both with the same questions, print the table."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--passages", type=int, default=6364)
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--peer-requests", type=int, default=1000)
    parser.add_argument("--peer-python", type=Path)
    options = parser.parse_args()
    corpus, asked = passages(options.passages), questions()
    rows, baseline = [], None
    if options.peer_python:
        with txtai_api(options.peer_python, packaged_minilm()) as (host, port):
            texts = [{"id": str(i), "text": f"{title}\n{text}"} for i, (title, text) in enumerate(corpus)]
            for at in range(0, len(texts), 1000):
                httpx.post(f"http://{host}:{port}/add", json=texts[at : at + 1000], timeout=600).raise_for_status()
            httpx.get(f"http://{host}:{port}/index", timeout=1800).raise_for_status()
            requests = [
                Request("GET", "/search?" + urllib.parse.urlencode({"query": question, "limit": K}))
                for question in asked[: options.peer_requests]
            ]
            drive(host, port, requests[:64], clients=CLIENTS)
            result = drive(host, port, requests, clients=CLIENTS)
        baseline = result.per_second
        rows.append(_row("txtai API, hybrid", result, None))
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        collection = fill_home(home, corpus)
        with serve(home) as served:
            requests = [
                json_request(
                    "POST",
                    f"/v1/vector_stores/{collection}/search",
                    {"query": asked[i], "max_num_results": K},
                    served.key,
                )
                for i in range(min(options.requests, len(asked)))
            ]
            drive(served.host, served.port, requests[:64], clients=CLIENTS)
            result = drive(served.host, served.port, requests, clients=CLIENTS)
            memory = served.rss_bytes() / 2**20
    rows.append(_row("Groundloop, hybrid", result, baseline))
    report(
        "http_search",
        f"Search over HTTP, {CLIENTS} clients, {options.passages} passages, top {K}",
        ["system", "requests/s", "p50 ms", "p99 ms", "other statuses", "ratio"],
        rows,
        data="questions and passages of the retrieval sets, and COVID-QA articles in pieces",
        notes=[f"resident memory of the API process after the run: {memory:.0f} MiB"],
        save=options.save,
    )


if __name__ == "__main__":
    main()
