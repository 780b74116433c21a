"""One file to one document: sniff, choose the parser, check what it gave. Runs in the calling process, without limits
on memory or time; `ParserSandbox` is the way in for files from strangers."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

from retrieval.errors import ParseError
from retrieval.parse.limits import ParseLimits
from retrieval.parse.sniff import FORMAT_NAMES, sniff
from retrieval.types import ParsedDocument

Parser = Callable[[Path, ParseLimits], ParsedDocument]


def _parser(name: str) -> Parser:
    """Import only what one format needs: the child of the sandbox starts in a tenth of a second."""
    if name == "pdf":
        from retrieval.parse.pdf import parse_pdf

        return parse_pdf
    if name == "docx":
        from retrieval.parse.docx import parse_docx

        return parse_docx
    if name == "pptx":
        from retrieval.parse.pptx import parse_pptx

        return parse_pptx
    if name == "xlsx":
        from retrieval.parse.xlsx import parse_xlsx

        return parse_xlsx
    if name == "epub":
        from retrieval.parse.epub import parse_epub

        return parse_epub
    if name == "html":
        from retrieval.parse.html import parse_html

        return parse_html
    if name == "markdown":
        from retrieval.parse.markdown import parse_markdown

        return parse_markdown
    if name == "csv":
        from retrieval.parse.delimited import parse_delimited

        return parse_delimited
    if name in ("json", "jsonl"):
        from retrieval.parse.structured import parse_json, parse_json_lines

        return parse_json if name == "json" else parse_json_lines
    if name == "eml":
        from retrieval.parse.email_message import parse_eml

        return parse_eml
    from retrieval.parse.plain import parse_text

    return lambda path, limits: parse_text(path, limits, name)


def parse_file(path: Path, filename: str, limits: ParseLimits) -> ParsedDocument:
    """Read a file in this process.

    Args:
        path: The bytes.
        filename: The name its owner gave it; its extension must fit the content.
        limits: What it may hold.

    Returns:
        The document.

    Raises:
        ParseError: For anything wrong with the file. MemoryError passes through.
    """
    size = path.stat().st_size
    if size > limits.max_file_bytes:
        raise ParseError(
            "file_too_large",
            f"The file has {size >> 20:,} MB; the limit is {limits.max_file_bytes >> 20:,} MB. Split it.",
        )
    name = sniff(path, filename)
    try:
        return _parser(name)(path, limits)
    except (ParseError, MemoryError):
        raise
    except RecursionError:
        raise ParseError("invalid_file", f"The file is nested too deeply to be read as {FORMAT_NAMES[name]}.") from None
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        LookupError,
        ArithmeticError,
        AssertionError,
    ) as error:
        raise _damaged(name, error) from error
    except (OSError, EOFError, NotImplementedError, SyntaxError, zipfile.BadZipFile) as error:
        raise _damaged(name, error) from error


def _damaged(name: str, error: BaseException) -> ParseError:
    return ParseError(
        "invalid_file",
        f"The file could not be read as {FORMAT_NAMES[name]} ({type(error).__name__}). Save it again and retry.",
    )
