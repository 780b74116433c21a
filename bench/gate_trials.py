"""Champions, candidates, voters and judges of the gate's benchmark."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.gate_world import World
from training.gate import Direct, GateInputs, Given, JudgeQuality, Row
from training.policy.extractive.features import CANDIDATE_FEATURES
from training.policy.extractive.weights import Prior
from training.reward.calibrate import calibrate
from training.reward.config import RewardConfig
from training.reward.heads import fit_heads
from training.reward.judgements import Judgements
from training.reward.model import Scale
from training.statistics import mean_estimate

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
FLIPPED, ALWAYS_WRONG = 0.2, 0.05
VOTERS = 40
HEADS = 16
PRECISION = 100.0  # what cross-validation of the reward model mostly chooses at this size


@dataclass(frozen=True)
class Policies:
    """A pool of weight vectors with what is true of them."""

    weights: Floats  # (P, F)
    accuracy: Floats  # (P,) over all questions
    trained: npt.NDArray[np.bool_]  # (P,) on noisy votes; else changed at random
    champion: npt.NDArray[np.bool_]  # (P,) good enough to have been one


def make_policies(world: World, seed: int, most: int = 800) -> Policies:
    """Make policies that a loop could produce: between the similarity prior and the shipped one, changed at random or
    trained on votes, many or few.
    """
    rng = np.random.default_rng(seed)
    size = len(CANDIDATE_FEATURES)
    plain, shipped = (p.pointer[:size].astype(np.float64) for p in (Prior.similarity(), Prior.shipped()))
    made, trained = [], []
    for number in range(most):
        base = plain + rng.uniform(0, 1) * (shipped - plain)
        if number % 2:
            questions = rng.choice(len(world.right), size=int(rng.choice([30, 100, 300])), replace=False)
            made.append(_trained(world, base, questions, rng))
        else:
            made.append(base + rng.normal(size=size) * rng.choice([0.2, 0.5, 1.0]))
        trained.append(bool(number % 2))
    accuracy = np.array([world.hits(weights).mean() for weights in made])
    return Policies(np.array(made), accuracy, np.array(trained), accuracy > 0.7)


def _trained(world: World, base: Floats, questions: Ints, rng: np.random.Generator) -> Floats:
    """Learn from pairs as a careless trainer does: a logistic step on noisy labels, held to the base by an L2."""
    first = np.array([rng.choice(world.there.shape[1], p=row) for row in world.chances(base)[questions]])
    second = (first + rng.integers(1, world.there.shape[1], size=len(first))) % world.there.shape[1]
    wins, _ = _opinions(world, questions, first, second, rng)
    moved = world.features[questions, first] - world.features[questions, second]  # (n, F)
    target, weights, penalty = wins, base.copy(), rng.choice([0.01, 0.03, 0.1])
    for _ in range(150):
        chance = 0.5 * (1 + np.tanh(0.5 * (moved @ weights)))
        chance = 0.25 + 0.5 * chance  # a quarter of the labels are wrong
        slope = (target - chance) @ moved / len(target) - penalty * (weights - base)
        weights = weights + 2.0 * slope
    return weights


def _opinions(
    world: World, questions: Ints, first: Ints, second: Ints, rng: np.random.Generator
) -> tuple[Floats, Ints]:
    """Let voters compare answers: 1, 0, or 0.5 where both are as right; also tell who voted."""
    liars = rng.random(VOTERS) < ALWAYS_WRONG
    voter = rng.integers(VOTERS, size=len(questions))
    truth = world.right[questions, first].astype(float) - world.right[questions, second]
    wrong = (rng.random(len(questions)) < FLIPPED) ^ liars[voter]
    wins = 0.5 + 0.5 * truth * np.where(wrong, -1.0, 1.0)
    careless = (truth == 0) & (rng.random(len(questions)) < 0.5)  # half of the ties are decided by a coin
    return np.where(careless, rng.integers(2, size=len(questions)).astype(float), wins), voter


@dataclass(frozen=True)
class Trial:
    """One candidate and one champion."""

    champion: Floats
    candidate: Floats

    @classmethod
    def draw(
        cls, world: World, policies: Policies, gain: float, within: float, trained: bool | None, seed: int
    ) -> Trial:
        """Draw a champion and a candidate that is truly better by `gain` points, and differs often enough."""
        rng = np.random.default_rng(seed)
        wanted = np.ones_like(policies.trained) if trained is None else policies.trained == trained
        for champion in rng.permutation(np.flatnonzero(policies.champion)):
            gained = 100 * (policies.accuracy - policies.accuracy[champion])
            for candidate in rng.permutation(np.flatnonzero(wanted & (np.abs(gained - gain) <= within))):
                trial = cls(policies.weights[champion], policies.weights[candidate])
                differ = (world.chosen(trial.champion) != world.chosen(trial.candidate)).mean()
                if 0.08 <= differ <= 0.35:
                    return trial
        raise ValueError(f"no pair of policies is {gain} points apart: make more of them")

    @classmethod
    def same(cls, policies: Policies, seed: int) -> Trial:
        """Draw a champion that is its own candidate."""
        weights = policies.weights[np.random.default_rng(seed).choice(np.flatnonzero(policies.champion))]
        return cls(weights, weights)


class Court:
    """Held-out questions, and a judge that learned from other voters about other articles."""

    def __init__(self, world: World, policies: Policies, prompts: int, judgements: int, seed: int) -> None:
        """Hold articles out and train a judge on the others.

        Args:
            world: The questions.
            policies: One of them gave the answers that were judged.
            prompts: Held-out prompts.
            judgements: That the judge learns from.
            seed: Of everything.
        """
        self._world, self._seed = world, seed
        rng = self._rng = np.random.default_rng([seed, 1])
        served = policies.weights[rng.choice(np.flatnonzero(policies.champion))]
        self._served = world.chosen(served)
        order = rng.permutation(np.unique(world.group))
        sizes = np.cumsum([(world.group == group).sum() for group in order])
        held = np.isin(world.group, order[: int(np.searchsorted(sizes, prompts)) + 1])
        self.asked = rng.permutation(np.flatnonzero(held))[:prompts]
        others = rng.choice(np.flatnonzero(~held), size=judgements)  # some questions are asked more than once
        self._rewards = self._judge(others, rng)
        self.quality = self._measured(rng)

    def hear(self, trial: Trial) -> GateInputs:
        """Let both policies answer the held-out prompts.

        Args:
            trial: Who.

        Returns:
            What the gate decides on.
        """
        world, asked = self._world, self.asked
        ours, theirs = world.chosen(trial.candidate)[asked], world.chosen(trial.champion)[asked]
        mine, yours = world.chances(trial.candidate)[asked], world.chances(trial.champion)[asked]
        nats = (mine * (np.log(mine + 1e-12) - np.log(yours + 1e-12))).sum(axis=1)
        rows = tuple(
            Row(
                prompt_id=str(question),
                cluster=str(world.document[question]),
                candidate=self._given(question, left, self._rewards[at, left]),
                champion=self._given(question, right, self._rewards[at, right]),
                kl_champion=float(nats[at]),
            )
            for at, (question, left, right) in enumerate(zip(asked, ours, theirs, strict=True))
        )
        silent = Given("", True, 0)
        return GateInputs(
            candidate="candidate",
            champion="champion",
            rows=rows,
            unanswerable=tuple(Row(row.prompt_id, row.cluster, silent, silent) for row in rows[:100]),
            direct=self._direct(ours, theirs),
            judge=self.quality,
        )

    def _given(self, question: int, sentence: int, rewards: Floats) -> Given:
        words = int(self._world.words[question, sentence])
        return Given(f"{question}/{sentence}", False, words, tuple(rewards.tolist()), grounded=1.0)

    def _judge(self, others: Ints, rng: np.random.Generator) -> Floats:
        """Train on comparisons and votes, half of each; give rewards `(n, C, H)` of the held-out answers."""
        world, most = self._world, self._world.there.shape[1]
        first = self._served[others]
        second = (first + rng.integers(1, most, size=len(others))) % most
        wins, voter = _opinions(world, others, first, second, rng)
        thumbs = np.arange(len(others)) % 2 == 1
        up = _thumbs(world, others, first, voter, rng)
        rows = world.described[others].reshape(-1, world.described.shape[2]).astype(np.float32)
        scale = Scale.of(rows, 4.0)
        start = np.arange(len(others)) * most
        pairs = np.flatnonzero(~thumbs)
        swap = rng.random(len(pairs)) < 0.5
        votes = np.flatnonzero(thumbs)
        found = Judgements(
            first=np.where(swap, start[pairs] + second[pairs], start[pairs] + first[pairs]),
            second=np.where(swap, start[pairs] + first[pairs], start[pairs] + second[pairs]),
            target=np.where(swap, 1 - wins[pairs], wins[pairs]),
            ordered=np.ones(len(pairs)),
            pair_weight=np.ones(len(pairs)),
            pair_example=pairs,
            pair_voter=tuple(str(voter[at]) for at in pairs),
            answer=start[votes] + first[votes],
            up=up[votes],
            vote_weight=np.ones(len(votes)),
            vote_example=votes,
            vote_voter=tuple(str(voter[at]) for at in votes),
            offsets=np.append(start, len(rows)),
        )
        config = RewardConfig(heads=HEADS, seed=self._seed)
        table = scale.apply(rows)
        precision = np.full(table.shape[1], PRECISION)
        outside = _left_out(table, found, config, precision)
        heads = fit_heads(table, found, config, precision)
        calibration = calibrate(outside, heads.position, found, config, fitted_on="other folds")
        judged = scale.apply(world.described[self.asked].reshape(-1, rows.shape[1]).astype(np.float32))
        return (judged @ heads.weights.T / calibration.temperature).reshape(len(self.asked), most, HEADS)

    def _measured(self, rng: np.random.Generator) -> JudgeQuality:
        """Measure the judge on 100 comparisons that had a winner, by other voters, on held-out prompts."""
        first, most = self._served[self.asked], self._rewards.shape[1]
        second = (first + rng.integers(1, most, size=len(first))) % most
        wins, voter = _opinions(self._world, self.asked, first, second, rng)
        told, at = self._rewards.mean(axis=2), np.arange(len(first))
        decided = np.flatnonzero(wins != 0.5)[:100]
        right = ((told[at, first] > told[at, second]) == (wins > 0.5))[decided].astype(float)
        return JudgeQuality("judge", mean_estimate(right, [str(v) for v in voter[decided]], confidence=0.9))

    def _direct(self, ours: Ints, theirs: Ints) -> tuple[Direct, ...]:
        """One held-out prompt in three has a comparison of the champion's answer with another, by chance the
        candidate's.
        """
        rng, most = np.random.default_rng([self._seed, 2]), self._world.there.shape[1]
        some = np.flatnonzero(rng.random(len(self.asked)) < 1 / 3)
        second = (theirs[some] + rng.integers(1, most, size=len(some))) % most
        wins, voter = _opinions(self._world, self.asked[some], second, theirs[some], rng)
        exact = np.flatnonzero(second == ours[some])
        return tuple(Direct(str(voter[at]), float(wins[at])) for at in exact)


def _thumbs(world: World, questions: Ints, answer: Ints, voter: Ints, rng: np.random.Generator) -> Floats:
    liars = rng.random(VOTERS) < ALWAYS_WRONG
    wrong = (rng.random(len(questions)) < FLIPPED) ^ liars[voter]
    up: Floats = (world.right[questions, answer] ^ wrong).astype(np.float64)
    return up


def _left_out(table: Floats, found: Judgements, config: RewardConfig, precision: Floats) -> Floats:
    """Score each answer by a fit that left its prompt out, for calibration."""
    examples = np.arange(len(found.offsets) - 1)
    outside = np.zeros(len(table))
    for fold in range(2):
        heads = fit_heads(table, found.of(examples[examples // 2 % 2 != fold]), config, precision, heads=1)
        mine = np.isin(np.repeat(examples, np.diff(found.offsets)), examples[examples // 2 % 2 == fold])
        outside[mine] = (table @ heads.weights[0])[mine]
    return outside
