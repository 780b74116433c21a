"""How good a reward model is on people it never met, beside what length and similarity alone would give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from training.datasets.examples import Example
from training.reward.base import RewardModel
from training.reward.judgements import Judgements, gather
from training.reward.representation import Representation
from training.statistics import Estimate, auc, bootstrap, brier, ece, mean_estimate, slope

Floats = npt.NDArray[np.float64]
HUMAN_AGREEMENT = 0.77  # Ouyang et al. 2022, arXiv 2203.02155, section 3.4: how often people agree with each other
_TOO_GOOD = HUMAN_AGREEMENT + 0.05
_FEW = 50  # judgements; chance alone reaches any accuracy on fewer
_BASELINES = ("length", "question_cosine")


class Measurable(RewardModel, Protocol):
    """A reward model whose answers' descriptions can be looked at: `TrainedReward`, or several of them."""

    @property
    def heads(self) -> int:
        """Size of the ensemble."""

    @property
    def representation(self) -> Representation:
        """How answers are described."""


@dataclass(frozen=True)
class PairFigures:
    """On comparisons with a winner."""

    accuracy: Estimate  # clustered by voter; a tie of scores is half right
    ece: float
    brier: float
    length_only: float  # accuracy of "the longer wins"
    cosine_only: float  # accuracy of "the nearer to the question wins"


@dataclass(frozen=True)
class VoteFigures:
    """On thumbs."""

    auc: Estimate  # clustered by voter
    accuracy: Estimate
    ece: float
    brier: float
    length_only: float  # AUC of the length
    cosine_only: float  # AUC of the cosine of question and answer


@dataclass(frozen=True)
class RewardReport:
    """Figures on held-out judgements."""

    version: str
    heads: int
    disagreement: float  # standard deviation over the heads, logits, averaged over answers
    length_slope: Estimate  # logits for each doubling of the answer's length, within prompts
    pairs: PairFigures | None
    votes: VoteFigures | None
    segments: dict[str, Estimate] = field(default_factory=dict)  # accuracy on comparisons, or on votes without any
    warnings: tuple[str, ...] = ()

    @property
    def accuracy_low(self) -> float | None:
        """Lower bound of the accuracy on comparisons; None where there are none."""
        return None if self.pairs is None else self.pairs.accuracy.low

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON holds it."""
        made: dict[str, Any] = _plain(self)
        return made

    def markdown(self) -> str:
        """Give it as a section of a model card."""
        lines = [f"Reward model `{self.version}`, {self.heads} heads, on held-out judgements.", ""]
        lines += ["| figure | value | length only | similarity only |", "|---|---|---|---|"]
        if (pairs := self.pairs) is not None:
            baselines = f"{pairs.length_only:.3f} | {pairs.cosine_only:.3f}"
            lines.append(f"| accuracy, {pairs.accuracy.n} comparisons | {pairs.accuracy} | {baselines} |")
            lines.append(f"| calibration error, comparisons | {pairs.ece:.3f} | | |")
            lines.append(f"| Brier score, comparisons | {pairs.brier:.3f} | | |")
        if (votes := self.votes) is not None:
            lines.append(
                f"| AUC, {votes.auc.n} votes | {votes.auc} | {votes.length_only:.3f} | {votes.cosine_only:.3f} |"
            )
            lines.append(f"| accuracy, votes | {votes.accuracy} | | |")
            lines.append(f"| calibration error, votes | {votes.ece:.3f} | | |")
            lines.append(f"| Brier score, votes | {votes.brier:.3f} | | |")
        lines.append(f"| logits for each doubling of length | {self.length_slope} | | |")
        lines.append(f"| disagreement of the heads, logits | {self.disagreement:.3f} | | |")
        lines += [f"| accuracy, segment {name} | {found} | | |" for name, found in self.segments.items()]
        lines += ["", *(f"**{warning}**" for warning in self.warnings)] if self.warnings else []
        return "\n".join(lines) + "\n"


def report_reward(model: Measurable, held_out: Sequence[Example], *, draws: int = 1000) -> RewardReport:
    """Measure a model on judgements by people it never met.

    Args:
        model: The model.
        held_out: Judged answers that were neither trained nor calibrated on.
        draws: Resamples of voters behind each interval.

    Returns:
        The figures; None for a kind of judgement that is not there.
    """
    found = gather(held_out)
    scores = model.score([example.prompt for example in held_out], [example.answers for example in held_out])
    means = np.concatenate([score.mean for score in scores] or [np.zeros(0, np.float32)]).astype(np.float64)
    spread = np.concatenate([score.std for score in scores] or [np.zeros(0, np.float32)])
    lengths, cosines = (_column(model, held_out, name) for name in _BASELINES)
    words = np.array([np.log2(max(len(a.text.split()), 1)) for e in held_out for a in e.answers])
    examples = np.repeat(np.arange(len(held_out)), np.diff(found.offsets))
    pairs = _pairs(means, lengths, cosines, found, draws)
    votes = _votes(means, lengths, cosines, found, draws)
    return RewardReport(
        version=model.version,
        heads=model.heads,
        disagreement=float(spread.mean()) if len(spread) else 0.0,
        length_slope=slope(_within(words, examples), _within(means, examples), examples.tolist(), draws=draws),
        pairs=pairs,
        votes=votes,
        segments=_segments(means, held_out, found, draws),
        warnings=_warnings(pairs, votes),
    )


def _pairs(means: Floats, lengths: Floats, cosines: Floats, found: Judgements, draws: int) -> PairFigures | None:
    kept = np.flatnonzero(found.decided)
    if not len(kept):
        return None
    first, second, won = found.first[kept], found.second[kept], found.target[kept]
    voters = [found.pair_voter[at] for at in kept]
    chances = _sigmoid(means[first] - means[second])

    def right(scores: Floats) -> Floats:
        ahead = np.sign(scores[first] - scores[second])
        points: Floats = np.where(ahead == 0, 0.5, (ahead > 0) == (won == 1.0)).astype(np.float64)
        return points

    return PairFigures(
        accuracy=mean_estimate(right(means), voters, draws=draws),
        ece=ece(chances, won, equal_mass=False),
        brier=brier(chances, won),
        length_only=float(right(lengths).mean()),
        cosine_only=float(right(cosines).mean()),
    )


def _votes(means: Floats, lengths: Floats, cosines: Floats, found: Judgements, draws: int) -> VoteFigures | None:
    # "Both bad" gives votes at half weight; here they count as votes.
    judged, up = means[found.answer], found.up > 0.5
    if not len(judged) or up.all() or not up.any():
        return None
    chances = _sigmoid(judged)
    return VoteFigures(
        auc=bootstrap(lambda rows: auc(judged[rows], up[rows]), len(up), list(found.vote_voter), draws=draws),
        accuracy=mean_estimate(((judged > 0) == up).astype(np.float64), list(found.vote_voter), draws=draws),
        ece=ece(chances, up),
        brier=brier(chances, up),
        length_only=auc(lengths[found.answer], up),
        cosine_only=auc(cosines[found.answer], up),
    )


def _segments(means: Floats, held_out: Sequence[Example], found: Judgements, draws: int) -> dict[str, Estimate]:
    made: dict[str, Estimate] = {}
    for name in sorted({example.segment for example in held_out if example.segment is not None}):
        mine = np.array([at for at, example in enumerate(held_out) if example.segment == name])
        part = found.of(mine)
        pairs = _pairs(means, means, means, part, draws)
        votes = None if pairs else _votes(means, means, means, part, draws)
        if pairs or votes:
            made[name] = pairs.accuracy if pairs else votes.accuracy  # type: ignore[union-attr]
    return made


def _warnings(pairs: PairFigures | None, votes: VoteFigures | None) -> tuple[str, ...]:
    """Say what looks too good: people agree with each other less often than that."""
    named: list[tuple[str, Estimate]] = []
    if pairs is not None:
        named.append(("comparisons", pairs.accuracy))
    if votes is not None:
        named.append(("votes", votes.accuracy))
    return tuple(
        f"Accuracy on {what} is {found.value:.0%}, more than people agree with each other ({HUMAN_AGREEMENT:.0%}): "
        "look for judgements that leaked into the training data."
        for what, found in named
        if found.value > _TOO_GOOD and found.n >= _FEW
    )


def _column(model: Measurable, held_out: Sequence[Example], name: str) -> Floats:
    at = model.representation.columns.index(name)
    rows = [
        model.representation.rows(example.prompt, example.answers)[:, at] for example in held_out if example.answers
    ]
    return np.concatenate(rows).astype(np.float64) if rows else np.zeros(0)


def _within(values: Floats, examples: npt.NDArray[np.int64]) -> Floats:
    """Take the mean of each prompt away: long answers to hard questions are not what is asked."""
    if not len(values):
        return values
    counts = np.maximum(np.bincount(examples), 1)
    moved: Floats = values - (np.bincount(examples, weights=values) / counts)[examples]
    return moved


def _sigmoid(logits: Floats) -> Floats:
    chances: Floats = 0.5 * (1 + np.tanh(0.5 * logits))
    return chances


def _plain(value: Any) -> Any:
    if isinstance(value, Estimate):
        return value.as_dict()
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return None if isinstance(value, float) and not np.isfinite(value) else value
