"""Does the adapter rank the passages of held-out marks better than no adapter?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from retrieval.embed.adapter import QueryAdapter
from training.query.fit import Marked
from training.statistics import Estimate, paired_difference

Array = npt.NDArray[np.float64]


def utility(marks: Sequence[Marked], adapter: QueryAdapter | None) -> Array:
    """Give for each mark how well the ranking of its shown passages agrees with it.

    Args:
        marks: Marks with vectors.
        adapter: Moves the questions; None leaves them.

    Returns:
        `(n,)` float64: the reciprocal rank of a passage marked right, minus it for one marked wrong.
    """
    values = []
    for mark in marks:
        question = mark.question if adapter is None else adapter.apply(mark.question[None])[0]
        scores = mark.shown @ question
        rank = 1 + int((scores > scores[mark.place]).sum())
        values.append((1.0 if mark.relevant else -1.0) / rank)
    return np.array(values, np.float64)


def gain(marks: Sequence[Marked], adapter: QueryAdapter, *, seed: int = 0) -> Estimate:
    """Estimate what the adapter gains on held-out marks, clustered by voter."""
    return paired_difference(utility(marks, adapter), utility(marks, None), [mark.voter for mark in marks], seed=seed)
