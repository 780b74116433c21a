"""What the pointer knows about spelling, numbers, names and the lead of a passage."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from retrieval.embed import HashingEmbedder
from tests.training.conftest import make_prompt
from training.policy.extractive import ExtractivePolicy, Prior
from training.policy.extractive.features import BEGIN_FEATURES, CANDIDATE_FEATURES, HALT_FEATURES, OFFERED_FEATURES
from training.policy.extractive.pointer import Reading
from training.policy.extractive.spelling import grams_of, plain, rare_share, shared


def read(question: str, *texts: str) -> Reading:
    reading = ExtractivePolicy(HashingEmbedder()).read(make_prompt(question, texts=texts))
    assert reading is not None
    return reading


def column(reading: Reading, name: str) -> list[float]:
    return [round(float(value), 3) for value in reading.features[:, CANDIDATE_FEATURES.index(name)]]


def test_grams_are_of_content_words_and_know_their_edges() -> None:
    assert grams_of("Who invented it?") == {" inv", "inve", "nven", "vent", "ente", "nted", "ted "}
    assert grams_of("Is it up?") == frozenset()
    assert plain("The Inventor's prize, 1,500!") == " the inventor s prize 1500 "


def test_rare_grams_count_more() -> None:
    held = shared(frozenset({"aaaa", "bbbb"}), ["aaaa bbbb", "aaaa", "cccc"])
    everywhere, once = np.log(4 / 2.5), np.log(4 / 1.5)
    assert rare_share(held) == pytest.approx([1.0, everywhere / (everywhere + once), 0.0])
    assert rare_share(shared(frozenset(), ["a", "b"])).tolist() == [0.0, 0.0]


def test_forms_of_a_word_that_no_stem_joins_are_seen() -> None:
    reading = read("Who colonised Brazil?", "Brazil was a colony of Portugal.", "Bread was a favourite of sailors.")
    first, second = column(reading, "spelling")
    assert first > second
    assert column(reading, "idf_overlap")[1] == 0.0


def test_numbers_and_names_must_be_the_sentence_s_own() -> None:
    asked = read("How many of the 12 ships sank?", "All 12 ships sailed.", "Later 7 of them sank.", "Ships sank.")
    assert column(asked, "number_missing") == [1.0, 0.0, 1.0]
    asked = read("Who followed Caesar?", "The man followed Caesar.", "In time Augustus followed.", "Nobody knows.")
    assert column(asked, "name_missing") == [1.0, 0.0, 0.0]  # a capital at the start counts as a name
    assert column(read("Why did it sink?", "It was old.", "It was heavy."), "name_missing") == [0.0, 0.0]


def test_where_the_question_s_words_begin() -> None:
    reading = read("What is granite?", "Granite is coarse rock.", "Coarse rock is granite.", "Something else entirely.")
    assert column(reading, "first_match") == [0.0, round(2 / 3, 3), 1.0]


def test_the_lead_of_the_best_passage_is_over_the_next_four() -> None:
    prompt = make_prompt("What?", texts=("One thing.", "Two things.", "Three things."))
    scores = (0.9, 0.5, 0.3)
    prompt = replace(prompt, passages=tuple(replace(p, score=s) for p, s in zip(prompt.passages, scores, strict=True)))
    reading = ExtractivePolicy(HashingEmbedder()).read(prompt)
    assert reading is not None
    assert reading.begin[BEGIN_FEATURES.index("score_lead")] == pytest.approx(0.5)
    alone = ExtractivePolicy(HashingEmbedder()).read(replace(prompt, passages=prompt.passages[:1]))
    assert alone is not None
    assert alone.begin[BEGIN_FEATURES.index("score_lead")] == 0.0


def test_the_shipped_prior_does_not_know_them() -> None:
    prior = Prior.shipped()
    for name in OFFERED_FEATURES:
        assert prior.pointer[CANDIDATE_FEATURES.index(name)] == 0.0
        assert prior.screen[CANDIDATE_FEATURES.index(name)] == 0.0
    for name in ("score_lead", "spelling_found"):
        assert prior.halt[HALT_FEATURES.index(name)] == 0.0
