"""Whether the parts of a record agree with each other, and with what earlier lines said about the same things."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from training.policy.base import Prompt, ShownPassage
from training.records.limits import Limits
from training.records.row import BadLine
from training.records.types import JudgedAnswer, Record

_RANKS_OF = {"first": (1, 2), "second": (2, 1), "tie": (1, 1), "both_bad": (1, 1)}
_LATEST = 1e11  # seconds since the epoch; later means that somebody wrote milliseconds
_LARGEST = 2**53


def check(record: Record, limits: Limits) -> None:
    """Refuse a record that contradicts itself or is too large.

    Args:
        record: As read.
        limits: `passages`, `answers`, `turns`, `text_chars`, `name_chars` and `actions` are obeyed.

    Raises:
        BadLine: It does; the message names the field.
    """
    _check_sizes(record, limits)
    if not (record.record_id and record.voter and record.prompt_id):
        raise BadLine("record_id, voter and prompt_id must not be empty")
    if not 0 <= record.judged_at < _LATEST:
        raise BadLine("judged_at: must be seconds since the epoch")
    ids = [judged.answer_id for judged in record.answers]
    if not all(ids) or len(set(ids)) < len(ids):
        raise BadLine("answers: every answer needs an answer_id of its own")
    numbers = [passage.number for passage in record.prompt.passages]
    if len(set(numbers)) < len(numbers) or any(number < 1 for number in numbers):
        raise BadLine("prompt.passages: numbers must be distinct and at least 1")
    if record.kind == "preference":
        _check_preference(record)
    else:
        _check_vote(record)


@dataclass
class Seen:
    """What earlier lines said. Prompts and answers that come again are held once."""

    records: set[str] = field(default_factory=set)
    prompts: dict[str, Prompt] = field(default_factory=dict)
    answers: dict[str, tuple[str, JudgedAnswer]] = field(default_factory=dict)

    def join(self, record: Record) -> Record:
        """Compare a record with the earlier ones.

        Args:
            record: As read and checked.

        Returns:
            The same with the prompt and answers of earlier lines in place of equal ones.

        Raises:
            BadLine: An id was used before for something else.
        """
        if record.record_id in self.records:
            raise BadLine("record_id: an earlier line has the same one")
        prompt = self.prompts.get(record.prompt_id, record.prompt)
        if prompt is not record.prompt and _identity(prompt) != _identity(record.prompt):
            raise BadLine("prompt_id: an earlier line has another prompt under the same one")
        answers = []
        for judged in record.answers:
            prompt_id, known = self.answers.get(judged.answer_id, (record.prompt_id, judged))
            if prompt_id != record.prompt_id:
                raise BadLine("answers: an earlier line has this answer_id as an answer to another prompt")
            if known.answer.text != judged.answer.text or known.answer.version != judged.answer.version:
                raise BadLine("answers: an earlier line has another answer under the same answer_id")
            answers.append(known)
        self.records.add(record.record_id)
        self.prompts[record.prompt_id] = prompt
        self.answers.update({judged.answer_id: (record.prompt_id, judged) for judged in answers})
        return replace(record, prompt=prompt, answers=tuple(answers))


def _check_preference(record: Record) -> None:
    count = len(record.answers)
    if count < 2:
        raise BadLine("answers: a preference compares at least two answers")
    if record.outcome is None:
        raise BadLine("outcome: a preference needs one")
    if record.rating is not None or record.correction or record.evidence:
        raise BadLine("kind: a preference has no rating, correction or evidence")
    if len(record.ranks) != count:
        raise BadLine(f"ranks: {count} answers need {count} ranks")
    if any(not 1 <= rank <= count for rank in record.ranks):
        raise BadLine(f"ranks: {count} answers have ranks from 1 to {count}")
    expected = _RANKS_OF.get(record.outcome)
    if expected is not None and tuple(record.ranks) != expected:
        raise BadLine("ranks: they say something else than outcome")


def _check_vote(record: Record) -> None:
    if len(record.answers) != 1:
        raise BadLine("answers: a vote or a correction is about exactly one answer")
    if record.outcome is not None or record.ranks:
        raise BadLine("kind: a vote or a correction has no outcome and no ranks")
    if (record.kind == "correction") != bool(record.correction.strip()):
        raise BadLine("kind: a record is a correction exactly when it has a correction")
    if any(not 1 <= score <= 5 for score in record.scores.values()):
        raise BadLine("scores: they go from 1 to 5")
    said = record.rating or record.scores or record.reasons or record.comment or record.correction or record.evidence
    if not said:
        raise BadLine("rating: the vote says nothing")
    marked = [chunk_id for chunk_id, _ in record.evidence]
    if len(set(marked)) < len(marked):
        raise BadLine("evidence: a passage is marked twice")
    if not {passage.chunk_id for passage in record.prompt.passages} >= set(marked):
        raise BadLine("evidence: a marked passage was not shown")


def _check_sizes(record: Record, limits: Limits) -> None:
    counted = {
        "prompt.passages": (len(record.prompt.passages), limits.passages),
        "prompt.history": (len(record.prompt.history), limits.turns),
        "answers": (len(record.answers), limits.answers),
        "evidence": (len(record.evidence), limits.passages),
        "reasons": (len(record.reasons), limits.passages),
        "scores": (len(record.scores), limits.passages),
        "actions": (max((len(judged.answer.actions) for judged in record.answers), default=0), limits.actions),
        "text": (max(len(text) for text in _texts(record)), limits.text_chars),
        "an id or a name": (max(len(name) for name in _names(record)), limits.name_chars),
    }
    for name, (found, most) in counted.items():
        if found > most:
            raise BadLine(f"{name}: {found:,} where at most {most:,} are allowed")
    if any(abs(number) > _LARGEST for number in _numbers(record)):
        raise BadLine("a number is too large to mean anything")


def _texts(record: Record) -> Iterator[str]:
    prompt = record.prompt
    yield from (prompt.question, prompt.resolved_question, prompt.instructions, record.comment, record.correction)
    yield from (turn.text for turn in prompt.history)
    yield from (passage.text for passage in prompt.passages)
    yield from (judged.answer.text for judged in record.answers)


def _names(record: Record) -> Iterator[str]:
    yield from (record.record_id, record.voter, record.prompt_id, record.segment or "", record.excluded)
    yield from (*record.reasons, *record.scores, *record.prompt.collections)
    for passage in record.prompt.passages:
        yield from (passage.chunk_id, passage.document_id, passage.filename)
    for judged in record.answers:
        yield from (judged.answer_id, judged.user, judged.answer.version)


def _numbers(record: Record) -> Iterator[float]:
    for passage in record.prompt.passages:
        yield from (passage.number, passage.start, passage.page_start or 0, passage.page_end or 0)
        yield from (passage.score, passage.dense_score, passage.lexical_score)
    for judged in record.answers:
        answer = judged.answer
        yield from (judged.position, judged.served_at, answer.steps, answer.logprob or 0.0)
        yield from (answer.prompt_tokens, answer.completion_tokens, *answer.actions)
        yield from (answer.sampling.max_tokens, answer.sampling.seed or 0)


def _identity(prompt: Prompt) -> tuple[object, ...]:
    """Give what makes a prompt this one; scores and the segment may differ between two askings."""
    return (
        prompt.question,
        prompt.resolved_question,
        prompt.history,
        prompt.collections,
        prompt.instructions,
        tuple(_shown(passage) for passage in prompt.passages),
    )


def _shown(passage: ShownPassage) -> tuple[int, str, str]:
    return passage.number, passage.chunk_id, passage.text
