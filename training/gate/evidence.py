"""People's own judgements of just the answers that are compared: rare, and worth more than any judge."""

from __future__ import annotations

from collections.abc import Sequence

from training.datasets.examples import Example, PairOutcome
from training.gate.inputs import Direct, Row

_WINS: dict[PairOutcome, float] = {"first": 1.0, "second": 0.0, "tie": 0.5, "both_bad": 0.5}


def direct_evidence(rows: Sequence[Row], examples: Sequence[Example]) -> tuple[Direct, ...]:
    """Find comparisons in which one answer is what the candidate says now, and the other what the champion says.

    A thumb on one of the two says nothing about the other, so votes are not used.

    Args:
        rows: What both answered, by prompt.
        examples: Held-out judgements that the candidate did not learn from.

    Returns:
        One entry for each comparison of people, from the candidate's side.
    """
    said = {row.prompt_id: row for row in rows if row.changed}
    found = []
    for example in examples:
        row = said.get(example.prompt_id)
        if row is None:
            continue
        for pair in example.pairs:
            if pair.origin == "ai":
                continue  # a model's opinion is not direct evidence of people
            shown = (example.answers[pair.first].text, example.answers[pair.second].text)
            if shown == (row.candidate.text, row.champion.text):
                found.append(Direct(pair.voter, _WINS[pair.outcome], pair.weight))
            elif shown == (row.champion.text, row.candidate.text):
                found.append(Direct(pair.voter, 1.0 - _WINS[pair.outcome], pair.weight))
    return tuple(found)
