"""Every real document at hand ends either way: read, or refused with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.chunk import chunk_document
from retrieval.errors import ParseError
from retrieval.parse import ParserSandbox
from retrieval.parse.sniff import SUPPORTED_EXTENSIONS

# Password-protected on purpose; everything else of a supported type must be read.
PROTECTED = {"2206.01062_pg3.pdf"}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_file_is_read_or_refused_with_a_reason(shared_data: Path) -> None:
    wrong: list[str] = []
    read = 0
    with ParserSandbox() as sandbox:
        for path in sorted((shared_data / "docs").rglob("*")):
            if not path.is_file() or "groundtruth" in path.parts:
                continue
            try:
                document = sandbox.parse(path, path.name)
            except ParseError as error:
                expected = {"encrypted_file"} if path.name in PROTECTED else {"unsupported_file"}
                supported = path.suffix.lower() in SUPPORTED_EXTENSIONS and path.name not in PROTECTED
                if supported or error.code not in expected or len(str(error)) < 20:
                    wrong.append(f"{path.name}: {error.code} {error}")
                continue
            read += 1
            chunks = chunk_document(document)
            if not chunks or any(chunk.text != document.text[chunk.start : chunk.end] for chunk in chunks):
                wrong.append(f"{path.name}: chunks")
    assert wrong == []
    assert read > 200
