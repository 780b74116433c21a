"""How right a reward model is about judgements that it does not learn from, while it is being fitted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from training.datasets.examples import Example
from training.reward.judgements import gather
from training.reward.representation import Record

Floats = npt.NDArray[np.float64]
Look = Callable[[int, Floats, float], None]  # takes the number of a step, and then the heads' weights (H, D), the bias


def looking(table: Floats, held_out: Sequence[Example], record: Record) -> Look | None:
    """Make what looks at the accuracy on comparisons, or on votes where there are more of those.

    Args:
        table: `(N, D)` standardised rows of the answers of `held_out`.
        held_out: Judged by people whom the model does not learn from.
        record: Told.

    Returns:
        What looks; None where there is nothing to look at.
    """
    found = gather(held_out)
    kept = np.flatnonzero(found.decided)
    first, second, won = found.first[kept], found.second[kept], found.target[kept] == 1.0
    answer, up = found.answer, found.up > 0.5
    if not len(kept) and not len(up):
        return None

    def look(step: int, weights: Floats, bias: float) -> None:
        rewards = table @ weights.mean(axis=0)
        if len(kept) >= len(up):
            ahead = np.sign(rewards[first] - rewards[second])
            right = np.where(ahead == 0, 0.5, (ahead > 0) == won)
        else:
            right = ((rewards[answer] + bias > 0) == up).astype(np.float64)
        record("held_out_accuracy", step, float(right.mean()))

    return look
