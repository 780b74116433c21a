"""One ranking out of two: cosine + weight × BM25 / best BM25 of the query.

A convex combination of normalised scores beats reciprocal-rank fusion, which throws the scores away (Bruch, Gai and
Ingber 2023, "An Analysis of Fusion Functions for Hybrid Retrieval", ACM TOIS). The cosine needs no scaling, it is
bounded; BM25 is not, and is divided by the best score any passage got for this query, across all collections searched.
The weight is fixed beforehand, not fitted to any question.
"""

from __future__ import annotations

import numpy as np

from retrieval.index.hits import Scores

LEXICAL_WEIGHT = 0.3


def fuse(cosines: Scores, lexical: Scores, best_lexical: float, weight: float = LEXICAL_WEIGHT) -> Scores:
    """Combine scores of the same passages.

    Args:
        cosines: `(n,)`.
        lexical: `(n,)` BM25, zero where no term is shared.
        best_lexical: The best BM25 of the query anywhere; 0 when nothing matched.
        weight: How much a passage gains that has the best BM25.

    Returns:
        `(n,)` float32.
    """
    if best_lexical <= 0:
        return cosines
    fused: Scores = cosines + np.float32(weight / best_lexical) * lexical
    return fused
