"""Follow-up questions over a table of dialogues."""

from __future__ import annotations

import pytest

from service.chat.followup import resolve
from training.policy.base import ABSTENTION, Turn

ANSWER = "> "  # marks what the assistant said

DIALOGUES = [
    # The pronoun stands for the topic of the question before.
    (["What is Groundloop?"], "How do I install it?", "How do I install Groundloop?"),
    (["Who founded Acme Corp?"], "When did it open?", "When did Acme Corp open?"),
    (["Who founded Acme Corp?"], "What are its main products?", "What are Acme Corp's main products?"),
    (["What is the warranty on the X200 pump?"], "How do I clean it?", "How do I clean the X200 pump?"),
    (["What are the symptoms of measles?"], "How are they treated?", "How are measles treated?"),
    (["Where did Super Bowl 50 take place?"], "Who won it?", "Who won Super Bowl 50?"),
    (["What does `appendfsync` do?"], "What is its default?", "What is appendfsync's default?"),
    # A person may have been named by the answer.
    (["Who wrote the annual report?", "> Marie Curie wrote it."], "When was she born?", "When was Marie Curie born?"),
    # What varies the question before is put into it.
    (["What is the retention period in Germany?"], "And in France?", "What is the retention period in France?"),
    (["What is the retention period in Germany?"], "What about France?", "What is the retention period in France?"),
    (["How long is quarantine for cats?"], "What about dogs?", "How long is quarantine for dogs?"),
    (["Who invented the telephone?"], "What about the radio?", "Who invented the radio?"),
    (["Who is the CEO of Acme?"], "What about Globex?", "Who is the CEO of Globex?"),
    (["What are the symptoms of measles?"], "And mumps?", "What are the symptoms of mumps?"),
    (["What are the symptoms of measles?"], "What about in adults?", "What are the symptoms of measles in adults?"),
    (["When does the office in Berlin open?"], "And in Munich?", "When does the office in Munich open?"),
    # Each question is resolved against the one before, already resolved.
    (
        ["What is Groundloop?", "> A server.", "How do I install it?"],
        "And on Windows?",
        "How do I install Groundloop on Windows?",
    ),
    # Where no place is certain, both are searched for together.
    (
        ["How long is quarantine for cats in Germany?"],
        "What about dogs?",
        "How long is quarantine for cats in Germany? dogs?",
    ),
    (["Who founded Acme Corp?"], "Why?", "Who founded Acme Corp? Why?"),
    (["Who founded Acme Corp?"], "Tell me more.", "Who founded Acme Corp? Tell me more."),
    (["Which plans exist?"], "What does the second one cost?", "Which plans exist? What does the second one cost?"),
    (["Can I request a refund?"], "How long does that take?", "Can I request a refund? How long does that take?"),
    (["Wie lange dauert die Quarantäne?"], "Und für Hunde?", "Wie lange dauert die Quarantäne? Und für Hunde?"),
]

STANDALONE = [
    ([], "How do I install it?"),
    (["Who founded Acme Corp?"], "What is the capital of France?"),
    (["Who founded Acme Corp?"], "Is it possible to reset my password?"),
    (["Who founded Acme Corp?"], "If the server crashes, how do I restart it?"),
    (["Who founded Acme Corp?"], "Does the rule that limits meals apply to interns?"),
    (["vacation policy"], "sick leave"),
    (["Who founded Acme Corp?"], "it " * 200),
]


def turns(texts: list[str]) -> list[Turn]:
    return [Turn("assistant", text[2:]) if text.startswith(ANSWER) else Turn("user", text) for text in texts]


@pytest.mark.parametrize(("history", "question", "wanted"), DIALOGUES, ids=lambda value: str(value)[-40:])
def test_follow_ups_become_self_contained(history: list[str], question: str, wanted: str) -> None:
    resolution = resolve(question, turns(history))
    assert resolution.text == wanted
    assert resolution.kind != "standalone"


@pytest.mark.parametrize(("history", "question"), STANDALONE, ids=lambda value: str(value)[-40:])
def test_other_questions_are_left_alone(history: list[str], question: str) -> None:
    resolution = resolve(question, turns(history))
    assert (resolution.text, resolution.kind) == (question, "standalone")


def test_an_abstention_names_nobody() -> None:
    history = [Turn("user", "Who leads the Berlin office?"), Turn("assistant", ABSTENTION)]
    assert "could not find" not in resolve("How old is she?", history).text


def test_pasted_text_costs_no_time() -> None:
    long = "The Quick Brown Fox of the the the " * 20_000
    assert resolve("And in France?", [Turn("user", long), Turn("assistant", long), Turn("user", "Why it?")]).text
