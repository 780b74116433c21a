"""Golden files: what is read, and how wrong lines are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.evaluation import golden
from training.evaluation.golden import Expected, GoldenError, read_golden
from training.policy.base import ShownPassage, Turn


def write(tmp_path: Path, *lines: str | bytes) -> Path:
    path = tmp_path / "golden.jsonl"
    path.write_bytes(b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines))
    return path


def test_the_examples_of_the_documentation_are_read(tmp_path: Path) -> None:
    doc = golden.__doc__ or ""
    example = doc.partition("a line.\n\n")[2].partition("\n\nEvery field")[0]
    lines = example.replace("\n      ", " ").strip().splitlines()
    assert len(lines) == 3
    first, second, third = read_golden(write(tmp_path, *lines))
    assert first.answers == ("30 days",)
    assert first.documents == (Expected("handbook.pdf"),)
    assert first.cluster == "handbook.pdf"
    assert second.history[1] == Turn("assistant", "30 days.")
    assert second.parts == (("15 days", "fifteen days"), ("pro rata",))
    assert (second.segment, second.tags) == ("de", ("hr",))
    assert third.unanswerable
    assert len({first.id, second.id, third.id}) == 3


def test_passages_of_its_own_are_numbered(tmp_path: Path) -> None:
    [question] = read_golden(
        write(tmp_path, '{"question": "Why?", "passages": [{"text": "Because."}, {"text": "So.", "filename": "a.md"}]}')
    )
    assert question.passages is not None
    assert [(p.number, p.document_id, p.text) for p in question.passages] == [
        (1, "document-1", "Because."),
        (2, "a.md", "So."),
    ]


def test_every_wrong_line_is_named_with_what_is_wrong(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        '{"question": "fine", "id": "a"}',
        "",
        '{"question": "fine", "anwsers": ["x"]}',
        "{not json",
        '{"question": "both", "unanswerable": true, "answers": ["x"]}',
        '{"question": "again", "id": "a"}',
        '{"question": ""}',
        b'{"question": "\xff"}',
        '{"question": "number", "answers": [3]}',
        '{"question": "same"}',
        '{"question": "same"}',
    )
    with pytest.raises(GoldenError) as caught:
        read_golden(path)
    told = dict(caught.value.problems)
    assert sorted(told) == [3, 4, 5, 6, 7, 8, 9, 11]
    assert "'answers' perhaps" in told[3]
    assert "unanswerable" in told[5]
    assert "line 1" in told[6]
    assert told[7].startswith("question:")
    assert "not UTF-8" in told[8]
    assert told[9].startswith("answers.0")
    assert f"{path}:3: there is no field 'anwsers'" in str(caught.value)


def test_an_empty_or_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(GoldenError, match="holds no question"):
        read_golden(write(tmp_path, "", "  "))
    with pytest.raises(GoldenError, match="cannot be read"):
        read_golden(tmp_path / "nowhere.jsonl")


def test_expected_documents_match_by_id_name_and_page() -> None:
    passage = ShownPassage(1, "c", "file-1", "", "text", 1.0, filename="hr/handbook.pdf", page_start=3, page_end=5)
    assert Expected("file-1").matches(passage)
    assert Expected("handbook.pdf").matches(passage)
    assert Expected("hr/handbook.pdf", 4).matches(passage)
    assert not Expected("handbook.pdf", 6).matches(passage)
    assert not Expected("book.pdf").matches(passage)
