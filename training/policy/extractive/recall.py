"""A small exact hybrid retriever over passages in memory, for fitting and measuring the policy without a catalog.

Same fusion as the product's search: cosine + 0.3 x BM25 over the best BM25 of the query.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from retrieval.embed import Embedder
from training.policy.base import Prompt, ShownPassage
from training.words import content_stems

Array = npt.NDArray[np.float32]
LEXICAL_WEIGHT = 0.3
_K1, _B = 1.2, 0.75


class Recall:
    """Finds passages for questions. Everything is scored; nothing is approximate."""

    def __init__(self, encoder: Embedder, texts: Sequence[str], titles: Sequence[str] = ()) -> None:
        self._encoder = encoder
        self._asked: dict[str, Array] = {}
        self._texts = texts
        self._titles = titles or [""] * len(texts)
        whole = [f"{title}\n{text}" if title else text for title, text in zip(self._titles, texts, strict=True)]
        self._vectors: Array = encoder.encode(whole, kind="passage")  # (n, d)
        counts = [Counter(content_stems(text)) for text in whole]
        lengths = np.array([count.total() for count in counts], np.float32)
        norm = _K1 * (1 - _B + _B * lengths / max(float(lengths.mean()), 1.0))
        self._postings: dict[str, dict[int, float]] = {}
        for row, count in enumerate(counts):
            for stem, times in count.items():
                self._postings.setdefault(stem, {})[row] = times * (_K1 + 1) / (times + float(norm[row]))

    def prompts(
        self, questions: Sequence[str], k: int = 5, hidden: Sequence[Collection[int]] | None = None
    ) -> list[tuple[Prompt, list[int]]]:
        """Retrieve for many questions.

        Args:
            questions: What is asked.
            k: Passages to show.
            hidden: For each question the rows that must be treated as absent.

        Returns:
            For each question its prompt and the rows of the passages shown.
        """
        new = sorted(set(questions) - self._asked.keys())
        self._asked.update(zip(new, self._encoder.encode(new, kind="query"), strict=True))
        out = []
        for number, question in enumerate(questions):
            dense: Array = self._vectors @ self._asked[question]  # (n, d) @ (d,)
            lexical = self._bm25(question)
            if hidden is not None:
                rows = list(hidden[number])
                dense[rows], lexical[rows] = -1.0, 0.0
            fused = dense + LEXICAL_WEIGHT * lexical / (float(lexical.max()) or 1.0)
            best = np.argsort(-fused, kind="stable")[:k].tolist()
            shown = tuple(
                ShownPassage(
                    number=place + 1,
                    chunk_id=f"chk_{row}",
                    document_id=f"doc_{row}",
                    title=self._titles[row],
                    text=self._texts[row],
                    score=float(fused[row]),
                    dense_score=float(dense[row]),
                    lexical_score=float(lexical[row]),
                )
                for place, row in enumerate(best)
            )
            out.append((Prompt(question=question, passages=shown), best))
        return out

    def _bm25(self, question: str) -> Array:
        scores = np.zeros(len(self._texts), np.float32)
        for stem in set(content_stems(question)):
            postings = self._postings.get(stem)
            if postings:
                idf = np.log(1 + (len(self._texts) - len(postings) + 0.5) / (len(postings) + 0.5))
                scores[list(postings)] += idf * np.fromiter(postings.values(), np.float32)
        return scores
