"""The whole service learns by itself: real processes, real HTTP, simulated people, cycles started by the schedule.

XQuAD and the half of COVID-QA on which nothing shipped was fitted are ingested, a document an article. People ask about
60 % of the articles and judge one answer in three (`bench.people`); the other articles are only measured on: the share
of their questions whose first sentence holds the gold answer, as the champion of the moment answers them. Nobody starts
a cycle, promotes or rolls back. At the end a bad candidate is planted, and the votes until it is gone are counted.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from bench.people import People, Question
from bench.planted import plant
from bench.report import DATA, arguments, report
from bench.voters import Population
from bench.whole import Whole, whole
from retrieval.durable import make_directory, write_file_atomic
from retrieval.embed import DEFAULT_MODEL
from training.policy.extractive.questions import QuestionSet, covidqa, squad
from training.policy.extractive.weights import Start
from training.statistics import paired_difference

ASKED_SHARE = 0.6  # of the articles
ROUND = 250  # judgements
MOST_PLANTED = 400  # judgements after which a planted candidate counts as never found
SETTLE_S = 600
SCHEDULE = {
    "train_check_interval_s": "5",
    "train_min_interval_s": "0",
    "watch_interval_s": "3",
    "trial_pair_share": "1",
    "log_level": "warning",
}


@dataclass(frozen=True)
class Look:
    """What the service was at the end of a round."""

    asked: int
    judged: int
    champion: str
    right: list[float]  # of the unseen questions
    cycles: Counter[str]  # by state
    minutes: float


def bring_in(service: Whole, sets: Sequence[QuestionSet], questions_per_set: int | None) -> list[Question]:
    """Ingest every article and give the questions on them."""
    made: list[Question] = []
    with tempfile.TemporaryDirectory() as folder:
        for number, questions in enumerate(sets):
            place = Path(folder) / f"set-{number}"
            make_directory(place)
            for count, group in enumerate(dict.fromkeys(questions.groups)):
                text = "\n\n".join(questions.passages[row] for row in sorted(questions.rows_of(group)))
                write_file_atomic(place / f"article-{count}.txt", text.encode())
            collection = service.ingest(place, f"set-{number}")
            own = [q for q in questions.questions if q.answer]
            random.Random(f"questions {number}").shuffle(own)
            made += [Question(q, collection, f"{questions.name}: {q.group}") for q in own[:questions_per_set]]
    return made


def deal(questions: Sequence[Question], seed: int) -> tuple[list[Question], list[Question]]:
    """Deal articles out: those that people ask about, in the order of asking, and those that are measured on."""
    rng = random.Random(f"articles {seed}")
    groups = sorted({question.group for question in questions})
    asked = set(rng.sample(groups, round(ASKED_SHARE * len(groups))))
    first = [question for question in questions if question.group in asked]
    rng.shuffle(first)
    return first, [question for question in questions if question.group not in asked]


def champion(service: Whole) -> str:
    """Name the version that serves."""
    return next(str(one["id"]) for one in service.get("/v1/versions")["data"] if "champion" in one["aliases"])


def cycles(service: Whole) -> list[dict[str, Any]]:
    """Give every cycle so far."""
    found: list[dict[str, Any]] = service.get("/v1/training/cycles?limit=100")["data"]
    return found


async def settle(service: Whole) -> None:
    """Wait while a cycle runs: people are slower than this benchmark's."""
    await asyncio.sleep(2 * float(SCHEDULE["train_check_interval_s"]))
    for _ in range(SETTLE_S):
        if not any(one["state"] in ("waiting", "running") for one in cycles(service)):
            return
        await asyncio.sleep(1.0)


async def run(
    service: Whole, seed: int, judgements: int, population: Population, limit: int | None, start: Start
) -> tuple[list[Look], People, list[Question], str]:
    """Let people use the service, and look at it after every round; then plant a bad candidate."""
    questions = bring_in(
        service, (squad(DATA / "qa" / "xquad.en.json"), covidqa(DATA / "qa" / "covidqa.json", held_out=True)), limit
    )
    asked, unseen = deal(questions, seed)
    started = monotonic()
    async with service.client() as http:
        people = People(http, population, seed)
        looks: list[Look] = []
        for target in range(0, judgements + 1, ROUND):
            await people.ask_until(asked, target, most=40 * ROUND)
            await settle(service)
            name = champion(service)
            right = looks[-1].right if looks and looks[-1].champion == name else await people.measure(unseen, name)
            states = Counter(one["state"] for one in cycles(service))
            looks.append(Look(people.told.asked, people.told.judged, name, right, states, (monotonic() - started) / 60))
            print(f"{looks[-1].judged} judged, {name}: {100 * np.mean(right):.1f} %, {dict(states)}", flush=True)
        planted = await _planted(service, people, asked, start)
    return looks, people, unseen, planted


async def _planted(service: Whole, people: People, asked: Sequence[Question], start: Start) -> str:
    """Put a bad version on trial and count the judgements until it is off."""
    before, name = people.told.judged, plant(service, DEFAULT_MODEL, start)
    while people.told.judged - before < MOST_PLANTED:
        await people.ask_until(asked, people.told.judged + 10, most=400)
        await asyncio.sleep(2 * float(SCHEDULE["watch_interval_s"]))
        if name not in {v["id"] for v in service.get("/v1/versions")["data"] if v["aliases"]}:
            return f"{people.told.judged - before} judgements"
    return f"not within {MOST_PLANTED} judgements"


def main() -> None:
    """Run it and print the table."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--seed", type=int, default=100)
    parser.add_argument("--judgements", type=int, default=1000)
    parser.add_argument("--questions", type=int, default=None, help="of each set; all by default")
    parser.add_argument("--hostile", type=float, default=0.05, help="share of people who are wrong on purpose")
    parser.add_argument("--start", choices=("shipped", "similarity"), default="similarity")
    options = parser.parse_args()
    population = Population(wrong=0.0, hostile=options.hostile)
    with whole(**SCHEDULE, extractive_start=options.start) as service:
        looks, people, unseen, planted = asyncio.run(
            run(service, options.seed, options.judgements, population, options.questions, options.start)
        )
        peak = {name: f"{taken / 2**30:.1f} GiB" for name, taken in service.peak.items()}
        for one in reversed(cycles(service)):
            print(f"{one['state']}: {one['version'] or ''} {one['reason']}", flush=True)
    groups = [question.group for question in unseen]
    rows = []
    for look in looks:
        gain = paired_difference(np.array(look.right), np.array(looks[0].right), groups)
        rows.append(
            [
                f"{look.judged:,}",
                f"{look.asked:,}",
                look.champion,
                f"{100 * np.mean(look.right):.1f}",
                "the same version"
                if look.champion == looks[0].champion
                else f"{100 * gain.value:+.1f} ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})",
                ", ".join(f"{count} {state}" for state, count in sorted(look.cycles.items())) or "none",
                f"{look.minutes:.0f}",
            ]
        )
    told = people.told
    report(
        "loop" if options.start == "similarity" else f"loop_{options.start}",
        "The whole service, learning by itself",
        ("judgements", "questions", "champion", "unseen %", "gain (95 %)", "cycles so far", "minutes"),
        rows,
        data=f"XQuAD and the other half of COVID-QA, {len(unseen)} unseen questions, seed {options.seed}",
        notes=(
            f"The start is {options.start}. People: 20 % of judgements flipped, {options.hostile:.0%} hostile people, "
            f"one answer in three is judged: {dict(told.votes)}. Not answered or not taken: {dict(told.failed)}.",
            "In a trial every prompt on which the versions differ is shown as a pair; all else is by default, but the "
            "schedule, which is quicker.",
            f"Answers by version: {dict(told.versions)}.",
            f"A planted bad candidate was off after {planted}.",
            f"Peak memory: {peak}.",
        ),
        save=options.save,
    )


if __name__ == "__main__":
    main()
