"""The gate's error rates: how often it promotes a candidate that is no better, worse, or better.

XQuAD questions as the embedded policy reads them, one sentence an answer. Every run has its own champion, candidate,
voters, judgements, judge and held-out articles. What is true of a candidate is its accuracy over all questions; the
gate never sees it. Judges are reward models over named features, trained on simulated judgements of other voters about
other articles: 20 % of the judgements are flipped, 5 % of the voters always say the opposite.

Candidates that are just as good come in three kinds: the champion itself (its answers cannot differ, so it is never
promoted), random changes of the champion's weights, and policies trained on noisy votes that learnt nothing of use. The
last are the hard ones: they lean the way that judges lean.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from bench.gate_trials import Court, Trial, make_policies
from bench.gate_world import load_world
from bench.report import arguments, report
from training.gate import GateInputs, Verdict, decide
from training.statistics import rate, win_rate


@dataclass(frozen=True)
class Band:
    """A kind of candidate."""

    title: str
    gain: float | None  # true difference in points; None for the champion itself
    within: float  # of it
    trained: bool | None  # trained on noisy votes, or changed at random; None for either
    wanted: str


BANDS = (
    Band("the champion itself", None, 0.0, None, "≤ 5 %"),
    Band("just as good: random changes", 0.0, 0.2, False, "≤ 5 %"),
    Band("just as good: trained on noisy votes", 0.0, 0.2, True, "≤ 5 %"),
    Band("3 points worse", -3.0, 0.4, None, "0"),
    Band("6 points better", 6.0, 0.6, None, "≥ 80 %"),
)


@dataclass
class Tally:
    """Verdicts of one kind of candidate."""

    verdicts: list[Verdict] = field(default_factory=list)
    doubtless: int = 0  # promotions if the judge were taken at its word

    def row(self, band: Band) -> list[object]:
        """Give its line of the table."""
        promoted = sum(verdict.passed for verdict in self.verdicts)
        interval = rate(promoted, len(self.verdicts))
        proofs = [verdict.checks[0] for verdict in self.verdicts]
        rates = [proof.estimate.value for proof in proofs if proof.estimate is not None]
        stopped = Counter(check.name for verdict in self.verdicts for check in verdict.checks if not check.passed)
        return [
            band.title,
            f"{promoted} of {len(self.verdicts)}",
            f"{100 * interval.low:.1f}-{100 * interval.high:.1f} %",
            band.wanted,
            f"{np.mean([proof.detail['changed'] for proof in proofs]):.0f}",
            f"{np.mean(rates):.3f}" if rates else "",
            f"{self.doubtless} of {len(self.verdicts)}",
            ", ".join(f"{name} {count}" for name, count in stopped.most_common(3)),
        ]


def main() -> None:
    """Run every kind of candidate, print the table."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--runs", type=int, default=100, help="of each kind")
    parser.add_argument("--prompts", type=int, default=400, help="held-out prompts of a run")
    parser.add_argument("--judgements", type=int, default=1500, help="that the judge learns from")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    world = load_world()
    policies = make_policies(world, options.seed)
    tallies = {band: Tally() for band in BANDS}
    accuracy = []
    for run in range(options.runs):
        seed = options.seed * 100_003 + run
        court = Court(world, policies, options.prompts, options.judgements, seed)
        accuracy.append(court.quality.accuracy.value)
        for band, tally in tallies.items():
            if band.gain is None:
                trial = Trial.same(policies, seed)
            else:
                trial = Trial.draw(world, policies, band.gain, band.within, band.trained, seed)
            inputs = court.hear(trial)
            tally.verdicts.append(decide(inputs))
            tally.doubtless += promoted_on_prompts_alone(inputs)
        if run % 10 == 9:
            print(run + 1, [sum(v.passed for v in tally.verdicts) for tally in tallies.values()], flush=True)
    report(
        "gate",
        "The gate: promotions of candidates whose true quality is known",
        [
            "candidate",
            "promoted",
            "95 % interval",
            "wanted",
            "answers that differ",
            "win rate by the judge",
            "promoted if the judge were not doubted",
            "refused by",
        ],
        [tally.row(band) for band, tally in tallies.items()],
        data=f"XQuAD English, {len(world.right)} questions, {options.prompts} held-out prompts a run; judges of "
        f"{options.judgements} judgements agree with {100 * np.mean(accuracy):.0f} % of held-out comparisons",
        notes=[
            "True quality: the one sentence of the answer holds the gold answer, over all questions.",
            "Voters agree with the truth in 77 % of comparisons that have one; of the others half are decided by a "
            "coin.",
            "A verdict asks every check with the settings that ship; answers are the documents' own words, so "
            "groundedness and abstention never differ here.",
            "Not doubted: the same bound from a bootstrap over prompts alone, as if the judge were not learned.",
        ],
        save=options.save,
    )


def promoted_on_prompts_alone(inputs: GateInputs) -> bool:
    """Tell whether a plain clustered bootstrap over prompts would promote."""
    changed = [row for row in inputs.rows if row.changed]
    margins = np.array([np.subtract(row.candidate.rewards, row.champion.rewards).mean() for row in changed])
    chances = 0.5 * (1 + np.tanh(0.5 * margins))
    return bool(len(changed)) and win_rate(chances, [row.cluster for row in changed], draws=500).low > 0.5


if __name__ == "__main__":
    main()
