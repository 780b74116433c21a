"""Which format a file is, by its first bytes and its name; the two must agree."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from retrieval.errors import ParseError

SUPPORTED_EXTENSIONS: Mapping[str, str] = MappingProxyType(
    {
        ".pdf": "pdf",
        ".docx": "docx", ".docm": "docx",
        ".pptx": "pptx", ".pptm": "pptx",
        ".xlsx": "xlsx", ".xlsm": "xlsx",
        ".epub": "epub",
        ".html": "html", ".htm": "html", ".xhtml": "html",
        ".md": "markdown", ".markdown": "markdown",
        ".rst": "rst",
        ".adoc": "asciidoc", ".asciidoc": "asciidoc",
        ".txt": "text", ".text": "text", ".log": "text", ".vtt": "text",
        ".csv": "csv", ".tsv": "csv",
        ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl",
        ".eml": "eml",
    }
)  # fmt: skip
FORMAT_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "pdf": "a PDF", "docx": "a Word document", "pptx": "a PowerPoint presentation", "xlsx": "an Excel workbook",
        "epub": "an EPUB book", "html": "an HTML page", "markdown": "Markdown", "rst": "reStructuredText",
        "asciidoc": "AsciiDoc", "text": "plain text", "csv": "a CSV table", "json": "JSON", "jsonl": "JSON Lines",
        "eml": "an e-mail",
    }
)  # fmt: skip
_INSTEAD: Mapping[str, str] = MappingProxyType(
    {
        ".doc": "Save it as DOCX.", ".rtf": "Save it as DOCX.", ".odt": "Save it as DOCX or PDF.",
        ".ppt": "Save it as PPTX.", ".odp": "Save it as PPTX or PDF.",
        ".xls": "Save it as XLSX.", ".xlsb": "Save it as XLSX.", ".ods": "Save it as XLSX.",
        ".msg": "Save it as EML.", ".zip": "Unpack it and upload the files inside.",
        ".xml": "Convert it to HTML, Markdown or text.", ".nxml": "Convert it to HTML, Markdown or text.",
    }
)  # fmt: skip
_BINARY_FORMATS = {"pdf", "docx", "pptx", "xlsx", "epub"}
_HEAD_BYTES = 1024
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_FOREIGN = (
    (b"\x89PNG", "a PNG picture"), (b"\xff\xd8\xff", "a JPEG picture"), (b"GIF8", "a GIF picture"),
    (b"\x7fELF", "a program"), (b"MZ\x90", "a program"), (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"), (b"Rar!", "a RAR archive"), (b"{\\rtf", "an RTF document"),
    (b"SQLite format 3", "a database"),
)  # fmt: skip


def sniff(path: Path, filename: str) -> str:
    """Name the format of a file.

    Args:
        path: The bytes.
        filename: The name its owner gave it; only its extension counts.

    Returns:
        A format: one of the values of `SUPPORTED_EXTENSIONS`.

    Raises:
        ParseError: `empty_file`, `unsupported_file`, `encrypted_file`, or `invalid_file` when name and content disagree
            or the file is two formats at once.
    """
    extension = PurePosixPath(filename.replace("\\", "/")).suffix.lower()
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if not head:
        raise ParseError("empty_file", "The file is empty. Upload a file with text in it.")
    named = SUPPORTED_EXTENSIONS.get(extension)
    if named is None and extension in _INSTEAD:
        raise ParseError("unsupported_file", _unsupported(extension))
    found = _by_content(path, head)
    if named is None:
        if found is None or extension:
            raise ParseError("unsupported_file", _unsupported(extension))
        return found
    if found == named or (found is None and named not in _BINARY_FORMATS):
        return named
    content = FORMAT_NAMES[found] if found else "something else"
    hint = f"Name it {_extension_of(found)} and upload it again." if found else "It may be damaged: save it again."
    raise ParseError("invalid_file", f"The file is named {extension} but is {content}. {hint}")


def _by_content(path: Path, head: bytes) -> str | None:
    """Name a binary format, or give None for what may be text."""
    pdf_at = head.find(b"%PDF-")
    zipped = head.startswith(b"PK\x03\x04")
    if pdf_at >= 0 and (zipped or _opens_as_zip(path) or b"<html" in head[:pdf_at].lower() or head.startswith(b"MZ")):
        raise ParseError(
            "invalid_file", "The file is a PDF and another format at once. Export it again as a plain PDF."
        )
    # Text about PDFs may quote the marker: junk before a real one is short and not prose.
    if pdf_at >= 0 and not head[:pdf_at].strip() or (pdf_at > 0 and b"endobj" in head):
        return "pdf"
    if zipped:
        return _zip_format(path)
    if head.startswith(_OLE):
        _refuse_ole(path)
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            raise ParseError("unsupported_file", f"The file is {what}, which holds no text to index.")
    return None


def _zip_format(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise ParseError("invalid_file", "The file is damaged: it cannot be unpacked. Save it again.") from None
    for part, name in (("word/", "docx"), ("ppt/", "pptx"), ("xl/", "xlsx")):
        if "[Content_Types].xml" in names and any(member.startswith(part) for member in names):
            return name
    if "META-INF/container.xml" in names:
        return "epub"
    raise ParseError("unsupported_file", "The file is a zip archive. Unpack it and upload the files inside.")


def _opens_as_zip(path: Path) -> bool:
    """Tell whether a zip reader would open it: an end record whose comment ends exactly where the file does."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        stream.seek(max(0, size - 65_557))
        tail = stream.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        return False
    comment: int = struct.unpack_from("<H", tail, at + 20)[0]
    return at + 22 + comment == len(tail)


def _refuse_ole(path: Path) -> None:
    """Refuse the container of Office before 2007, which is also the one around an encrypted newer file."""
    with path.open("rb") as stream:
        if "EncryptedPackage".encode("utf-16-le") in stream.read(8 << 20):
            raise ParseError(
                "encrypted_file", "The file is password-protected. Remove the password and upload it again."
            )
    raise ParseError(
        "unsupported_file", "The file is in an Office format from before 2007. Save it as DOCX, PPTX or XLSX."
    )


def _extension_of(name: str | None) -> str:
    return next((extension for extension, value in SUPPORTED_EXTENSIONS.items() if value == name), "")


def _unsupported(extension: str) -> str:
    what = f"Files of type {extension} are" if extension else "Files without an extension are"
    instead = _INSTEAD.get(extension)
    if instead is None:
        instead = "Supported are " + ", ".join(sorted(extension[1:] for extension in SUPPORTED_EXTENSIONS)) + "."
    return f"{what} not supported. {instead}"
