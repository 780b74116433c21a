"""The direct path: tokenizer → encoder → mean over tokens → unit length, with no wrapper in between.

It gives what `SentenceTransformer.encode` gives (a test compares them) at a fraction of the overhead per call. It does
not know where the encoder runs: a `Forward` does, one for torch and one for OpenVINO.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from retrieval.embed.base import EncodeKind, Progress, Vectors, unit_rows
from retrieval.embed.batches import batches
from retrieval.embed.layout import PlainLayout

Tokens = npt.NDArray[np.int64]
Forward = Callable[[Tokens, Tokens], Vectors]  # ids, mask: (n, length) -> mean-pooled (n, d)

_WINDOW = 1024  # texts tokenised and sorted at a time: bounds memory on a bulk ingest


class PlainEmbedder:
    """An encoder with mean pooling; thread-safe.

    Args:
        model_name: Name by which collections remember it.
        layout: Where the tokenizer is, the window in tokens, the prompts.
        forward: Runs the encoder and pools.
        backend: What runs it, for status pages ("torch-fp32", "openvino", ...).
    """

    def __init__(self, model_name: str, layout: PlainLayout, forward: Forward, *, backend: str) -> None:
        self.model_name = model_name
        self.backend = backend
        self.max_tokens = layout.max_tokens
        self._layout = layout
        self._forward = forward
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
            for batch in batches([len(tokens) for tokens in ids]):
                vectors[[start + index for index in batch]] = self._encode_batch([ids[index] for index in batch])
                done += len(batch)
                if on_progress is not None:
                    on_progress(done)
        return unit_rows(vectors)

    def _encode_batch(self, ids: Sequence[Sequence[int]]) -> Vectors:
        length = max(len(tokens) for tokens in ids)
        tokens = np.full((len(ids), length), self._pad_id, dtype=np.int64)
        mask = np.zeros((len(ids), length), dtype=np.int64)
        for row, values in enumerate(ids):
            tokens[row, : len(values)] = values
            mask[row, : len(values)] = 1
        return self._forward(tokens, mask)
