"""The check of free text: what is verbatim, what is invented, what the weights file holds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from retrieval.embed import DEFAULT_MODEL, Embedder, HashingEmbedder, load_embedder
from training.evaluation.fit_groundedness import balancing_threshold, errors, out_of_fold, tabulate
from training.evaluation.groundedness import SHIPPED, Groundedness, Weights, answer_groundedness
from training.evaluation.grounding_data import Judged, read_grounding
from training.evaluation.support_features import FEATURES, Evidence, opposites
from training.policy.base import ABSTENTION, Answer, Prompt, Sampling, ShownPassage
from training.policy.extractive import ExtractivePolicy

PASSAGE = (
    "The Eiffel Tower was completed in 1889 for the World's Fair. It is 330 metres tall and was built by the company "
    "of Gustave Eiffel. Visitors may climb the stairs to the second floor. The tower is not open at night in winter."
)
OTHER = "The Louvre holds the Mona Lisa. It is closed on Tuesdays."


@pytest.fixture(scope="module")
def encoder() -> Embedder:
    return load_embedder(DEFAULT_MODEL, dtype="fp32", threads=1)


@pytest.fixture(scope="module")
def check(encoder: Embedder) -> Groundedness:
    return Groundedness.load(encoder)


def shown(*texts: str) -> tuple[ShownPassage, ...]:
    return tuple(ShownPassage(n, f"c{n}", f"d{n}", "", text, 1.0) for n, text in enumerate(texts, 1))


def test_what_a_passage_says_word_for_word_is_certain(check: Groundedness) -> None:
    assert (
        check.score([OTHER, PASSAGE], "It is 330 metres tall and was built by the company of Gustave Eiffel. [2]")
        == 1.0
    )


def test_extractive_answers_are_grounded(check: Groundedness, encoder: Embedder) -> None:
    prompt = Prompt("When was the Eiffel Tower completed?", shown(PASSAGE, OTHER))
    answer = ExtractivePolicy(encoder).sample([prompt], 1, Sampling())[0][0]
    assert not answer.abstained
    assert check.of_answer(prompt, answer) == 1.0


@pytest.mark.parametrize(
    ("said", "supported"),
    [
        ("The Eiffel Tower was finished in 1889 for the World's Fair.", True),
        ("Gustave Eiffel's company built the tower, which is 330 metres tall.", True),
        ("According to the text, the Eiffel Tower was completed in 1889.", True),
        ("The Eiffel Tower was completed in 1887 for the World's Fair.", False),
        ("The Eiffel Tower was completed in 1889 for the Olympic Games in Paris.", False),
        ("Visitors may not climb the stairs to the second floor.", False),
        ("Tickets cost about twenty euros and can be bought online.", False),
        ("I think it is the most beautiful tower in the whole world!", False),
    ],
)
def test_paraphrases_pass_and_inventions_do_not(check: Groundedness, said: str, supported: bool) -> None:
    assert (check.score([PASSAGE, OTHER], said) >= check.threshold) is supported


def test_nothing_supports_without_passages_and_silence_needs_no_support(check: Groundedness) -> None:
    assert check.score([], "Anything at all.") == 0.0
    assert check.score([""], "Anything at all.") < check.threshold
    silent = Answer(ABSTENTION, "v", "stop", Sampling(), None, 1, abstained=True)
    assert check.of_answer(Prompt("Why?", ()), silent) == 1.0
    assert answer_groundedness("Is that so?", shown(PASSAGE), check) == 1.0


def test_an_answer_gets_the_mean_of_its_factual_sentences(check: Groundedness) -> None:
    good, bad = "Visitors may climb the stairs to the second floor. [1]", "Tickets cost about twenty euros. [1]"
    alone = check.score([PASSAGE], bad)
    assert answer_groundedness(f"{good} {bad} Is that enough?", shown(PASSAGE), check) == pytest.approx((1 + alone) / 2)


def features(sentence: str, *passages: str) -> dict[str, float]:
    made = Evidence(passages or (PASSAGE,), HashingEmbedder().encode)
    return dict(zip(FEATURES, made.features(sentence).tolist(), strict=True))


def test_figures_by_hand() -> None:
    same = features("It is 330 metres tall.")
    assert (same["window_overlap"], same["coverage"], same["words_missing"], same["longest_run"]) == (1, 1, 0, 1)
    assert (same["number_missing"], same["polarity"], same["antonym"]) == (0, 0, 0)
    assert features("It is 331 metres tall.")["number_missing"] == 1
    assert features("It is 330 metres short.")["antonym"] == 1
    assert features("The tower is open at night in winter.")["polarity"] == 1
    apart = features("The stairs were completed in 1889.")
    assert (apart["number_missing"], apart["coverage"]) == (0, 1)
    assert apart["window_overlap"] < 1
    assert features("It was built by Pierre Dupont.")["names_missing"] == 1
    assert features("I like it, do you?")["speaker"] == features("I like it, do you?")["question"] == 1
    assert features("It is not closed on Tuesdays.", OTHER + " Dogs are not allowed.")["polarity"] == 1
    assert "short" in opposites()["tall"]
    assert "tall" in opposites()["short"]


def test_the_weights_file_round_trips_and_refuses_others() -> None:
    data = json.loads(SHIPPED.read_text())
    assert Weights.from_dict(data).as_dict() == data
    assert set(data["provenance"]["held_out"]) == {"asqa", "begin", "edits"}
    with pytest.raises(ValueError, match="format 1"):
        Weights.from_dict({**data, "format": 2})
    with pytest.raises(ValueError, match="features"):
        Weights.from_dict({**data, "weights": {"window_overlap": 1.0}})


def test_a_fit_recovers_what_tells_supported_from_invented() -> None:
    rng = np.random.default_rng(0)
    words = [f"word{n}" for n in range(200)]
    judged = []
    for number in range(60):
        passage = " ".join(rng.choice(words, 12, replace=False)).capitalize() + "."
        held = passage.lower().rstrip(".").split()
        for source in ("begin", "asqa"):
            judged.append(Judged(source, f"g{number}", (passage,), " ".join(held[:4] + held[6:8]) + ".", True))
            judged.append(Judged(source, f"g{number}", (passage,), " ".join(rng.choice(words, 6)) + ".", False))
    table = tabulate(judged, HashingEmbedder())
    chances = out_of_fold(table)
    found = errors(chances, table, balancing_threshold(chances, table), table.sources == "asqa")
    assert (found.sentences, found.supported) == (120, 60)
    assert found.auc > 0.98
    assert found.false_accept + found.false_reject < 0.1


@pytest.mark.slow
def test_labels_of_the_data_are_what_people_marked(grounding: Path) -> None:
    judged = read_grounding(grounding)
    assert judged == read_grounding(grounding)
    counts = {name: sum(one.source == name for one in judged) for name in ("begin", "asqa", "edits")}
    assert counts["begin"] == 313 + 835
    assert counts["asqa"] > 900
    edits = [one for one in judged if one.source == "edits"]
    assert {one.kind for one in edits if not one.supported} == {"number", "name", "polarity", "opposite"}
    assert {one.kind for one in edits if one.supported} == {"shortened", "introduced"}
    assert all(one.sentence not in "\n".join(one.passages) for one in edits if not one.supported)


@pytest.fixture
def grounding() -> Path:
    from bench.report import DATA

    folder = DATA / "grounding"
    if not folder.exists():
        pytest.skip("needs the grounding data")
    return folder
