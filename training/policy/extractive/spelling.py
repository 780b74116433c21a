"""How much of a question's spelling a text shares: character n-grams of its content words.

Stems miss what spelling keeps: invent and invention, colonise and colony, a name and its adjective. A gram is looked
for in the text itself: a set of grams for every passage would take much memory.
"""

from __future__ import annotations

from functools import lru_cache
from math import log

import numpy as np
import numpy.typing as npt

from training.words import STOP_WORDS, words

Array = npt.NDArray[np.float32]
_SIZE = 4


def grams_of(question: str) -> frozenset[str]:
    """Give the n-grams of a question's content words; a blank marks the edge of a word."""
    padded = [f" {word} " for word in words(question) if word not in STOP_WORDS]
    return frozenset(word[at : at + _SIZE] for word in padded for at in range(max(len(word) - _SIZE + 1, 1)))


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """Give the words of a text in lower case between single blanks, as grams are looked for."""
    return f" {' '.join(words(text))} "


def shared(grams: frozenset[str], texts: list[str]) -> npt.NDArray[np.bool_]:
    """Tell which grams each plain text holds: `(len(texts), len(grams))`, grams in sorted order."""
    ordered = sorted(grams)
    return np.array([[gram in text for gram in ordered] for text in texts], np.bool_).reshape(len(texts), len(ordered))


def rare_share(held: npt.NDArray[np.bool_]) -> Array:
    """Weigh what each text holds by how few of the texts hold it: `(n,)` float32 shares in [0, 1]."""
    count, size = held.shape
    rarity = np.array([log((count + 1) / (have + 0.5)) for have in held.sum(axis=0).tolist()], np.float32)
    total = float(rarity.sum())
    share: Array = (held @ rarity / total).astype(np.float32) if size and total else np.zeros(count, np.float32)
    return share
