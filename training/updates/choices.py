"""From the text of an answer to the sentences that the embedded policy would have chosen to say it.

A recorded answer of the policy itself has its actions. A person's correction, or the answer of another model, has only
text; each of its sentences is taken for the sentence of the passages that shares most of its words with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from retrieval.sentences import split_sentences
from training.citations import is_abstention
from training.citations.markers import take_apart
from training.policy.base import ABSTENTION, Answer, Prompt
from training.policy.extractive.candidates import Candidate
from training.policy.extractive.compose import in_order, written
from training.policy.extractive.pointer import STOP
from training.updates.trainable import CannotScore
from training.words import content_stems

CLOSE_ENOUGH = 0.5  # F1 of content words: half of either sentence is in the other


def choices(prompt: Prompt, answer: Answer, candidates: Sequence[Candidate], most_sentences: int) -> tuple[int, ...]:
    """Give the actions that say what an answer says.

    Args:
        prompt: What was asked and shown.
        answer: Recorded by the policy, written by a person, or written by another model.
        candidates: All sentences of the passages, in the order that actions count them.
        most_sentences: Longest answer of the policy.

    Returns:
        Indices into the candidates, then STOP; STOP alone for an abstention.

    Raises:
        CannotScore: The passages do not hold what the answer says, or it is too long.
    """
    if _is_own(prompt, answer, candidates):
        return answer.actions
    plain = take_apart(answer.text, {passage.number for passage in prompt.passages}).plain
    if answer.abstained or (plain.strip() and is_abstention(plain)):
        return (STOP,)
    taken: list[int] = []
    for start, end in split_sentences(plain):
        stems = Counter(content_stems(plain[start:end]))
        if not stems:
            continue
        place, closeness = _closest(stems, candidates)
        if closeness < CLOSE_ENOUGH:
            raise CannotScore("no sentence of the passages says what the answer says")
        if place not in taken:
            taken.append(place)
    if not taken:
        raise CannotScore("the answer has no words to look for")
    if len(taken) > most_sentences:
        raise CannotScore(f"the answer has more than {most_sentences} sentences")
    return (*taken, STOP)


def _is_own(prompt: Prompt, answer: Answer, candidates: Sequence[Candidate]) -> bool:
    """Tell whether the recorded actions are sentence choices, and still mean the recorded text."""
    *chosen, last = answer.actions or (0,)
    if last != STOP or len(set(chosen)) < len(chosen) or not all(0 <= index < len(candidates) for index in chosen):
        return False
    if not chosen:
        return answer.abstained or answer.text == ABSTENTION
    said = " ".join(written(prompt, candidate) for candidate in in_order([candidates[index] for index in chosen]))
    return said == answer.text


def _closest(stems: Counter[str], candidates: Sequence[Candidate]) -> tuple[int, float]:
    """Give the candidate with the highest F1 of content words, the first of equals, and that F1."""
    size = stems.total()
    best, highest = 0, 0.0
    for place, candidate in enumerate(candidates):
        theirs = Counter(candidate.sentence.stems)
        shared = (stems & theirs).total()
        f1 = 2 * shared / (size + theirs.total()) if shared else 0.0
        if f1 > highest:
            best, highest = place, f1
    return best, highest
