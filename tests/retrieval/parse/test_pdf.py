"""PDF text: pages, headings, wrapped lines, hyphens, running headers."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.errors import ParseError
from retrieval.parse import ParseLimits, parse_file
from retrieval.parse.pdf_layout import Line, lay_out
from tests.retrieval.parse import make

BODY = [
    (120.0, "The warranty covers parts and labour for a period of twenty-four months from", 11),
    (134.0, "the date of delivery.", 11),
]


def test_pages_headings_and_wrapped_lines(tmp_path: Path) -> None:
    second = [(90.0, "Returns", 18), (120.0, "Send it back within thirty days.", 11)]
    path = make.pdf(tmp_path / "a.pdf", [[(90.0, "Warranty", 18), *BODY], second], title="Terms of sale")
    document = parse_file(path, "a.pdf", ParseLimits())
    found = [(b.kind, b.page, document.text[b.start : b.end]) for b in document.blocks]
    assert document.title == "Terms of sale"
    assert found == [
        ("heading", 1, "Warranty"),
        ("paragraph", 1, " ".join(text for _, text, _ in BODY)),
        ("heading", 2, "Returns"),
        ("paragraph", 2, "Send it back within thirty days."),
    ]


def test_running_header_and_page_number_are_dropped_but_only_when_they_run(tmp_path: Path) -> None:
    pages = [
        [
            (30.0, "ACME Inc. - Confidential", 9),
            (200.0, f"Fact number {word} stands here.", 11),
            (770.0, f"Page {n}", 9),
        ]
        for n, word in enumerate(("one", "two", "three", "four", "five"), 1)
    ]
    text = parse_file(make.pdf(tmp_path / "a.pdf", pages), "a.pdf", ParseLimits()).text
    assert "Confidential" not in text
    assert "Page" not in text
    assert text.count("Fact number") == 5
    short = parse_file(make.pdf(tmp_path / "b.pdf", pages[:2]), "b.pdf", ParseLimits()).text
    assert "Confidential" in short


def test_a_sentence_that_runs_over_a_page_end_stays_one_sentence(tmp_path: Path) -> None:
    from retrieval.sentences import split_sentences

    pages = [[(700.0, "All staff must complete the safety training which", 11)], [(72.0, "is given every March.", 11)]]
    text = parse_file(make.pdf(tmp_path / "a.pdf", pages), "a.pdf", ParseLimits()).text
    assert len(split_sentences(text)) == 1


def line(text: str, row: int, right: float = 500.0) -> Line:
    return Line(text, 72.0, right, 100 + 14.0 * row, 112 + 14.0 * row, 11.0, False, 0.5)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["the infor-", "mation we keep"], "the information we keep"),
        (["a well-", "known fact, well-known indeed"], "a well-known fact, well-known indeed"),
        (["the infor\u0002", "mation we keep"], "the information we keep"),
        (["pages 10-", "12 are missing"], "pages 10-12 are missing"),
    ],
)
def test_hyphens_at_line_ends(lines: list[str], expected: str) -> None:
    page = [line(text, row) for row, text in enumerate(lines)]
    assert lay_out([page], title="", metadata={}, limits=ParseLimits()).text == expected


def test_rows_of_numbers_keep_their_lines() -> None:
    page = [line("Revenue 10 20 30", 0), line("Cost 5 6 7", 1), line("Profit 5 14 23", 2)]
    document = lay_out([page], title="", metadata={}, limits=ParseLimits())
    assert document.text == "Revenue 10 20 30\nCost 5 6 7\nProfit 5 14 23"
    assert document.blocks[0].kind == "table"


def test_scanned_pdf_says_that_it_needs_ocr(tmp_path: Path) -> None:
    with pytest.raises(ParseError, match="OCR") as caught:
        parse_file(make.pdf(tmp_path / "a.pdf", [[], []]), "a.pdf", ParseLimits())
    assert caught.value.code == "empty_file"


def test_page_limit(tmp_path: Path) -> None:
    path = make.pdf(tmp_path / "a.pdf", [BODY] * 4)
    with pytest.raises(ParseError, match="4 pages; the limit is 3") as caught:
        parse_file(path, "a.pdf", ParseLimits(max_pages=3))
    assert caught.value.code == "file_too_large"
