"""Looks a PDF over with pypdf, in bounded memory, before pdfium (which has no bounds of its own) may open it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.errors import ParseError
from retrieval.parse.limits import ParseLimits

if TYPE_CHECKING:
    from pypdf import PdfReader

# What writing programs put into the title by themselves.
_NO_TITLE = re.compile(
    r"untitled|microsoft (word|powerpoint|excel)\b.*|.*\.(docx?|pptx?|xlsx?|indd|tex|dvi|pdf|qxd)|title|\W*", re.I
)
_MAX_ELEMENTS = 2_000_000


def inspect_pdf(path: Path, limits: ParseLimits) -> dict[str, str]:
    """Check encryption, page count and the unpacked size of every page's content.

    Args:
        path: The file.
        limits: What it may hold.

    Returns:
        `title`, `author` and `created`, as far as the file states them.

    Raises:
        ParseError: `encrypted_file`, `file_too_large`, or `invalid_file`.
    """
    import pypdf
    from pypdf.errors import LimitReachedError, PyPdfError

    try:
        # Tagged reports hold arrays of more than pypdf's 100,000 elements; the size of the file bounds those by itself.
        with pypdf.apply_configuration(
            array_maximum_element_count=_MAX_ELEMENTS, zlib_maximum_output_length=limits.max_stream_bytes
        ):
            reader = pypdf.PdfReader(path)
            if reader.is_encrypted and not reader.decrypt(""):
                raise ParseError(
                    "encrypted_file", "This PDF is password-protected. Remove the password and upload it again."
                )
            _check_pages(reader, limits)
            return _facts(reader)
    except LimitReachedError:
        raise _too_dense(limits) from None
    except (ParseError, MemoryError):
        raise
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, AssertionError, OSError):
        # pypdf is stricter than pdfium: a file it cannot follow may still be readable, within the sandbox's memory.
        return {}
    except RecursionError:
        raise ParseError(
            "invalid_file", "The PDF is damaged: its pages are nested without end. Export it again."
        ) from None


def _check_pages(reader: PdfReader, limits: ParseLimits) -> None:
    from pypdf.generic import ArrayObject, StreamObject

    count = len(reader.pages)
    if count > limits.max_pages:
        raise ParseError("file_too_large", f"The PDF has {count:,} pages; the limit is {limits.max_pages:,}. Split it.")
    for page in reader.pages:
        contents = page.get("/Contents")
        contents = contents.get_object() if contents is not None else None
        total = 0
        for item in contents if isinstance(contents, ArrayObject) else [contents]:
            stream = item.get_object() if item is not None else None
            if isinstance(stream, StreamObject):
                total += len(stream.get_data())
        if total > limits.max_stream_bytes:
            raise _too_dense(limits)


def _too_dense(limits: ParseLimits) -> ParseError:
    return ParseError(
        "file_too_large",
        f"A part of the PDF unpacks to over {limits.max_stream_bytes >> 20} MB, as a bomb does. Export it again.",
    )


def _facts(reader: PdfReader) -> dict[str, str]:
    information = reader.metadata
    if information is None:
        return {}
    facts = {}
    title, author = str(information.get("/Title", "")), str(information.get("/Author", ""))
    if not _NO_TITLE.fullmatch(title.strip()):
        facts["title"] = title
    if author.strip():
        facts["author"] = author
    created = re.match(r"D:(\d{4})(\d\d)(\d\d)", str(information.get("/CreationDate", "")))
    if created:
        facts["created"] = "-".join(created.groups())
    return facts
