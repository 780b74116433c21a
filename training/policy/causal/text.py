"""From token ids to text while they arrive: whole characters only, stop strings cut off, nothing shown that must be
taken back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

_BROKEN = "\ufffd"
_WINDOW = 8  # ids kept for context: a decoder may join or space a token by what stands before it


class Decoder(Protocol):
    """What we need of a tokenizer."""

    def decode(self, token_ids: list[int], *, skip_special_tokens: bool = ...) -> str:
        """Give the text of some ids."""
        ...


class TextStream:
    """Collects the ids of one answer and gives the text that is final. The pieces given add up to `text`."""

    def __init__(self, decoder: Decoder, stop: Sequence[str] = ()) -> None:
        self._decoder = decoder
        self._stop = tuple(text for text in stop if text)
        self._ids: list[int] = []
        self._settled = 0  # ids whose text is in `_pending` or already given
        self._pending = ""  # decoded, but may be the beginning of a stop string
        self.text = ""  # given so far
        self.stopped = False  # a stop string was met

    def add(self, token: int) -> str:
        """Take one more id and give what can be shown now."""
        self._ids.append(token)
        return self._advance(final=False)

    def finish(self) -> str:
        """Give what was held back."""
        return "" if self.stopped else self._advance(final=True)

    def _advance(self, *, final: bool) -> str:
        start = max(self._settled - _WINDOW, 0)
        before = self._decode(self._ids[start : self._settled])
        now = self._decode(self._ids[start:])
        if final or not now.endswith(_BROKEN):
            self._pending += now[len(before) :]
            self._settled = len(self._ids)
        if not self.text:
            self._pending = self._pending.lstrip()
        cut = min((at for at in (self._pending.find(text) for text in self._stop) if at >= 0), default=-1)
        if cut >= 0:
            self.stopped = True
            piece = self._pending[:cut]
        else:
            held = 0 if final else self._held()
            piece = self._pending[: len(self._pending) - held]
        self._pending = self._pending[len(piece) :]
        self.text += piece
        return piece

    def _held(self) -> int:
        """Give the length of the longest end of the pending text that begins a stop string."""
        longest = max((len(text) for text in self._stop), default=1) - 1
        for length in range(min(longest, len(self._pending)), 0, -1):
            if any(text.startswith(self._pending[-length:]) for text in self._stop):
                return length
        return 0

    def _decode(self, ids: list[int]) -> str:
        return self._decoder.decode(ids, skip_special_tokens=True) if ids else ""
