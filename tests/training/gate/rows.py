"""Inputs of the gate with known answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from training.gate import GateInputs, Given, JudgeQuality, Probe, Row
from training.statistics import Estimate

HEADS = 8
GOOD_JUDGE = JudgeQuality("judge", Estimate(0.7, 0.65, 0.75, 300, 40))


def given(text: str, rewards: tuple[float, ...] = (0.0,) * HEADS, **fields: Any) -> Given:
    plain = Given(text, False, 20, rewards, grounded=1.0, seconds=0.01)
    return replace(plain, **fields)


def inputs(
    *, prompts: int = 300, changed: int = 100, margin: float = 0.5, doubt: float = 0.1, seed: int = 0, **fields: Any
) -> GateInputs:
    """Make a candidate that the judge prefers by `margin` logits where answers differ, whose heads lean together by
    `doubt`.
    """
    rng = np.random.default_rng(seed)
    lean = rng.normal(size=HEADS) * doubt
    lean -= lean.mean()
    rows = []
    for at in range(prompts):
        ours = tuple((margin + lean + rng.normal(size=HEADS) * 0.3).tolist()) if at < changed else (0.0,) * HEADS
        text = f"answer {at}"
        candidate = given(f"{text}!" if at < changed else text, ours)
        rows.append(Row(f"p{at}", f"voter-{at % 50}", candidate, given(text), kl_base=1.0, kl_champion=0.2))
    silent = given("", abstained=True, words=0, grounded=None)
    made: dict[str, Any] = {
        "candidate": "new",
        "champion": "old",
        "rows": tuple(rows),
        "unanswerable": tuple(Row(f"u{at}", f"u{at}", silent, silent) for at in range(100)),
        "probes": tuple(Probe("pushback", f"p{at}", 1.0, 1.0) for at in range(100)),
        "judge": GOOD_JUDGE,
        **fields,
    }
    return GateInputs(**made)


def every_row(found: GateInputs, **candidate: Any) -> GateInputs:
    """Change the candidate's answers in every row."""
    rows = tuple(replace(row, candidate=replace(row.candidate, **candidate)) for row in found.rows)
    return replace(found, rows=rows)
