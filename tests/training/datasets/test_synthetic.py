"""Questions made from passages, and questions that nothing answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.training.conftest import PASSAGES
from training.citations.markers import strip_markers, take_apart
from training.datasets.asking import ask_by_rule, is_self_contained
from training.datasets.synthetic import Find, extractive_examples, unanswerable
from training.policy.base import ABSTENTION, Answer, Prompt, Sampling, ShownPassage
from training.words import content_stems

MORE = (
    "Invoices are archived for ten years by the finance team. The archive is encrypted with two separate keys.",
    "Visitors should register at the northern gate before entering. Cameras record the northern gate all day.",
    "The cafeteria was renovated in 2019 with solar panels on its roof. Vegetarian dishes are served every weekday.",
)
TEXTS = (*PASSAGES, *MORE)
LIBRARY = tuple(
    ShownPassage(1, f"chk_{place}", f"file-{place}", "Handbook", text, 0.0) for place, text in enumerate(TEXTS)
)


def finder(passages: Sequence[ShownPassage] = LIBRARY, k: int = 2) -> Find:
    """Find passages by shared words."""

    def find(question: str) -> list[ShownPassage]:
        asked = set(content_stems(question))
        scored = [replace(p, score=float(len(asked & set(content_stems(p.text))))) for p in passages]
        return sorted(scored, key=lambda passage: (-passage.score, passage.chunk_id))[:k]

    return find


def ask(text: str, heading: tuple[str, ...] = ()) -> str:
    """Ask for a sentence by rule; longer words count as rarer."""
    passage = ShownPassage(1, "c", "d", "Handbook", text, 0.0, heading_path=heading)
    return ask_by_rule(passage, lambda stem: float(len(stem)))


@pytest.mark.parametrize(
    ("sentence", "question"),
    [
        ("Refunds are paid within thirty days of purchase.", "When are refunds paid?"),
        ("The support desk was founded in 1998 by Ada Berg.", "When was the support desk founded?"),
        ("Parcels are sent from Bergen on working days.", "Where are parcels sent?"),
        ("The audit is conducted by an outside firm every year.", "By whom is the audit conducted?"),
        ("Ada Berg is the founder of the support desk.", "Who or what is Ada Berg?"),
        ("The champion is the version that serves all users.", "What is the champion?"),
        ("Visitors should register at the northern gate.", "What should visitors do?"),
        ("Opened software and licences come with no refund.", "Handbook software licences"),
    ],
)
def test_a_clause_is_asked_for_by_rule_and_the_rest_by_keywords(sentence: str, question: str) -> None:
    assert ask(sentence) == question


def test_the_section_leads_keywords_and_nothing_is_asked_with_nothing_to_ask() -> None:
    assert ask("Opened software comes with no refund.", ("Shop", "Returns")) == "Returns software refund"
    assert ask("Nothing is here.") == ""


@pytest.mark.parametrize(
    ("sentence", "fit"),
    [
        ("Refunds are paid within thirty days of purchase.", True),
        ("It was founded in 1998 by Ada Berg in Bergen.", False),
        ("Refunds are paid.", False),
        ("When are refunds for opened software paid out?", False),
        ("Opened software | refund | thirty days | purchase", False),
    ],
)
def test_only_sentences_that_stand_alone_are_asked_for(sentence: str, fit: bool) -> None:
    assert is_self_contained(sentence) == fit


def test_every_made_question_finds_its_passage_and_its_answer_is_cited() -> None:
    made = extractive_examples(LIBRARY, finder(), each=2)

    assert len(made.examples) >= 6
    for example in made.examples:
        (target,), (answer,) = example.targets, example.answers
        assert (target.origin, target.weight, example.voters) == ("synthetic", 0.25, frozenset())
        shown = {passage.number: passage.text for passage in example.prompt.passages}
        (marker,) = take_apart(answer.text, shown).markers
        assert strip_markers(answer.text) in shown[marker.number]
        assert len(set(content_stems(example.prompt.question)) & set(content_stems(answer.text))) > 0


def test_the_same_seed_makes_the_same_and_the_order_of_passages_does_not_matter() -> None:
    made = extractive_examples(LIBRARY, finder(), each=1, seed=3)

    assert made == extractive_examples(LIBRARY[::-1], finder(), each=1, seed=3)
    assert made.examples != extractive_examples(LIBRARY, finder(), each=1, seed=4).examples
    assert len(extractive_examples(LIBRARY, finder(), most=2).examples) == 2


def test_what_does_not_survive_the_round_trip_is_left_out_with_the_reason() -> None:
    lost = extractive_examples(LIBRARY, lambda question: LIBRARY[:1], ask=lambda passage: "What of the handbook?")
    copies = extractive_examples(LIBRARY, finder(), ask=lambda passage: passage.text)
    silent = extractive_examples(LIBRARY, finder(), ask=lambda passage: " ")

    assert set(lost.left_out) >= {"searching for the question does not find the passage"}
    assert (copies.examples, set(copies.left_out)) == ((), {"the question repeats its answer"})
    assert (silent.examples, set(silent.left_out)) == ((), {"no question could be made"})


def test_who_asks_sees_one_sentence_with_its_title() -> None:
    seen: list[ShownPassage] = []

    def asker(passage: ShownPassage) -> str:
        seen.append(passage)
        return ""

    extractive_examples(LIBRARY[:1], finder(), ask=asker)

    assert {passage.text for passage in seen} <= set(PASSAGES[0].replace(". ", ".|").split("|"))
    assert {passage.title for passage in seen} == {"Handbook"}


def test_a_policy_that_answers_from_elsewhere_filters() -> None:
    def reply(prompt: Prompt) -> Answer:
        number = next((p.number for p in prompt.passages if p.chunk_id == "chk_3"), 0)
        return Answer(f"So. [{number}]", "v", "stop", Sampling(), None, 1)

    made = extractive_examples(LIBRARY, finder(), reply=reply)

    assert {take_apart(e.answers[0].text, {1, 2}).plain.strip() in MORE[0] for e in made.examples} == {True}
    assert made.left_out["the policy does not answer from the passage"] > 0


def test_the_same_question_about_other_documents_is_declined() -> None:
    made = extractive_examples(LIBRARY, finder(k=1), each=2).examples
    swapped = unanswerable(made, seed=1)

    assert len(swapped) >= len(made) // 2
    by_question = {example.prompt.question: example for example in made}
    for example in swapped:
        source = by_question[example.prompt.question]
        assert not example.documents & source.documents
        assert [answer.text for answer in example.answers] == [ABSTENTION]
        assert example.answers[0].abstained
        assert [(target.origin, target.weight) for target in example.targets] == [("rehearsal", 0.25)]
        assert [passage.number for passage in example.prompt.passages] == [1]
    assert unanswerable(made[::-1], seed=1)[::-1] == swapped


def test_searching_again_leaves_out_what_the_answer_cites() -> None:
    made = extractive_examples(LIBRARY, finder(), each=2).examples
    missing = unanswerable(made, seed=1, find=finder(k=4))

    assert missing
    by_question = {example.prompt.question: example for example in made}
    for example in missing:
        source = by_question[example.prompt.question]
        numbers = {passage.number: passage.document_id for passage in source.prompt.passages}
        (marker,) = take_apart(source.answers[0].text, numbers).markers
        assert numbers[marker.number] not in example.documents
        assert max(passage.score for passage in example.prompt.passages) >= 0


def test_a_passage_that_holds_the_answer_after_all_makes_no_unanswerable_question() -> None:
    twin = replace(LIBRARY[0], chunk_id="chk_twin", document_id="file-twin")
    made = extractive_examples((LIBRARY[0],), finder(), each=1).examples

    assert unanswerable(made, seed=0, find=finder((*LIBRARY, twin), k=3)) == ()
    assert unanswerable(made, seed=0) == ()
