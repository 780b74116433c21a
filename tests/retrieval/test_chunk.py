"""Chunks: exact slices, whole sentences, sizes that suit the encoder, and the headings above them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.chunk import ChunkOptions, chunk_document
from retrieval.errors import InvalidInput
from retrieval.parse.builder import DocumentBuilder
from retrieval.sentences import split_sentences
from retrieval.types import BlockKind, ParsedDocument

SENTENCE = "The quick brown fox jumps over the lazy dog near the river bank. "


def document(*blocks: tuple[BlockKind, str] | tuple[BlockKind, str, int], title: str = "Doc") -> ParsedDocument:
    builder = DocumentBuilder(10**7)
    for block in blocks:
        builder.add(block[0], block[1], level=block[2] if len(block) == 3 else 0, page=1)
    return builder.build(title=title)


def test_a_paragraph_that_fits_is_one_chunk() -> None:
    (chunk,) = chunk_document(document(("paragraph", SENTENCE * 14)))
    assert chunk.heading_path == ()
    assert (chunk.page_start, chunk.page_end) == (1, 1)


def test_a_long_passage_becomes_few_even_chunks() -> None:
    chunks = chunk_document(document(("paragraph", SENTENCE * 40)))  # 2,600 characters
    assert len(chunks) == 3
    sizes = [len(chunk.text) for chunk in chunks]
    assert min(sizes) > 0.7 * max(sizes)


def test_paragraphs_are_kept_whole_where_they_fit() -> None:
    paragraph = SENTENCE * 6
    blocks: list[tuple[BlockKind, str]] = [("paragraph", paragraph)] * 6
    parsed = document(*blocks)
    for chunk in chunk_document(parsed):
        assert chunk.text.count("\n\n") == chunk.text.count(paragraph.strip()) - 1


def test_heading_paths() -> None:
    body = SENTENCE * 5
    parsed = document(
        ("heading", "Doc", 1), ("paragraph", body), ("heading", "A", 2), ("paragraph", body), ("heading", "B", 3),
        ("paragraph", body), ("heading", "C", 2), ("paragraph", body),
    )  # fmt: skip
    assert [chunk.heading_path for chunk in chunk_document(parsed)] == [(), ("A",), ("A", "B"), ("C",)]
    assert chunk_document(parsed)[2].embedding_text("Doc").startswith("Doc > A > B\nThe quick")


def test_short_sections_side_by_side_are_joined() -> None:
    parsed = document(
        ("heading", "FAQ", 1), ("heading", "One", 2), ("paragraph", "Yes."), ("heading", "Two", 2), ("paragraph", "No.")
    )
    (chunk,) = chunk_document(parsed)
    assert chunk.heading_path == ("FAQ",)
    assert chunk.text == "Yes.\n\nTwo\n\nNo."


def test_a_heading_alone_is_still_found() -> None:
    (chunk,) = chunk_document(document(("heading", "Only this", 1), title="x"))
    assert chunk.text == "Only this"


def test_tables_are_cut_between_rows_and_keep_their_header_in_the_path() -> None:
    rows = ["Name | City"] + [f"Person number {n} | City number {n}" for n in range(100)]
    parsed = document(("table", "\n".join(rows)))
    chunks = chunk_document(parsed)
    assert len(chunks) > 2
    for number, chunk in enumerate(chunks):
        assert all(line in rows for line in chunk.text.split("\n"))
        assert chunk.heading_path == (("Name | City",) if number else ())


def test_overlap_repeats_whole_sentences() -> None:
    text = " ".join(f"Sentence number {n} says something of its own here." for n in range(60))
    chunks = chunk_document(document(("paragraph", text)), ChunkOptions(max_chars=500, min_chars=50, overlap_chars=120))
    for before, after in zip(chunks, chunks[1:], strict=False):
        shared = before.end - after.start
        assert 0 < shared <= 120
        assert after.text.startswith("Sentence number")
        assert len(after.text) <= 500


def test_what_is_in_no_block_is_in_no_chunk() -> None:
    from retrieval.types import Block

    text = "One.\nSECRET\nTwo."
    parsed = ParsedDocument(text, (Block("paragraph", 0, 4), Block("paragraph", 12, 16)))
    assert [chunk.text for chunk in chunk_document(parsed)] == ["One.", "Two."]


@pytest.mark.parametrize(
    "options", [{"max_chars": 50}, {"min_chars": 2000}, {"overlap_chars": 900}, {"overlap_chars": -1}]
)
def test_sizes_that_cannot_work_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(InvalidInput):
        ChunkOptions(**options)


words = st.text(alphabet=st.sampled_from("abcdefghij .!?\n|-é"), min_size=1, max_size=400)
blocks = st.lists(
    st.tuples(st.sampled_from(["heading", "paragraph", "list", "table", "code"]), words, st.integers(1, 4)),
    min_size=1,
    max_size=12,
)


@given(blocks, st.integers(100, 600), st.integers(0, 100), st.integers(0, 50))
def test_every_character_is_in_a_chunk_and_every_chunk_is_a_slice(
    made: list[tuple[BlockKind, str, int]], most: int, least: int, overlap: int
) -> None:
    if not any(text.strip() for _, text, _ in made):
        return
    parsed = document(*made)
    chunks = chunk_document(parsed, ChunkOptions(max_chars=most, min_chars=least, overlap_chars=overlap))
    covered = [False] * len(parsed.text)
    for chunk in chunks:
        assert chunk.text == parsed.text[chunk.start : chunk.end]
        assert 0 < len(chunk.text) <= most
        covered[chunk.start : chunk.end] = [True] * len(chunk.text)
    for block in parsed.blocks:
        if block.kind != "heading":
            missing = [at for at in range(block.start, block.end) if not covered[at] and not parsed.text[at].isspace()]
            assert missing == []


@given(st.lists(st.integers(3, 30), min_size=1, max_size=40))
def test_no_sentence_of_a_paragraph_is_cut(lengths: list[int]) -> None:
    text = " ".join("S" + "o" * length + " goes on." for length in lengths)
    parsed = document(("paragraph", text))
    ends = {end for _, end in split_sentences(parsed.text)}
    for chunk in chunk_document(parsed, ChunkOptions(max_chars=200, min_chars=0)):
        assert chunk.end in ends
