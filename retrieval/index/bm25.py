"""BM25 exactly as tantivy computes it, so that scores from the published index and from the delta can be compared.

That includes tantivy's one rounding: the length of a document is kept in one byte, as the largest of 256 values not
above it.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

K1 = 1.2
B = 0.75

Floats = npt.NDArray[np.float32]


def _length_table() -> npt.NDArray[np.int64]:
    # Lucene's SmallFloat.byte4ToInt: exact to 40, then steps of an eighth of the magnitude.
    table = list(range(24))
    for code in range(256 - 24):
        bits, shift = code & 7, (code >> 3) - 1
        table.append(24 + (bits if shift < 0 else (bits | 8) << shift))
    return np.array(table, dtype=np.int64)


_LENGTHS = _length_table()


def rounded_lengths(lengths: npt.NDArray[np.int64]) -> Floats:
    """Round document lengths (in terms) as the index does."""
    return _LENGTHS[np.searchsorted(_LENGTHS, lengths, side="right") - 1].astype(np.float32)


def idf(documents: int, matching: int) -> float:
    """Give the weight of a term that `matching` of `documents` documents hold; never negative."""
    return math.log(1 + (documents - matching + 0.5) / (matching + 0.5))


def saturation(lengths: Floats, average_length: float) -> Floats:
    """Give what depends on the document in the denominator: `k1 · (1 − b + b · length / average)`, as `lengths`."""
    factor: Floats = (K1 * (1 - B + B * lengths / np.float32(max(average_length, 1e-9)))).astype(np.float32)
    return factor


def term_score(frequencies: Floats, saturations: Floats, weight: float) -> Floats:
    """Score one term in many documents; `weight` is its idf times its count in the query."""
    scores: Floats = np.float32(weight * (K1 + 1)) * frequencies / (frequencies + saturations)
    return scores
