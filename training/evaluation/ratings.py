"""Ratings of versions from what people preferred, with intervals.

Bradley and Terry (1952): version i beats j with chance sigmoid(s_i - s_j), strengths in nats. A tie, and two bad
answers, are half a win for each. Every version also plays one imaginary tie against an opponent of strength 0, so
that one that never lost stays finite and the strengths are unique. Sides are taken as shown at random: no place on
the screen is modelled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from training.datasets.examples import PairOutcome
from training.records.types import Record
from training.statistics.estimate import Estimate, unknown
from training.statistics.quantiles import normal_quantile
from training.statistics.resampling import group, percentiles, resamples

Floats = npt.NDArray[np.float64]

_IMAGINARY = 1.0  # games each version plays against strength 0
_LONGEST_STEP = 2.0  # nats; Newton overshoots from far away
_WINS: dict[PairOutcome, float] = {"first": 1.0, "second": 0.0, "tie": 0.5, "both_bad": 0.5}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One voter's judgement of two versions on one prompt."""

    first: str
    second: str
    outcome: PairOutcome
    voter: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Rating:
    """Strength of a version, in nats above the reference (or above the mean of all versions)."""

    version: str
    strength: Estimate  # n: its comparisons; clusters: all voters
    wins: float  # weighted, ties as half
    games: float  # weighted


@dataclass(frozen=True, slots=True)
class Ratings:
    """Versions, the strongest first. Strengths mean nothing between versions of different `components`."""

    ratings: tuple[Rating, ...]
    components: tuple[tuple[str, ...], ...]  # versions linked by comparisons, however indirectly
    reference: str | None

    def of(self, version: str) -> Rating:
        """Find a version.

        Args:
            version: Its name.

        Returns:
            Its rating.

        Raises:
            KeyError: If it was never compared.
        """
        for rating in self.ratings:
            if rating.version == version:
                return rating
        raise KeyError(version)


def comparisons(records: Iterable[Record], *, sources: Sequence[str] = ("human",)) -> Iterator[Comparison]:
    """Take from preference records the comparisons between different versions.

    A ranking of K answers gives all its pairs, each with weight 2 / K: as much as K - 1 comparisons. What an operator
    excluded is left out; consent is about training and is not asked here.

    Args:
        records: Any records.
        sources: Whose judgements count.

    Yields:
        Comparison: Between versions, in the order of the records.
    """
    for record in records:
        if record.kind != "preference" or record.excluded or record.source not in sources:
            continue
        versions = [judged.answer.version for judged in record.answers]
        if record.outcome == "ranked":
            for i, j in combinations(range(min(len(versions), len(record.ranks))), 2):
                above = record.ranks[j] - record.ranks[i]
                outcome: PairOutcome = "first" if above > 0 else "second" if above < 0 else "tie"
                if versions[i] != versions[j]:
                    yield Comparison(versions[i], versions[j], outcome, record.voter, 2 / len(versions))
        elif record.outcome is not None and len(versions) == 2 and versions[0] != versions[1]:
            yield Comparison(versions[0], versions[1], record.outcome, record.voter)


def rate_versions(
    compared: Iterable[Comparison],
    *,
    reference: str | None = None,
    confidence: float = 0.95,
    draws: int = 500,
    seed: int = 0,
) -> Ratings:
    """Rate versions by their comparisons.

    Whole voters are drawn for the bootstrap. A bootstrap of a version that never lost hardly varies, so each interval
    also spans the one from the curvature of the likelihood (as if comparisons were independent): the wider end
    counts.

    Args:
        compared: Comparisons; those of a version with itself are left out.
        reference: Version whose strength is 0; None for the mean of all.
        confidence: Two-sided.
        draws: Resamples.
        seed: Of the resamples.

    Returns:
        Ratings with intervals; with a single voter none has one.

    Raises:
        ValueError: If the reference was never compared.
    """
    games = [game for game in compared if game.first != game.second and game.weight > 0]
    names = sorted({name for game in games for name in (game.first, game.second)})
    if reference is not None and reference not in names:
        raise ValueError(f"{reference!r} was never compared")
    if not games:
        return Ratings((), (), reference)
    place = {name: number for number, name in enumerate(names)}
    size = len(names)
    voters, n_voters = group([game.voter for game in games], len(games))
    won = np.zeros((n_voters, size, size))  # [v, i, j]: how often i beat j before voter v
    for game, voter in zip(games, voters, strict=True):
        first, second, win = place[game.first], place[game.second], _WINS[game.outcome]
        won[voter, first, second] += game.weight * win
        won[voter, second, first] += game.weight * (1 - win)
    total = won.sum(axis=0)
    centre = np.full(size, 1 / size)
    if reference is not None:
        centre = np.eye(size)[place[reference]]
    strengths, covariance = _fit(total[None])
    shown = strengths[0] - centre @ strengths[0]
    contrast = np.eye(size) - centre  # rows: strength less the reference
    spread = np.sqrt(np.einsum("ij,jk,ik->i", contrast, covariance[0], contrast).clip(min=0))
    ends = None
    if n_voters > 1:
        drawn = np.concatenate(
            [
                _fit((chosen @ won.reshape(n_voters, -1)).reshape(-1, size, size))[0]
                for chosen in resamples(n_voters, draws, seed)
            ]
        )
        drawn -= (drawn @ centre)[:, None]
        ends = [percentiles(drawn[:, i], n_voters, 1 - confidence) for i in range(size)]
    z = normal_quantile(0.5 + confidence / 2)
    rated = []
    for name, i in place.items():
        n = sum(name in (game.first, game.second) for game in games)
        value = float(shown[i])
        if ends is None:
            strength = unknown(n, n_voters, value=value, confidence=confidence)
        else:
            low = min(ends[i][0], value - z * float(spread[i]))
            high = max(ends[i][1], value + z * float(spread[i]))
            strength = Estimate(value, low, high, n, n_voters, "bootstrap", confidence)
        rated.append(Rating(name, strength, float(total[i].sum()), float(total[i].sum() + total[:, i].sum())))
    rated.sort(key=lambda rating: (-rating.strength.value, rating.version))
    return Ratings(tuple(rated), _components(names, total), reference)


def _fit(won: Floats) -> tuple[Floats, Floats]:
    """Find the most likely strengths `(D, V)` and their covariance `(D, V, V)` by Newton's method, D problems at once.

    The log-likelihood is strictly concave with the imaginary games, so there is one maximum.
    """
    played = won + won.transpose(0, 2, 1)
    strengths = np.zeros(won.shape[:2])
    diagonal = np.eye(won.shape[1])
    for _ in range(100):
        chance = _sigmoid(strengths[:, :, None] - strengths[:, None, :])
        alone = _sigmoid(strengths)
        slope = (won - played * chance).sum(axis=2) + _IMAGINARY * (0.5 - alone)
        weight = played * chance * (1 - chance)
        own = weight.sum(axis=2) + _IMAGINARY * alone * (1 - alone)
        curvature = own[:, :, None] * diagonal - weight
        step = np.linalg.solve(curvature, slope[:, :, None])[:, :, 0]
        step *= np.minimum(1.0, _LONGEST_STEP / np.maximum(np.abs(step).max(axis=1, keepdims=True), 1e-12))
        strengths += step
        if np.abs(step).max() < 1e-9:
            break
    return strengths, np.linalg.inv(curvature)


def _sigmoid(values: Floats) -> Floats:
    found: Floats = 0.5 * (1 + np.tanh(0.5 * values))
    return found


def _components(names: Sequence[str], won: Floats) -> tuple[tuple[str, ...], ...]:
    linked = (won + won.T) > 0
    left, found = set(range(len(names))), []
    while left:
        reached, edge = set(), {min(left)}
        while edge:
            reached |= edge
            edge = {j for i in edge for j in left if linked[i, j]} - reached
        left -= reached
        found.append(tuple(names[i] for i in sorted(reached)))
    return tuple(found)
