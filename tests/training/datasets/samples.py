"""Records to build examples from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.training.conftest import PASSAGES
from training.policy.base import Answer, Prompt, Sampling, ShownPassage
from training.records.types import JudgedAnswer, Record

NOW = 1_800_000_000.0
DAY_S = 86_400.0


def make_shown(question: str, documents: tuple[str, ...] = ("file-1", "file-2"), **changes: Any) -> Prompt:
    """Show one passage of each document."""
    passages = tuple(
        ShownPassage(number, f"chk_{name}", name, "Handbook", PASSAGES[number % len(PASSAGES)], 1 / number)
        for number, name in enumerate(documents, 1)
    )
    return replace(Prompt(question=question, passages=passages), **changes)


def make_judged(text: str, prompt_id: str = "p1", position: int = 0, **changes: Any) -> JudgedAnswer:
    """Serve an answer; its id is made of the prompt and the text."""
    answer = replace(Answer(text, "base-1", "stop", Sampling(), -1.0, 2), **changes)
    return JudgedAnswer(f"ans_{prompt_id}_{text[:40]}", answer, "key:asker", position, NOW - 2 * DAY_S)


def make_vote(
    rating: str | None, text: str = "Yes. [1]", *, voter: str = "v1", prompt_id: str = "p1", **changes: Any
) -> Record:
    """Vote on one answer."""
    record = Record(
        record_id=f"{voter}-{prompt_id}-{text[:40]}-{rating}",
        kind="correction" if changes.get("correction") else "vote",
        judged_at=NOW - DAY_S,
        voter=voter,
        prompt_id=prompt_id,
        prompt=make_shown(f"Question {prompt_id}?"),
        answers=(make_judged(text, prompt_id),),
        rating=rating,  # type: ignore[arg-type]
    )
    return replace(record, **changes)


def make_preference(
    ranks: tuple[int, ...],
    texts: tuple[str, ...] = ("Yes. [1]", "No. [2]", "Maybe.", "Ask."),
    *,
    outcome: str | None = None,
    voter: str = "v1",
    prompt_id: str = "p1",
    **changes: Any,
) -> Record:
    """Compare answers."""
    said: dict[tuple[int, ...], str] = {(1, 2): "first", (2, 1): "second", (1, 1): "tie"}
    record = Record(
        record_id=f"{voter}-{prompt_id}-{ranks}-{outcome}",
        kind="preference",
        judged_at=NOW - DAY_S,
        voter=voter,
        prompt_id=prompt_id,
        prompt=make_shown(f"Question {prompt_id}?"),
        answers=tuple(make_judged(text, prompt_id, place) for place, text in enumerate(texts[: len(ranks)])),
        outcome=outcome or said.get(ranks, "ranked"),  # type: ignore[arg-type]
        ranks=ranks,
    )
    return replace(record, **changes)
