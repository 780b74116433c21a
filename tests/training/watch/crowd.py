"""A crowd that votes on a trial: what it says is drawn from a seed, and what is true is known."""

from __future__ import annotations

import random
from dataclasses import dataclass

from training.watch.observations import Duel, Observation, Thumb


@dataclass(frozen=True)
class Crowd:
    """Who votes on what. Shares of prompts are of those on which the two differ."""

    won: float = 0.3  # the candidate's answer is right, the champion's wrong
    lost: float = 0.3
    differ: float = 1.0  # share of the votes that are on prompts on which the two differ
    pairs: float = 0.5  # of prompts that differ, shown as a pair
    share: float = 0.2  # of the users whom the candidate answers
    voters: int = 250
    flipped: float = 0.2
    contrary: float = 0.05  # of the voters: always the opposite
    loyal: float = 0.0  # of the voters: always for the candidate, whatever it said
    sided: float = 0.0  # of the voters: always for one side, half of them for either

    def votes(self, n: int, seed: int) -> list[Observation]:
        """Draw n votes; those on prompts that do not differ are left out, as the service leaves them out."""
        rng = random.Random(seed)
        names = [f"v{at}" for at in range(self.voters)]
        gets_candidate = {name: rng.random() < self.share for name in names}
        said: list[Observation] = []
        for at in range(n):
            if rng.random() >= self.differ:
                continue
            place = rng.randrange(self.voters)
            name, prompt, when = names[place], f"p{at}", float(at)
            luck = rng.random()
            true = 1 if luck < self.won else -1 if luck < self.won + self.lost else 0
            both_right = true == 0 and rng.random() < 0.5
            wrong = (rng.random() < self.flipped) != (place < self.contrary * self.voters)
            side = self._side(place)
            if rng.random() < self.pairs:
                outcome = side or (rng.choice((1, -1)) if wrong and not true else -true if wrong else true)
                said.append(Duel(name, prompt, when, outcome, rng.random() < 0.5))
                continue
            candidate = gets_candidate[name]
            right = both_right or true == (1 if candidate else -1)
            up = (side == 1) == candidate if side else right != wrong
            said.append(Thumb(name, prompt, when, up, candidate, self.share))
        return said

    def _side(self, place: int) -> int:
        loyal, sided = self.loyal * self.voters, self.sided * self.voters
        last = self.voters - 1 - place  # the contrary ones are at the other end
        if last < loyal:
            return 1
        if last < loyal + sided:
            return 1 if last % 2 else -1
        return 0
