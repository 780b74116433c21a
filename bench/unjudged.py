"""What prompts that nobody judged add to the gate: how sure its vetoes are after few votes, with them and without.

Voters judge what the shipped start answers; a candidate learns from its part; both answer the held-out prompts. The
win rate is not in the table: its interval is that of the judge, which more prompts do not make surer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.loop_world import Question, Reader, deal, learn, questions_of
from bench.remembered import KeptVectors
from bench.report import CACHE, ROOT, arguments, report
from bench.voters import Population, Voters
from retrieval.embed import DEFAULT_MODEL, Embedder, load_embedder
from training.datasets.build import build_examples
from training.datasets.config import DatasetConfig
from training.datasets.examples import Example
from training.gate.decide import decide
from training.gate.verdict import Check
from training.pipeline.collecting import collect
from training.pipeline.parts import divide
from training.policy.base import Answer, Prompt, Sampling
from training.policy.extractive import ExtractivePolicy
from training.records.types import Record
from training.reward.base import Scores
from training.updates.rehearsal import rehearse

VOTES = (200, 300, 600)
WATCHED = ("groundedness", "answers where it can")
HEADS = 4


class NoOpinion:
    """A judge that sets no answers apart: the vetoes need none."""

    version, heads = "none", HEADS

    def score(self, prompts: Sequence[Prompt], answers: Sequence[Sequence[Answer]]) -> list[Scores]:
        """Score every answer alike."""
        return [Scores(heads=np.zeros((len(group), HEADS), np.float32)) for group in answers]


@dataclass(frozen=True)
class Row:
    """One window judged one way."""

    votes: int
    served: bool
    asked: int
    checks: dict[str, Check]


def rows_of(questions: Sequence[Question], encoder: Embedder, seed: int) -> list[Row]:
    """Ask the gate about a candidate after some votes, with and without the prompts that nobody judged."""
    asked, _ = deal(questions, seed)
    voters, champion = Voters(Population(), seed), Reader(encoder)
    served = [_served(champion, number, question.present.prompt) for number, question in enumerate(asked)]
    records: list[Record] = []
    rows = []
    for target in VOTES:
        while len(records) < target:
            records.append(voters.judge(champion, asked[len(records) % len(asked)].present))
        now = max(record.judged_at for record in records)
        examples = build_examples(records, DatasetConfig(), now=now).examples
        candidate = learn(records, encoder, f"candidate-{target}", gated=True)
        for extra in ((), served):
            parts = divide(examples, served=extra)
            absent = [example.prompt for example in rehearse(parts.asked, encoder)]
            given = collect(candidate, champion, parts.asked, absent=absent, judge=NoOpinion(), quality=None)
            checks = {check.name: check for check in decide(given).checks}
            rows.append(Row(target, bool(extra), len(parts.asked), checks))
    return rows


def _served(policy: ExtractivePolicy, number: int, prompt: Prompt) -> Example:
    ((answer,),) = policy.sample([prompt], 1, Sampling())
    return Example(f"served-{number}", prompt, (answer,))


def _told(rows: Sequence[Row], name: str) -> str:
    checks = [row.checks[name] for row in rows]
    half = [(one.estimate.high - one.estimate.low) / 2 for one in checks if one.estimate and one.outcome != "too_few"]
    decided = f"{len(half)} of {len(checks)}"
    return f"{decided}, ± {100 * sum(half) / len(half):.1f}" if half else decided


def main() -> None:
    """Run every seed and print the table."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    encoder = KeptVectors(load_embedder(DEFAULT_MODEL, cache_dir=CACHE), ROOT / "build" / "vectors.npz")
    questions = questions_of(encoder)
    found = [row for seed in range(100, 100 + options.seeds) for row in rows_of(questions, encoder, seed)]
    encoder.save()
    table = []
    for votes in VOTES:
        for served in (False, True):
            rows = [row for row in found if (row.votes, row.served) == (votes, served)]
            prompts = sum(row.asked for row in rows) / len(rows)
            table.append(
                [votes, "with what was served" if served else "judged alone", f"{prompts:.0f}"]
                + [_told(rows, name) for name in WATCHED]
            )
    report(
        "unjudged",
        "Prompts that nobody judged, in the gate",
        ["votes", "held-out prompts", "number", *(f"{name}: decided, points" for name in WATCHED)],
        table,
        data=f"XQuAD and half of COVID-QA, {len(questions):,} questions, {options.seeds} seeds",
        notes=[
            "decided: windows with enough prompts for the veto; points: half of its 95 % interval",
            "the margin of both vetoes is 3 points: wider intervals refuse what does no harm",
        ],
        save=options.save,
    )


if __name__ == "__main__":
    main()
