"""Zip containers (DOCX, PPTX, XLSX, EPUB): looked over before any library unpacks them.

A bomb is refused from its directory, and again while reading, because the directory may lie. A zip inside the zip is
never opened: the parsers ask for members by the names their format defines.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from retrieval.errors import ParseError
from retrieval.parse.limits import ParseLimits

_ENTITY = re.compile(rb"<!ENTITY|<\0!\0E\0N\0T\0I\0T\0Y|\0<\0!\0E\0N\0T\0I\0T\0Y", re.IGNORECASE)
_XML_SUFFIXES = {".xml", ".rels", ".opf", ".ncx", ".xhtml", ".html", ".htm"}
_PROLOG_BYTES = 64 << 10


class SafeZip:
    """A zip file whose members were checked against the limits; reads are bounded. Not thread-safe.

    Args:
        path: The file.
        limits: What it may hold.

    Raises:
        ParseError: `invalid_file` for a damaged file, an unsafe member name or an XML entity; `encrypted_file` for
            encrypted members; `file_too_large` for too many members or too much inside.
    """

    def __init__(self, path: Path, limits: ParseLimits) -> None:
        self._limits = limits
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
            raise ParseError("invalid_file", "The file is damaged: it cannot be unpacked. Save it again.") from None
        try:
            self._check_directory()
            self._check_entities()
        except BaseException:
            self._zip.close()
            raise
        self.names = frozenset(self._zip.namelist())

    def __enter__(self) -> SafeZip:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._zip.close()

    def _check_directory(self) -> None:
        limits, members = self._limits, self._zip.infolist()
        if len(members) > limits.max_members:
            raise ParseError(
                "file_too_large", f"The file packs {len(members):,} parts; the limit is {limits.max_members:,}."
            )
        total = sum(member.file_size for member in members)
        if total > limits.max_unpacked_bytes:
            raise ParseError(
                "file_too_large",
                f"The file unpacks to {total >> 20:,} MB; the limit is {limits.max_unpacked_bytes >> 20:,} MB.",
            )
        seen: set[str] = set()
        for member in members:
            name = member.filename.replace("\\", "/")
            if name.startswith("/") or ".." in PurePosixPath(name).parts or "\0" in name or ":" in name.split("/")[0]:
                raise ParseError(
                    "invalid_file", f"The file holds a part with an unsafe name: {member.filename[:80]!r}."
                )
            if name in seen:
                raise ParseError(
                    "invalid_file", f"The file holds two parts with one name: {name[:80]!r}. Save it again."
                )
            seen.add(name)
            if member.flag_bits & 0x1:
                raise ParseError(
                    "encrypted_file", "The file is password-protected. Remove the password and upload it again."
                )
            too_dense = member.file_size > limits.max_ratio * max(member.compress_size, 1)
            if member.file_size > limits.ratio_floor_bytes and too_dense:
                raise ParseError(
                    "file_too_large",
                    f"The part {name[:80]!r} unpacks to over {limits.max_ratio} times its size, as a zip bomb does.",
                )

    def _check_entities(self) -> None:
        for member in self._zip.infolist():
            if PurePosixPath(member.filename).suffix.lower() not in _XML_SUFFIXES:
                continue
            # Entities are declared in the prolog; a longer prolog than this is no office document.
            if _ENTITY.search(self._read(member.filename, _PROLOG_BYTES, whole=False)):
                raise ParseError("invalid_file", "The file declares XML entities, which documents never need.")

    def _read(self, name: str, most: int, *, whole: bool = True) -> bytes:
        try:
            with self._zip.open(name) as stream:
                data = stream.read(most + 1 if whole else most)
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError):
            raise ParseError("invalid_file", f"The file is damaged: {name[:80]!r} cannot be unpacked.") from None
        if whole and len(data) > most:
            raise ParseError("file_too_large", f"The part {name[:80]!r} is larger than the file says.")
        return data

    def read(self, name: str) -> bytes:
        """Give one member, unpacked.

        Args:
            name: Its full name.

        Returns:
            Its bytes.

        Raises:
            ParseError: `invalid_file` when it is absent or damaged, `file_too_large` when its size was a lie.
        """
        try:
            size = self._zip.getinfo(name).file_size
        except KeyError:
            raise ParseError("invalid_file", f"The file is damaged: its part {name[:80]!r} is missing.") from None
        return self._read(name, size)
