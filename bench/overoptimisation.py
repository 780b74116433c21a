"""Does chasing the reward model pay, and do the brakes hold? Gold and proxy reward by KL from the base (Gao et al.
2022, arXiv 2210.10760; Coste et al. 2023, arXiv 2310.02743).

The embedded policy answers XQuAD questions. The gold reward is known: 1 where the first sentence holds the gold answer,
a half where a later one does. The proxy never sees it: it learns from a hundred comparisons, a quarter of them
flipped: far fewer than PPO is ever chosen for. The policy is then optimised against the proxy, by PPO and by best of n,
and both rewards are measured on questions about other articles, on answers drawn at temperature 1.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from math import comb, inf
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import numpy.typing as npt
import torch

from bench.known_reward import FLIPPED, SHOWN, Question, Reader, Remembered, comparisons, deal, questions_of
from bench.report import CACHE, ROOT, arguments, report
from retrieval.embed import DEFAULT_MODEL, Embedder, load_embedder
from training.datasets.examples import Example
from training.losses import sequence_sum
from training.pipeline.memory import RememberingEmbedder
from training.policy.base import Sampling
from training.reward.config import RewardConfig
from training.reward.train import train_reward
from training.updates.bestofn import best_of_n_kl
from training.updates.extractive import ExtractiveTrainable
from training.updates.loop import Progress
from training.updates.plots import line_chart
from training.updates.ppo import train_ppo
from training.updates.ppo_config import PPOConfig, ppo_update
from training.updates.rewards import RewardMix

SIZES = (1, 2, 4, 8, 16, 32, 64)  # of best of n
DRAWN = 4  # answers to each question when a policy is measured
STEPS = 32  # batches of fresh answers, two optimiser steps each
GROUPS = 16  # questions in a batch
EVERY = 8  # batches between two measurements
HEADS = 4  # of the ensemble, each followed alone
ASKED = 200  # questions that PPO answers
BUDGET = 1.0  # nats
IMAGE = ROOT / "docs" / "images" / "overoptimisation.svg"
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Point:
    """Where a policy is."""

    kl: float  # nats an answer, from the base
    proxy: float  # what was optimised, mean over answers
    gold: float
    words: float


@dataclass(frozen=True)
class Brakes:
    """A way to follow the reward model."""

    label: str  # in the chart
    name: str  # in the table
    single: bool = False  # one head instead of the ensemble
    doubt: float = 0.0  # standard deviations of the heads taken off
    budget: float = inf  # nats from the base
    shipped: bool = False  # every other default too: KL penalty, length


NONE = Brakes("one head", "one head, no brake", single=True)
MEAN = Brakes("mean", "mean of 8 heads")
DOUBT = Brakes("mean - std", "mean - 1 std of 8 heads", doubt=1.0)
LIMIT = Brakes("one, budget", f"one head, KL budget {BUDGET:g}", single=True, budget=BUDGET)
ALL = Brakes(
    "all brakes", f"mean - 1 std, KL penalty, length, KL budget {BUDGET:g}", doubt=1.0, budget=BUDGET, shipped=True
)


def measure(
    trainable: ExtractiveTrainable, policy: Reader, questions: Sequence[Question], proxy: Remembered, doubt: float
) -> Point:
    """Draw answers to questions and average what they are worth."""
    rows: list[tuple[float, ...]] = []
    for place, question in enumerate(questions):
        answers = trainable.draw(question.prompt, DRAWN, Sampling(temperature=1.0, seed=DRAWN * place))
        group = trainable.prepare(question.prompt, answers)
        with torch.no_grad():
            logprobs, mask = trainable.logprobs(group)
            reference, _ = trainable.reference_logprobs(group)
        kl = float(sequence_sum(logprobs - reference, mask).mean())
        (scores,) = proxy.score([question.prompt], [answers])
        gold = np.mean([policy.gold(question, answer) for answer in answers])
        words = np.mean([len(answer.text.split()) for answer in answers])
        rows.append((kl, float(scores.cautious(doubt).mean()), float(gold), float(words)))
    return Point(*np.mean(rows, axis=0).tolist())


def ppo(
    encoder: Embedder,
    brakes: Brakes,
    proxy: Remembered,
    asked: Sequence[Question],
    held_out: Sequence[Question],
    seed: int,
) -> list[Point]:
    """Follow a reward model as hard as the brakes let; a run that the budget ends stays where it was left."""
    policy = Reader(encoder)
    trainable = ExtractiveTrainable(policy)
    points = [measure(trainable, policy, held_out, proxy, brakes.doubt)]
    hard = PPOConfig(kl_coefficient=0.0, mix=RewardMix(uncertainty=brakes.doubt, length=0.0, unfinished=0.0, clip=inf))
    config = PPOConfig() if brakes.shipped else hard

    def progress(at: Progress) -> None:
        if at.step % (EVERY * config.repeats) == 0:
            points.append(measure(trainable, policy, held_out, proxy, brakes.doubt))

    update = ppo_update(
        "extractive",
        steps=STEPS,
        groups_per_step=GROUPS,
        learning_rate=0.05,
        kl_budget=brakes.budget,
        max_length_growth=inf,
        max_abstention_growth=1.0,
        evaluate_every=0.25 if brakes.budget < inf else 100.0,
        seed=seed,
    )
    examples = [Example(f"q{number}", question.prompt, ()) for number, question in enumerate(asked)]
    with TemporaryDirectory() as run_dir:
        train_ppo(trainable, examples, proxy, update, config, run_dir=Path(run_dir), progress=progress)
    last = measure(trainable, policy, held_out, proxy, brakes.doubt)
    points = [point for point in points if point.kl < last.kl] if brakes.budget < inf else points[:-1]
    return [*points, last]


def best_of(rewards: Floats, gold: Floats) -> list[Point]:
    """Give best of n without bias from N draws, `(Q, N)`: over all their subsets of size n (Nakano et al. 2021, arXiv
    2112.09332, appendix I).
    """
    count = rewards.shape[1]
    order = np.argsort(rewards, axis=1, kind="stable")
    ranked, worth = (np.take_along_axis(values, order, 1).mean(axis=0) for values in (rewards, gold))
    points = []
    for n in SIZES:
        chance = np.array([comb(rank, n - 1) / comb(count, n) for rank in range(count)])
        points.append(Point(best_of_n_kl(n), float(ranked @ chance), float(worth @ chance), 0.0))
    return points


def draws(encoder: Embedder, proxy: Remembered, questions: Sequence[Question]) -> tuple[Floats, Floats]:
    """Draw as many answers as the largest n: the scores of every head `(Q, N, H)`, and gold `(Q, N)`."""
    policy = Reader(encoder)
    heads, gold = [], []
    for place, question in enumerate(questions):
        answers = policy.draw(question.prompt, SIZES[-1], Sampling(temperature=1.0, seed=SIZES[-1] * place))
        heads.append(proxy.score([question.prompt], [answers])[0].heads)
        gold.append([policy.gold(question, answer) for answer in answers])
    return np.array(heads, float), np.array(gold)


def average(curves: Sequence[Sequence[Point]]) -> list[Point]:
    """Average curves point by point; one that ended early stays where it ended."""
    size = max(len(curve) for curve in curves)
    stretched = [[*curve, *[curve[-1]] * (size - len(curve))] for curve in curves]
    return [Point(*np.mean([astuple(p) for p in points], axis=0).tolist()) for points in zip(*stretched, strict=True)]


def row(how: str, name: str, curves: Sequence[Sequence[Point]]) -> list[str]:
    """Describe the curves of all seeds."""
    curve = average(curves)
    best = max(curve, key=lambda point: point.gold)
    ends = [seed[-1].gold - seed[0].gold for seed in curves]
    return [
        how,
        name,
        f"{curve[-1].proxy - curve[0].proxy:+.3f}",
        f"{curve[0].gold:.3f}",
        f"{best.gold:.3f} at {best.kl:.2f}",
        f"{curve[-1].gold:.3f} at {curve[-1].kl:.2f}",
        f"{curve[-1].gold - best.gold:+.3f}",
        " ".join(f"{end:+.2f}" for end in ends),
    ]


def main() -> None:
    """Train the reward models, follow them, print the table and draw the chart."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--seeds", type=int, default=3, help="splits of articles, each with a reward model of its own")
    parser.add_argument("--comparisons", type=int, default=100, help="that each reward model learns from")
    parser.add_argument("--questions", type=int, default=120, help="that are measured on")
    options = parser.parse_args()
    encoder = RememberingEmbedder(load_embedder(DEFAULT_MODEL, cache_dir=CACHE))
    questions, began = questions_of(encoder), perf_counter()
    by_ppo: dict[Brakes, list[list[Point]]] = {brakes: [] for brakes in (NONE, MEAN, DOUBT, LIMIT, ALL)}
    by_n: dict[Brakes, list[list[Point]]] = {brakes: [] for brakes in (NONE, MEAN, DOUBT)}
    for seed in range(options.seeds):
        ours, others = deal(questions, seed)
        held_out = others[: options.questions]
        examples = comparisons(Reader(encoder), ours, options.comparisons, seed)
        proxy = Remembered(train_reward(examples, RewardConfig(seed=seed), encoder=encoder))
        heads, gold = draws(encoder, proxy, held_out)
        by_n[NONE].append(average([best_of(heads[:, :, head], gold) for head in range(heads.shape[2])]))
        by_n[MEAN].append(best_of(heads.mean(-1), gold))
        by_n[DOUBT].append(best_of(heads.mean(-1) - heads.std(-1), gold))
        for brakes, curves in by_ppo.items():
            for followed in [proxy.alone(head) for head in range(HEADS)] if brakes.single else [proxy]:
                curves.append(ppo(encoder, brakes, followed, ours[:ASKED], held_out, seed))
                line = " ".join(f"{point.kl:.2f}:{point.gold:.3f}" for point in curves[-1])
                sys.stderr.write(f"{perf_counter() - began:.0f} s, seed {seed}, {brakes.name}: {line}\n")
    if options.save:
        draw(by_ppo, by_n)
    report(
        "overoptimisation",
        "Following the reward model: what people would say against what it says",
        [
            "by",
            "follows",
            "proxy gained",
            "gold before",
            "gold at best, at KL",
            "gold at the end, at KL",
            "of which lost again",
            "gained in all, by run",
        ],
        [
            *(row("PPO", brakes.name, curves) for brakes, curves in by_ppo.items()),
            *(row("best of 64", brakes.name, curves) for brakes, curves in by_n.items()),
        ],
        data=f"XQuAD English; {options.seeds} splits of its 48 articles, {options.comparisons} comparisons "
        f"({FLIPPED:.0%} flipped) and {ASKED} questions for PPO on one half, {options.questions} questions of the "
        "other half measured",
        notes=[
            "Gold: 1 where the first sentence holds the gold answer, a half where a later one does, of answers drawn "
            f"at temperature 1; {SHOWN} passages shown. The proxy's gain is in logits, on the same answers.",
            f"PPO: {STEPS} batches of {GROUPS} questions x 4 answers, 2 optimiser steps each; without KL penalty and "
            "length term but in the last of its rows. Where there is a budget, the end is the last good state.",
            f"One head: {HEADS} heads of each reward model followed by PPO, each alone; for best "
            "of n the average over all 8. KL of best of n is log n - (n - 1) / n.",
            "The KL budget is looked at after every third batch, on 64 answers to questions trained on, with two "
            "standard errors of leeway; KL in the table is of the questions measured.",
            "The best along the way is picked on the questions measured, so it flatters every row alike.",
        ],
        save=options.save,
    )


def draw(by_ppo: dict[Brakes, list[list[Point]]], by_n: dict[Brakes, list[list[Point]]]) -> None:
    """Draw gold and proxy by KL, one chart under the other."""
    ppo_curves = {brakes.label: average(curves) for brakes, curves in by_ppo.items()}
    n_curves = {brakes.label: average(curves) for brakes, curves in by_n.items()}
    charts = (
        ("Gold reward, PPO", {label: [(p.kl, p.gold) for p in curve] for label, curve in ppo_curves.items()}),
        (
            "Proxy gained, PPO",
            {label: [(p.kl, p.proxy - curve[0].proxy) for p in curve] for label, curve in ppo_curves.items()},
        ),
        ("Gold reward, best of n", {label: [(p.kl, p.gold) for p in curve] for label, curve in n_curves.items()}),
    )
    parts = [line_chart(title, series, x_label="KL from the base, nats") for title, series in charts]
    height = 320
    stacked = [
        part.replace("<svg ", f'<svg y="{height * place}" width="640" height="{height}" ', 1)
        for place, part in enumerate(parts)
    ]
    IMAGE.parent.mkdir(parents=True, exist_ok=True)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 {height * len(parts)}">\n'
    IMAGE.write_text(head + "".join(stacked) + "</svg>\n")


if __name__ == "__main__":
    main()
