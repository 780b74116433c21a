"""Bytes of a text file to characters."""

from __future__ import annotations

import codecs
from pathlib import Path

from retrieval.errors import ParseError
from retrieval.parse.limits import ParseLimits

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE_BYTES = 256 << 10
_FEW_ZEROS = 3  # a stray zero byte is dropped with the other control characters


def read_source(path: Path, limits: ParseLimits) -> bytes:
    """Give the bytes of a file of text or markup.

    Args:
        path: The file.
        limits: The most text it may hold; no character takes more than four bytes.

    Returns:
        The bytes.

    Raises:
        ParseError: With code `file_too_large`.
    """
    if path.stat().st_size > 4 * limits.max_text_chars:
        raise _too_long(limits)
    return path.read_bytes()


def read_text(path: Path, limits: ParseLimits) -> str:
    """Give the text of a file.

    Args:
        path: The file.
        limits: The most text it may hold.

    Returns:
        Its text, as `decode_text` gives it.

    Raises:
        ParseError: With code `file_too_large`, or as `decode_text`.
    """
    text = decode_text(read_source(path, limits))
    if len(text) > limits.max_text_chars:
        raise _too_long(limits)
    return text


def _too_long(limits: ParseLimits) -> ParseError:
    return ParseError(
        "file_too_large",
        f"The file holds more than {limits.max_text_chars:,} characters of text. Split it into smaller files.",
    )


def decode_text(data: bytes) -> str:
    """Decode by byte-order mark, then UTF-8, then a detected legacy encoding, then Windows-1252.

    Args:
        data: The whole file.

    Returns:
        Its text, without a byte-order mark.

    Raises:
        ParseError: With code `invalid_file` when the bytes are not text, or do not fit their byte-order mark.
    """
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                raise ParseError(
                    "invalid_file", f"The file says it is {encoding}, but is not. Save it again as UTF-8."
                ) from None
    zeros = data.count(0, 0, _SAMPLE_BYTES)
    if zeros > max(_FEW_ZEROS, min(len(data), _SAMPLE_BYTES) // 1000):
        return _without_mark(data)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _legacy(data)


def _without_mark(data: bytes) -> str:
    """Decode UTF-16 that lacks its byte-order mark: every other byte of most text is zero, the rest hardly ever."""
    sample = data[: _SAMPLE_BYTES & ~1]
    for encoding, high, low in (("utf-16-le", sample[1::2], sample[0::2]), ("utf-16-be", sample[0::2], sample[1::2])):
        if high.count(0) > len(high) * 0.4 and low.count(0) <= len(low) // 1000:
            return data.decode(encoding, errors="replace")
    raise ParseError("invalid_file", "The file is binary, not text. Upload a supported document format.")


def _legacy(data: bytes) -> str:
    from charset_normalizer import from_bytes

    sample = data[:_SAMPLE_BYTES]
    best = from_bytes(sample).best()
    # Short or mostly-ASCII text gives the detector too little: Windows-1252 is what such files nearly always are.
    odd_bytes = sum(byte > 127 for byte in sample)
    encoding = best.encoding if best is not None and odd_bytes >= 24 else "cp1252"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")
