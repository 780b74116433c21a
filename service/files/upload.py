"""Receives a multipart upload straight into the catalog's staging file.

One write, a byte cap, never the file in memory.

The framework's own form parser would spool the whole body to a temporary folder first. The client's file name is kept
for people to read and is never part of a path.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from service.errors import ApiError

FLUSH_BYTES = 1 << 20
MAX_FIELD_BYTES = 4096
MAX_FIELDS = 16


@dataclass(slots=True)
class Upload:
    """A received form: the file is at the staging path; the other fields are text."""

    filename: str
    size_bytes: int
    fields: dict[str, str]


async def receive_upload(request: Request, staged: Path, *, max_bytes: int) -> Upload:
    """Read a `multipart/form-data` body with one part named `file`.

    Args:
        request: The request; its body has not been read.
        staged: Where the file's bytes go; the caller deletes it if this raises.
        max_bytes: Largest file.

    Returns:
        What was received.

    Raises:
        ApiError: 400 for a body that is not such a form or whose file is empty, 413 for one that is too large.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise ApiError(400, "send `multipart/form-data` with the fields `file` and `purpose`", param="file")
    form = _Form(max_bytes)
    try:
        parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": form.part_begin,
                "on_part_data": form.part_data,
                "on_part_end": form.part_end,
                "on_header_field": form.header_field,
                "on_header_value": form.header_value,
                "on_header_end": form.header_end,
                "on_headers_finished": form.headers_finished,
                "on_end": form.end,
            },
        )
        with await asyncio.to_thread(staged.open, "wb") as sink:
            async for piece in request.stream():
                parser.write(piece)
                if form.pending_bytes >= FLUSH_BYTES:
                    await asyncio.to_thread(form.flush, sink)
            await asyncio.to_thread(form.flush, sink)
    except FormParserError as error:
        raise ApiError(400, f"the multipart body is malformed: {error}", param="file") from error
    return form.result()


@dataclass(slots=True)
class _Form:
    """Takes the parser's events; holds at most about one flush of the file."""

    max_bytes: int
    fields: dict[str, str] = field(default_factory=dict)
    filename: str | None = None
    size_bytes: int = 0
    pending: list[bytes] = field(default_factory=list)
    pending_bytes: int = 0
    complete: bool = False
    _headers: dict[bytes, bytes] = field(default_factory=dict)
    _name: bytes = b""
    _value: bytes = b""
    _field: str = ""
    _is_file: bool = False
    _text: bytearray = field(default_factory=bytearray)

    def part_begin(self) -> None:
        self._headers, self._name, self._value = {}, b"", b""
        self._text.clear()

    def header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name, self._value = b"", b""

    def headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._field = options.get(b"name", b"").decode("utf-8", "replace")
        self._is_file = self._field == "file"
        if not self._is_file:
            if len(self.fields) >= MAX_FIELDS:
                raise ApiError(400, f"the form has more than {MAX_FIELDS} fields")
            return
        if self.filename is not None:
            raise ApiError(400, "send one file a request", param="file")
        self.filename = options.get(b"filename", b"").decode("utf-8", "replace")

    def part_data(self, data: bytes, start: int, end: int) -> None:
        if not self._is_file:
            self._text += data[start:end]
            if len(self._text) > MAX_FIELD_BYTES:
                raise ApiError(400, f"the field is longer than {MAX_FIELD_BYTES} bytes", param=self._field)
            return
        self.size_bytes += end - start
        if self.size_bytes > self.max_bytes:
            raise ApiError(413, f"the file is too large; up to {self.max_bytes} bytes are taken", param="file")
        self.pending.append(data[start:end])
        self.pending_bytes += end - start

    def part_end(self) -> None:
        if not self._is_file:
            self.fields[self._field] = self._text.decode("utf-8", "replace")

    def end(self) -> None:
        self.complete = True

    def flush(self, sink: BinaryIO) -> None:
        """Write what is pending. Runs in a thread while nothing else touches the form."""
        sink.writelines(self.pending)
        self.pending.clear()
        self.pending_bytes = 0

    def result(self) -> Upload:
        if not self.complete:
            raise ApiError(400, "the multipart body ends too early", param="file")
        if not self.filename:
            raise ApiError(
                400,
                "the form has no part named `file` with a file name",
                param="file",
                code="missing_required_parameter",
            )
        if self.size_bytes == 0:
            raise ApiError(400, "the file is empty", param="file", code="empty_file")
        return Upload(self.filename, self.size_bytes, self.fields)
