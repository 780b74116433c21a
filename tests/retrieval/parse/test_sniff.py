"""Names and contents that disagree, and formats that are not read."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.errors import ParseError
from retrieval.parse import sniff
from tests.retrieval.parse import make


def refusal(path: Path, name: str) -> ParseError:
    with pytest.raises(ParseError) as caught:
        sniff(path, name)
    return caught.value


def test_content_decides_when_there_is_no_extension(tmp_path: Path) -> None:
    assert sniff(make.docx(tmp_path / "a"), "upload") == "docx"
    assert sniff(make.epub(tmp_path / "b"), "upload") == "epub"
    assert sniff(make.pdf(tmp_path / "c", [[(90.0, "x", 9)]]), "upload") == "pdf"


def test_a_wrong_name_is_refused_with_the_right_one(tmp_path: Path) -> None:
    error = refusal(make.docx(tmp_path / "a"), "report.pdf")
    assert error.code == "invalid_file"
    assert "Name it .docx" in str(error)
    (tmp_path / "t").write_text("hello")
    assert refusal(tmp_path / "t", "a.docx").code == "invalid_file"
    assert refusal(make.xlsx(tmp_path / "x"), "notes.txt").code == "invalid_file"


@pytest.mark.parametrize(
    ("name", "data", "code", "says"),
    [
        ("a.txt", b"", "empty_file", "empty"),
        ("a.doc", b"x", "unsupported_file", "Save it as DOCX"),
        ("a.xyz", b"x", "unsupported_file", "Supported are"),
        ("a.txt", b"\x89PNG\r\n\x1a\n", "unsupported_file", "picture"),
        ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "unsupported_file", "before 2007"),
        (
            "a.docx",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
            "encrypted_file",
            "password",
        ),
    ],
)
def test_refusals_say_what_to_do(tmp_path: Path, name: str, data: bytes, code: str, says: str) -> None:
    (tmp_path / "f").write_bytes(data)
    error = refusal(tmp_path / "f", name)
    assert error.code == code
    assert says in str(error)


def test_polyglots_are_refused(tmp_path: Path) -> None:
    pdf = make.pdf(tmp_path / "a.pdf", [[(90.0, "x", 9)]]).read_bytes()
    archive = make.zip_of(tmp_path / "z", {"evil.txt": b"x"}).read_bytes()
    (tmp_path / "both").write_bytes(pdf + archive)
    assert "another format" in str(refusal(tmp_path / "both", "a.pdf"))


def test_text_about_pdf_is_text(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("A PDF begins with the characters %PDF-1.7 in its first line.")
    assert sniff(tmp_path / "f", "notes.txt") == "text"
