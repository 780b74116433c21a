"""AI feedback: judgements of an automatic judge as preference records, under a written constitution (Bai et al. 2022,
arXiv 2212.08073; Lee et al. 2023, arXiv 2309.00267).

Off by default. A record is written only where both orders agree on a winner surely enough. Each is marked
`source="ai"`, names judge and constitution, and all of one judge have one voter: the caps and weights of the data sets
hold what models say down together, below what people say.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from training.evaluation.judge import Judge, JudgeError, Judgement, compare_all
from training.policy.base import Answer, Prompt
from training.records.types import JudgedAnswer, Record

SHIPPED_CONSTITUTION = Path(__file__).with_name("constitution.json")
REASON = "constitution"


@dataclass(frozen=True, slots=True)
class Constitution:
    """Written principles that a judge compares by."""

    title: str
    principles: dict[str, str]  # name -> what it says
    digest: str  # SHA-256 of its content, first 12 digits: named in every record

    @classmethod
    def load(cls, path: Path = SHIPPED_CONSTITUTION) -> Constitution:
        """Read one.

        Args:
            path: JSON with `format` 1, `title` and `principles`; the shipped one by default.

        Returns:
            The constitution; give its principles to a `ChatJudge` as criteria.

        Raises:
            ValueError: It is none, or has no principle.
        """
        data = json.loads(path.read_text(encoding="utf-8"))
        principles = data.get("principles") if isinstance(data, dict) and data.get("format") == 1 else None
        if not isinstance(principles, dict) or not principles:
            raise ValueError(f"{path} is no constitution of format 1 with principles")
        if not all(isinstance(text, str) and text.strip() for text in principles.values()):
            raise ValueError(f"{path}: every principle is a text")
        digest = hashlib.sha256(json.dumps(principles, sort_keys=True).encode()).hexdigest()[:12]
        return cls(str(data.get("title", "")), dict(principles), digest)


@dataclass(frozen=True, slots=True)
class FeedbackConfig:
    """Whether a judge's opinion may become records, and how sure it must be."""

    enabled: bool = False
    surest: float = 0.7  # chance of the winner, both orders averaged, from which on a pair counts
    most: int = 500  # records of one call
    at_once: int = 4


@dataclass(frozen=True, slots=True)
class Feedback:
    """Records, and why there are no more."""

    records: tuple[Record, ...]
    left_out: dict[str, int]  # reason -> pairs


def ask_for_feedback(
    judge: Judge,
    pairs: Sequence[tuple[str, Prompt, JudgedAnswer, JudgedAnswer]],
    constitution: Constitution,
    config: FeedbackConfig,
    *,
    now: float,
) -> Feedback:
    """Let a judge compare answers.

    Args:
        judge: Compares by the principles of the constitution.
        pairs: Prompt id, prompt, and two answers in the order in which they were shown.
        constitution: Named in the records.
        config: Off by default.
        now: Seconds since the epoch, for the records.

    Returns:
        One preference for each pair on which both orders agree surely enough; nothing where it is off.
    """
    if not config.enabled:
        return Feedback((), {"AI feedback is off": len(pairs)} if pairs else {})
    taken = pairs[: config.most]
    left: dict[str, int] = {"over the limit of one call": len(pairs) - len(taken)} if len(pairs) > len(taken) else {}
    items: list[tuple[Prompt, Answer, Answer]] = [(prompt, one.answer, two.answer) for _, prompt, one, two in taken]
    records = []
    for pair, found in zip(taken, compare_all(judge, items, at_once=config.at_once), strict=True):
        if reason := _unusable(found, config):
            left[reason] = left.get(reason, 0) + 1
        elif isinstance(found, Judgement):
            records.append(_record(judge.name, pair, found, constitution, now))
    return Feedback(tuple(records), left)


def _unusable(found: Judgement | JudgeError, config: FeedbackConfig) -> str:
    if isinstance(found, JudgeError):
        return f"no judgement: {type(found).__name__}"
    if not found.agreed:
        return "the orders disagree"
    if found.outcome == "tie":
        return "a tie"
    return "" if max(found.p_first, 1 - found.p_first) >= config.surest else "not sure enough"


def _record(
    judge: str,
    pair: tuple[str, Prompt, JudgedAnswer, JudgedAnswer],
    found: Judgement,
    constitution: Constitution,
    now: float,
) -> Record:
    prompt_id, prompt, first, second = pair
    named = [judge, constitution.digest, prompt_id, first.answer_id, second.answer_id]
    return Record(
        record_id="ai_"
        + hashlib.sha256(json.dumps(named).encode()).hexdigest()[:24],  # the same pair is the same record
        kind="preference",
        judged_at=now,
        voter=f"ai:{judge}",
        prompt_id=prompt_id,
        prompt=prompt,
        answers=(first, second),
        segment=prompt.segment,
        outcome="first" if found.outcome == "first" else "second",
        ranks=(1, 2) if found.outcome == "first" else (2, 1),
        reasons=(REASON, constitution.digest),
        comment=found.rationale[:1000],
        source="ai",
    )
