"""Citations are verified against the source, and both kinds of offsets point where they say."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.citations import cite
from training.policy.base import ABSTENTION, ShownPassage

SOURCE = (
    "The service was founded in 1998 by Ada Berg. It employs 1,200 people in five countries [3]. "
    "Refunds are not paid after 30 days.\nSupport answers within two hours."
)


def passage(number: int = 1, text: str = SOURCE, start: int = 100) -> ShownPassage:
    return ShownPassage(
        number=number,
        chunk_id=f"chk_{number}",
        document_id=f"file-{number}",
        title="Handbook",
        text=text,
        score=0.9,
        filename="handbook.pdf",
        start=start,
        page_start=4,
        page_end=5,
    )


def test_a_verbatim_sentence_is_verified_at_its_place_in_the_document() -> None:
    answer = cite("It employs 1,200 people in five countries. [1]", [passage()])
    (citation,) = answer.citations
    assert citation.verified
    assert citation.overlap == 1.0
    quote = SOURCE[citation.start_index - 100 : citation.end_index - 100]
    assert quote == citation.content
    assert quote.startswith("It employs 1,200 people in five countries")
    assert (citation.filepath, citation.page_start) == ("handbook.pdf", 4)


def test_annotations_point_into_the_answer() -> None:
    text = "Refunds are not paid after 30 days [1]. Support answers within two hours.[1][9]"
    answer = cite(text, [passage()])
    assert answer.dropped == (9,)
    assert [answer.text[a.start_index : a.end_index] for a in answer.annotations] == ["[1]", "[1]"]
    sentences = [answer.text[a.sentence_start : a.sentence_end] for a in answer.annotations]
    assert sentences[0].startswith("Refunds are not paid after 30 days")
    assert sentences[1] == "Support answers within two hours."
    assert [answer.citations[a.citation].content for a in answer.annotations] == [
        "Refunds are not paid after 30 days",
        "Support answers within two hours",
    ]


@pytest.mark.parametrize(
    ("sentence", "verified"),
    [
        ("Ada Berg founded the service in 1998.", True),
        ("The service was founded in 1989 by Ada Berg.", False),  # another number
        ("Refunds are paid after 30 days.", False),  # the opposite
        ("The office is painted green and blue.", False),  # not there at all
        ("support answers within TWO hours", True),
        ("It employs 1200 people in 5 countries.", True),
        ("No.", False),
    ],
)
def test_paraphrases_keep_words_numbers_and_polarity(sentence: str, verified: bool) -> None:
    answer = cite(f"{sentence} [1]", [passage()])
    assert [citation.verified for citation in answer.citations] == [verified]


def test_an_unsupported_citation_quotes_the_passage_and_is_marked() -> None:
    (citation,) = cite("Zebras graze quietly. [1]", [passage()]).citations
    assert not citation.verified
    assert citation.content == SOURCE


def test_two_passages_may_support_a_sentence_together() -> None:
    shown = [
        passage(1, "Ada Berg founded the service in Oslo."),
        passage(2, "In 2015 the service moved its headquarters to Bergen."),
    ]
    answer = cite(
        "Ada Berg founded the service in Oslo, and in 2015 it moved its headquarters to Bergen [1][2].", shown
    )
    assert [citation.verified for citation in answer.citations] == [True, True]


def test_lines_without_full_stops_are_checked_each_for_itself() -> None:
    shown = [passage(1, "Cough and sore throat\nFever and chills"), passage(2, "Loss of taste or smell")]
    answer = cite("cough and sore throat [1] loss of taste or smell [2]", shown)
    assert [citation.verified for citation in answer.citations] == [True, True]


def test_the_same_quote_is_one_citation() -> None:
    answer = cite("Support answers within two hours. [1] Support answers within two hours. [1]", [passage()])
    assert len(answer.citations) == 1
    assert [annotation.citation for annotation in answer.annotations] == [0, 0]


@pytest.mark.parametrize(
    ("text", "abstained"),
    [
        (ABSTENTION, True),
        ("", True),
        ("I couldn't find any information about that in the documents.", True),
        ("The documents do not mention the price.", True),
        ("Sorry, I don't know the answer to that.", True),
        ("The passages provided do not contain the answer [1].", True),
        ("Refunds are not paid after 30 days. [1]", False),
        ("The company did not answer the letter from the ministry, which found out in May.", False),
        ("Paris is the capital.", False),
    ],
)
def test_abstention_is_recognised(text: str, abstained: bool) -> None:
    assert cite(text, [passage()]).abstained is abstained


def test_nothing_shown_means_nothing_cited() -> None:
    answer = cite("It is so [1].", [])
    assert (answer.text, answer.citations, answer.dropped) == ("It is so.", (), (1,))


_TEXT = st.text(alphabet=st.sampled_from(list("abc XY.,!?'\n-0129é[]\u2019\u00a0")), max_size=60)


@settings(max_examples=60)
@given(st.lists(_TEXT, min_size=1, max_size=4), st.lists(st.integers(0, 5), max_size=4), _TEXT)
def test_offsets_hold_for_any_text(sources: list[str], cited: list[int], text: str) -> None:
    shown = [passage(number, source, start=7 * number) for number, source in enumerate(sources, 1)]
    answer = cite(text + "".join(f" word {number}. [{number}]" for number in cited), shown)
    for citation in answer.citations:
        start = citation.start_index - 7 * citation.number
        assert sources[citation.number - 1][start : citation.end_index - 7 * citation.number] == citation.content
    for annotation in answer.annotations:
        assert answer.text[annotation.start_index : annotation.end_index] == f"[{annotation.number}]"
        assert 0 <= annotation.sentence_start <= annotation.sentence_end <= len(answer.text)
        assert answer.citations[annotation.citation].number == annotation.number


@settings(max_examples=60)
@given(st.lists(st.sampled_from(["red", "blue", "7", "house", "Anna", "runs"]), min_size=3, max_size=12), st.data())
def test_every_copied_piece_is_verified(tokens: list[str], data: st.DataObject) -> None:
    source = "Start here. " + " ".join(tokens) + ". End there."
    first = data.draw(st.integers(0, len(tokens) - 3))
    piece = "  ".join(tokens[first : first + 3])
    (citation,) = cite(f"{piece}. [1]", [passage(1, source)]).citations
    assert citation.verified
