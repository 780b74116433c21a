"""The direct path: tokenizer → encoder → mean over tokens → unit length, with no wrapper in between.

It gives what `SentenceTransformer.encode` gives (a test compares them) at a fraction of the overhead per call. It does
not know where the encoder runs: a `Forward` does, one for torch and one for OpenVINO.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from retrieval.embed.base import EncodeKind, Progress, Vectors, unit_rows
from retrieval.embed.batches import TOKENS_PER_BATCH, batches
from retrieval.embed.layout import PlainLayout

Tokens = npt.NDArray[np.int64]
Forward = Callable[[Tokens, Tokens], Vectors]  # ids, mask: (n, length) -> mean-pooled (n, d)

_WINDOW = 1024  # texts tokenised and sorted at a time: bounds memory on a bulk ingest
_PARALLEL_TOKENS = 2048  # most in a batch when several run at once: each has its own activations
_WORTH_SPLITTING = 128  # tokens; below it, handing a batch to another thread costs more than it saves


class PlainEmbedder:
    """An encoder with mean pooling; thread-safe.

    Args:
        model_name: Name by which collections remember it.
        layout: Where the tokenizer is, the window in tokens, the prompts.
        forward: Runs the encoder and pools.
        backend: What runs it, for status pages ("torch-fp32", "openvino", ...).
        parallel: How many calls of `forward` run side by side; a call of `encode` uses them all.
    """

    def __init__(
        self, model_name: str, layout: PlainLayout, forward: Forward, *, backend: str, parallel: int = 1
    ) -> None:
        self.model_name = model_name
        self.backend = backend
        self.max_tokens = layout.max_tokens
        self._layout = layout
        self._forward = forward
        self._parallel = parallel
        self._pool = ThreadPoolExecutor(parallel, "encode") if parallel > 1 else None
        self._tokenizer = Tokenizer.from_file(str(layout.encoder / "tokenizer.json"))
        padding = self._tokenizer.padding
        self._pad_id = int(padding["pad_id"]) if padding else 0
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(layout.max_tokens)
        self.dimension = int(self._encode_batch([self._tokenizer.encode("a").ids]).shape[1])

    def encode(
        self, texts: Sequence[str], *, kind: EncodeKind = "passage", on_progress: Progress | None = None
    ) -> Vectors:
        """Encode texts into `(n, dimension)` float32 unit rows; see `Embedder.encode`."""
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        prompt = self._layout.prompt(kind)
        done = 0
        for start in range(0, len(texts), _WINDOW):
            window = [prompt + text for text in texts[start : start + _WINDOW]]
            ids = [encoding.ids for encoding in self._tokenizer.encode_batch(window)]
            cut = list(batches([len(tokens) for tokens in ids], tokens_per_batch=self._budget(ids)))
            rows = self._run([[ids[index] for index in batch] for batch in cut])
            for batch, encoded in zip(cut, rows, strict=True):
                vectors[[start + index for index in batch]] = encoded
                done += len(batch)
                if on_progress is not None:
                    on_progress(done)
        return unit_rows(vectors)

    def _budget(self, ids: Sequence[Sequence[int]]) -> int:
        """Give the tokens of a batch: few enough that even a small call keeps every stream busy."""
        if self._pool is None:
            return TOKENS_PER_BATCH
        share = math.ceil(sum(len(tokens) for tokens in ids) / self._parallel)
        return min(_PARALLEL_TOKENS, max(_WORTH_SPLITTING, share))

    def _run(self, cut: Sequence[Sequence[Sequence[int]]]) -> Iterable[Vectors]:
        if self._pool is None or len(cut) == 1:
            return map(self._encode_batch, cut)
        return self._pool.map(self._encode_batch, cut)

    def _encode_batch(self, ids: Sequence[Sequence[int]]) -> Vectors:
        length = max(len(tokens) for tokens in ids)
        tokens = np.full((len(ids), length), self._pad_id, dtype=np.int64)
        mask = np.zeros((len(ids), length), dtype=np.int64)
        for row, values in enumerate(ids):
            tokens[row, : len(values)] = values
            mask[row, : len(values)] = 1
        return self._forward(tokens, mask)
