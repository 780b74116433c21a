"""How right a reward model is about judgements that it does not learn from, while it is being fitted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from training.datasets.examples import Example
from training.reward.judgements import gather
from training.reward.representation import Record
from training.statistics import auc

Floats = npt.NDArray[np.float64]
Look = Callable[[int, Floats], None]  # takes the number of a step and the weights of the heads then, (H, D)


def looking(table: Floats, held_out: Sequence[Example], record: Record) -> Look | None:
    """Make what looks: at the accuracy on comparisons, or at the AUC of votes where there are none.

    Args:
        table: `(N, D)` standardised rows of the answers of `held_out`.
        held_out: Judged by people whom the model does not learn from.
        record: Told.

    Returns:
        What looks; None where there is nothing to look at.
    """
    found = gather(held_out)
    kept = np.flatnonzero(found.decided)
    up = found.up > 0.5
    if len(kept):
        first, second, won = found.first[kept], found.second[kept], found.target[kept] == 1.0

        def compared(step: int, weights: Floats) -> None:
            rewards = table @ weights.mean(axis=0)
            ahead = np.sign(rewards[first] - rewards[second])
            right = np.where(ahead == 0, 0.5, (ahead > 0) == won)
            record("held_out_accuracy", step, float(right.mean()))

        return compared
    if not len(up) or up.all() or not up.any():
        return None
    return lambda step, weights: record("held_out_auc", step, auc((table @ weights.mean(axis=0))[found.answer], up))
