"""Chat while a cycle trains on the same cores: the whole service, with and without a training in progress.

People judge answers until a cycle can start; then the same questions are asked by the same clients, first while nothing
else happens, then while the cycle runs, as long as it runs. All of them were asked before: what a question costs the
first time, the vectors of the sentences that it brings up, has nothing to do with training.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.load import Request, drive, json_request
from bench.people import People, Question
from bench.report import DATA, arguments, percentile, report
from bench.voters import Population
from bench.whole import Whole, whole
from retrieval.durable import write_file_atomic
from training.policy.extractive.questions import squad

CLIENTS = 2
IDLE = 400  # requests of each load
LOADS = {"a question every 0.1 s": 0.1, "no pause": 0.0}  # how long a client waits after an answer
CHUNK = 60  # requests sent between two looks at the cycle
LONGEST_S = 300.0  # clients without a pause leave training next to nothing


def questions_in(service: Whole) -> list[Question]:
    """Ingest XQuAD, a document an article, and give its questions."""
    found = squad(DATA / "qa" / "xquad.en.json")
    with TemporaryDirectory() as folder:
        for number, group in enumerate(dict.fromkeys(found.groups)):
            text = "\n\n".join(found.passages[row] for row in sorted(found.rows_of(group)))
            write_file_atomic(Path(folder) / f"article-{number}.txt", text.encode())
        collection = service.ingest(Path(folder), "xquad")
    return [Question(one, collection, one.group) for one in found.questions]


async def judge(service: Whole, questions: Sequence[Question], judgements: int) -> None:
    """Let people judge until there is enough to learn from."""
    async with service.client() as http:
        await People(http, Population(), 0, voting=1.0).ask_until(questions, judgements, most=4 * judgements)


def running(service: Whole) -> bool:
    """Tell whether a cycle runs."""
    return any(one["state"] == "running" for one in service.get("/v1/training/cycles")["data"])


def main() -> None:
    """Measure both, and print the table."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--judgements", type=int, default=1000)
    options = parser.parse_args()
    with whole(learn="false", log_level="warning") as service:
        questions = questions_in(service)
        asyncio.run(judge(service, questions, options.judgements))
        requests: list[Request] = [
            json_request(
                "POST",
                "/v1/chat/completions",
                {"model": "groundloop", "messages": [{"role": "user", "content": one.labelled.text}]},
                service.key,
            )
            for one in questions[:IDLE]
        ]
        host, port = service.url.removeprefix("http://").split(":")
        time.sleep(75)  # the ingest process gives its core back

        def ask(start: int, count: int, pause_s: float) -> list[float]:
            chosen = [requests[number % len(requests)] for number in range(start, start + count)]
            return drive(host, int(port), chosen, clients=CLIENTS, pause_s=pause_s).latencies_s

        ask(0, IDLE, 0.0)
        idle = {name: ask(0, IDLE, pause_s) for name, pause_s in LOADS.items()}
        service.post("/v1/training/cycles", {"force": True})
        while not running(service):
            time.sleep(0.1)
        busy: dict[str, list[float]] = {name: [] for name in LOADS}
        began, place = time.monotonic(), 0
        while running(service) and time.monotonic() - began < LONGEST_S:
            for name, pause_s in LOADS.items():
                busy[name] += ask(place, CHUNK, pause_s)
            place += CHUNK
        lasted = time.monotonic() - began
    rows: list[Sequence[object]] = []
    for name in LOADS:
        for state, found in (("idle", idle[name]), ("while a cycle trains", busy[name])):
            rows.append([name, state, len(found), *(f"{1000 * percentile(found, q):.0f}" for q in (50, 95, 99))])
        ratios = [f"{percentile(busy[name], q) / percentile(idle[name], q):.2f}" for q in (50, 95, 99)]
        rows.append([name, "ratio", "", *ratios])
    report(
        "chat_while_training",
        "Chat while a cycle trains on the same cores",
        ("each client", "", "answers", "p50 ms", "p95 ms", "p99 ms"),
        rows,
        data=f"XQuAD, {CLIENTS} clients, whole answers; a cycle of {options.judgements:,} judgements",
        notes=(f"The cycle was looked at for {lasted:.0f} s, both loads in turn.",),
        save=options.save,
    )


if __name__ == "__main__":
    main()
