"""How many votes a trial needs, and how often it is wrong, looked at again and again.

Candidate and champion differ on a share of the prompts; of those the candidate wins some and loses some. Votes fall on
all prompts alike. Nothing is trained and nobody is asked: this is the arithmetic of `training/watch`, as it ships.
"""

from __future__ import annotations

import random
import statistics
from dataclasses import dataclass, replace

from bench.report import arguments, report
from training.gate.verdict import Tier
from training.watch.config import TrialConfig
from training.watch.decide import Action, Trial, decide_trial
from training.watch.guards import Served
from training.watch.observations import Duel, Observation, Thumb

STEP, LONGEST = 20, 1000
CONFIG = replace(TrialConfig(), min_served=0)  # the guards are not what is measured


@dataclass(frozen=True)
class World:
    """What is true, and who votes."""

    differ: float  # share of the prompts
    won: float  # of those
    lost: float
    pairs: float = 0.5  # share of those that are shown as a pair
    canary: float = 0.2
    voters: int = 250
    flipped: float = 0.2
    wrong: float = 0.05  # of the voters
    friends: float = 0.0  # of the voters: always for the candidate

    @property
    def gain(self) -> float:
        """Points of accuracy between the two."""
        return 100 * self.differ * (self.won - self.lost)

    def votes(self, seed: int) -> list[Observation]:
        """Draw the votes of one trial; those on prompts that do not differ count as votes and say nothing."""
        rng = random.Random(f"watch {seed}")
        candidates = {voter for voter in range(self.voters) if rng.random() < self.canary}
        said: list[Observation] = []
        for at in range(LONGEST):
            if rng.random() >= self.differ:
                continue
            voter = rng.randrange(self.voters)
            name, prompt = f"voter-{voter}", f"prompt-{at}"
            luck = rng.random()
            true = 1 if luck < self.won else -1 if luck < self.won + self.lost else 0
            wrong = (rng.random() < self.flipped) != (voter < self.wrong * self.voters)
            friend = self.voters - voter <= self.friends * self.voters
            if rng.random() < self.pairs:
                guess = rng.choice((1, -1)) if wrong else 0
                outcome = 1 if friend else (-true if wrong else true) if true else guess
                said.append(Duel(name, prompt, float(at), outcome, rng.random() < 0.5))
                continue
            ours = voter in candidates
            right = true == (1 if ours else -1) or (true == 0 and rng.random() < 0.5)
            up = ours if friend else right != wrong
            said.append(Thumb(name, prompt, float(at), up, ours, self.canary))
        return said


def course(world: World, tier: Tier, seed: int) -> tuple[Action, int]:
    """Run one trial; give what was decided, and after how many votes."""
    said = world.votes(seed)
    trial = Trial("candidate", "champion", tier)
    for upto in range(STEP, LONGEST + 1, STEP):
        found = decide_trial(trial, [one for one in said if one.at < upto], Served(), Served(), CONFIG)
        if found.action != "watch":
            return found.action, upto
    return "watch", LONGEST


WORLDS: tuple[tuple[str, Tier, World], ...] = (
    ("as good, differs on 30 %", "trial", World(0.3, 0.3, 0.3)),
    ("as good, differs on all", "trial", World(1.0, 0.3, 0.3)),
    ("5 % net worse, differs on all", "trial", World(1.0, 0.275, 0.325)),
    ("10 % net worse, differs on all", "trial", World(1.0, 0.25, 0.35)),
    ("10 % net worse, 10 % of the voters its friends", "trial", World(1.0, 0.25, 0.35, friends=0.1)),
    ("much worse", "trial", World(1.0, 0.1, 0.55)),
    ("much worse, 10 % of the voters its friends", "trial", World(1.0, 0.1, 0.55, friends=0.1)),
    ("much worse, the gate was wrong about it", "proven", World(1.0, 0.1, 0.55)),
    ("worse, differs on 30 %", "trial", World(0.3, 0.1, 0.55)),
    ("better, differs on 10 %", "trial", World(0.1, 0.4, 0.1)),
    ("better, differs on 10 %, all of them pairs", "trial", World(0.1, 0.4, 0.1, pairs=1.0)),
    ("better, differs on 20 %", "trial", World(0.2, 0.4, 0.1)),
    ("better, differs on 20 %, all of them pairs", "trial", World(0.2, 0.4, 0.1, pairs=1.0)),
    ("better, differs on 30 %", "trial", World(0.3, 0.35, 0.1)),
    ("better, differs on 30 %, all of them pairs", "trial", World(0.3, 0.35, 0.1, pairs=1.0)),
    ("better, proven by the gate, differs on 20 %", "proven", World(0.2, 0.4, 0.1)),
)


def main() -> None:
    """Run every world and print the table."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--trials", type=int, default=100)
    options = parser.parse_args()
    rows: list[list[object]] = []
    for name, tier, world in WORLDS:
        ends = [course(world, tier, seed) for seed in range(options.trials)]
        promoted = [votes for action, votes in ends if action == "promote"]
        back = [votes for action, votes in ends if action == "rollback"]
        rows.append(
            [
                name,
                tier,
                f"{world.gain:+.1f}",
                _share(len(promoted), len(ends)),
                _share(len(back), len(ends)),
                f"{statistics.median(promoted):.0f}" if promoted else "",
                f"{statistics.median(back):.0f}" if back else "",
                _share(sum(votes <= 200 for votes in back), len(ends)),
                _share(sum(votes <= 400 for votes in promoted), len(ends)),
            ]
        )
        print(*rows[-1], sep=" | ", flush=True)
    report(
        "watch",
        "Trials: votes needed, and how often the decision is wrong",
        [
            "candidate",
            "tier",
            "points of accuracy",
            "promoted, %",
            "sent back, %",
            "votes to promotion, median",
            "votes to the way back, median",
            "back within 200 votes, %",
            "promoted within 400 votes, %",
        ],
        rows,
        data=f"simulated voters, {options.trials} trials each, up to {LONGEST} votes, a decision every {STEP} votes",
        notes=[
            "Votes are all votes, also those on prompts on which the two say the same. A fifth of them are flipped, "
            "5 % of 250 voters always err; the canary's share is 20 %, and half of the prompts that differ are shown "
            "as pairs unless the row says otherwise.",
            "What is neither promoted nor sent back was undecided after the last vote.",
        ],
        save=options.save,
    )


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}"


if __name__ == "__main__":
    main()
