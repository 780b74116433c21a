"""Word, PowerPoint and Excel files as their users' programs write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.parse import ParseLimits, parse_file
from retrieval.types import ParsedDocument
from tests.retrieval.parse import make


def pieces(document: ParsedDocument) -> list[tuple[str, str]]:
    return [(block.kind, document.text[block.start : block.end]) for block in document.blocks]


def test_word_keeps_structure_and_drops_hidden_text(tmp_path: Path) -> None:
    document = parse_file(make.docx(tmp_path / "a.docx"), "a.docx", ParseLimits())
    assert document.title == "Travel policy"
    assert pieces(document) == [
        ("heading", "Travel"),
        ("paragraph", "Book trains before flights."),
        ("heading", "Hotels"),
        ("list", "- Up to 150 euros a night\n- Breakfast is paid"),
        ("table", "City | Limit\nParis | 180"),
        ("paragraph", "Visible end."),
    ]
    assert [block.level for block in document.blocks if block.kind == "heading"] == [1, 2]


def test_word_reads_merged_cells_once(tmp_path: Path) -> None:
    from docx import Document

    source = Document()
    table = source.add_table(rows=2, cols=2)
    table.cell(0, 0).merge(table.cell(1, 0)).text = "tall"
    table.cell(0, 1).text, table.cell(1, 1).text = "up", "down"
    source.save(str(tmp_path / "m.docx"))
    document = parse_file(tmp_path / "m.docx", "m.docx", ParseLimits())
    assert document.text == "tall | up\n| down"


def test_slides_are_pages_with_notes_and_tables(tmp_path: Path) -> None:
    document = parse_file(make.pptx(tmp_path / "a.pptx"), "a.pptx", ParseLimits())
    assert pieces(document) == [
        ("heading", "Roadmap"),
        ("list", "- Ship the beta\n- Listen to users"),
        ("paragraph", "Mention the deadline."),
        ("heading", "Budget"),
        ("table", "Team | Cost\nSearch | 40"),
    ]
    assert [block.page for block in document.blocks] == [1, 1, 1, 2, 2]


def test_sheets_are_pages_and_hidden_ones_are_left_out(tmp_path: Path) -> None:
    document = parse_file(make.xlsx(tmp_path / "a.xlsx"), "a.xlsx", ParseLimits())
    assert pieces(document) == [("heading", "Prices"), ("table", "Item | Price | Since\nPen | 1.5\nDesk | 300")]
    assert "secret" not in document.text


@pytest.mark.parametrize("kind", ["docx", "pptx", "xlsx"])
def test_a_file_is_read_without_an_ending_as_it_is_kept_under_its_hash(tmp_path: Path, kind: str) -> None:
    named: Path = getattr(make, kind)(tmp_path / f"a.{kind}")
    kept = named.rename(tmp_path / "0f3a")
    assert parse_file(kept, f"a.{kind}", ParseLimits()).text


def test_line_breaks_inside_a_slide_text_keep_words_apart(tmp_path: Path) -> None:
    from pptx import Presentation

    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "one\vtwo"
    deck.save(str(tmp_path / "b.pptx"))
    assert parse_file(tmp_path / "b.pptx", "b.pptx", ParseLimits()).text == "one two"
