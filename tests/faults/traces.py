"""Looks for words in every file of a home, also where they are deflated, in base64 or in Parquet."""

from __future__ import annotations

import base64
import contextlib
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from service.feedback.preset import PRESET

# How a zlib stream begins: of each level, without and with a preset dictionary.
_DEFLATED = tuple(bytes((0x78, second)) for second in (0x01, 0x5E, 0x9C, 0xDA, 0x20, 0x7D, 0xBB, 0xF9))


def traces(folder: Path, words: Sequence[str]) -> dict[str, list[str]]:
    """Give the words that a file holds, by its path; files that hold none are left out."""
    wanted = {word: _spellings(word) for word in words}
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue
        texts = [content, *_inflated(content)]
        if path.suffix == ".parquet":
            texts += _rows(path)
        held = [word for word, spellings in wanted.items() if any(one in text for text in texts for one in spellings)]
        if held:
            found[str(path.relative_to(folder))] = held
    return found


def _spellings(word: str) -> list[bytes]:
    """Give the bytes of a word, and what stays the same of it in base64 wherever it stands."""
    raw = word.encode()
    encoded = [base64.b64encode(b"\0" * shift + raw)[-(-shift * 8 // 6) :] for shift in range(3)]
    return [raw, *(one.rstrip(b"=")[1:-2] for one in encoded)]


def _inflated(content: bytes) -> Iterator[bytes]:
    for magic in _DEFLATED:
        start = content.find(magic)
        while start >= 0:
            with contextlib.suppress(zlib.error):
                yield zlib.decompressobj(zdict=PRESET).decompress(content[start : start + 1_000_000])
            start = content.find(magic, start + 1)


def _rows(path: Path) -> Iterator[bytes]:
    import pyarrow.parquet as pq

    for row in pq.read_table(path).to_pylist():
        for value in row.values():
            payload = value if isinstance(value, bytes) else repr(value).encode()
            yield payload
            yield from _inflated(payload)
