"""Questions with known answers, made from passages alone: something to learn from before anybody has voted.

A sentence of a passage is the answer; the question is made by rule, or by whatever writes one (`ask`). A question stays
only if it survives the round trip: searching for it finds the passage again, its words are not a copy of the sentence,
and, where a policy is given, the policy's answer cites the passage. `unanswerable` makes the counterpart: the same
question where no document holds the answer, to be declined.
"""

from __future__ import annotations

import hashlib
import math
from bisect import bisect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from training.citations.markers import strip_markers, take_apart
from training.datasets.asking import ask_by_rule, is_self_contained
from training.datasets.examples import Example, Target
from training.datasets.keys import question_key, text_key
from training.datasets.parts import chance_of
from training.policy.base import ABSTENTION, Answer, Prompt, Sampling, ShownPassage
from training.policy.extractive.candidates import Candidate, SentenceBook
from training.policy.extractive.compose import written
from training.words import content_stems

Find = Callable[[str], Sequence[ShownPassage]]  # what searching for a question shows, best first
Ask = Callable[[ShownPassage], str]  # a question that the passage's text answers; empty when there is none
Reply = Callable[[Prompt], Answer]
_COPIED = 0.6  # share of the sentence's content words that a question may repeat
_HELD = 0.7  # share of an answer's content words that makes a passage hold it
_DONORS = 8  # candidates compared when passages are swapped

NOT_FOUND = "searching for the question does not find the passage"
COPY = "the question repeats its answer"
NO_QUESTION = "no question could be made"
NOT_CITED = "the policy does not answer from the passage"
TWICE = "the same question was made before"


@dataclass(frozen=True)
class Synthetic:
    """Made examples, and how many were not made for which reason."""

    examples: tuple[Example, ...]
    left_out: Mapping[str, int]


def extractive_examples(
    passages: Sequence[ShownPassage],
    find: Find,
    *,
    ask: Ask | None = None,
    reply: Reply | None = None,
    most: int = 1_000,
    each: int = 2,
    weight: float = 0.25,
    seed: int = 0,
) -> Synthetic:
    """Make questions whose answer is one sentence.

    Args:
        passages: What was ingested.
        find: The search over it; its results become the prompt's passages, distractors included.
        ask: Writes a question for a passage whose `text` is only the sentence to be asked for, with the title and the
            headings of its passage; by rule where nothing is given. A language model may stand behind it.
        reply: A policy; a question stays only if its answer cites the passage.
        most: Examples to make.
        each: Most of them from one passage.
        weight: Of each target.
        seed: Another one asks for other sentences.

    Returns:
        The examples; each has one target of origin `synthetic`, and no voter.
    """
    book = SentenceBook()
    ask = ask or _ruled(passages)
    made: dict[str, Example] = {}
    left_out: Counter[str] = Counter()
    for passage, sentence in _sentences(passages, book, each, seed):
        if len(made) == most:
            break
        question = " ".join(ask(replace(passage, text=sentence, start=0)).split())
        example = _example(question, passage, sentence, find, book, weight) if question else NO_QUESTION
        if isinstance(example, Example) and reply is not None and not _cites(reply(example.prompt), example, passage):
            example = NOT_CITED
        if isinstance(example, str):
            left_out[example] += 1
        elif question_key(example.prompt) in made:
            left_out[TWICE] += 1
        else:
            made[question_key(example.prompt)] = example
    return Synthetic(tuple(made.values()), dict(left_out))


def unanswerable(
    examples: Sequence[Example], seed: int, *, find: Find | None = None, weight: float = 0.25
) -> tuple[Example, ...]:
    """Ask the same questions where no passage holds the answer: the right thing is to decline.

    With `find`, the passages are what searching still finds when the documents that the answers cite are missing, with
    real scores: that is what an unanswerable question looks like. Without it they come from another example that shares
    no document, the nearest in words of a few drawn ones; scores are the share of the question's words that they hold.

    Args:
        examples: Answerable ones; those that showed nothing give none.
        seed: Another one swaps otherwise.
        find: The search.
        weight: Of each target.

    Returns:
        At most one example for each, with one target of origin `rehearsal`; fewer where every passage at hand might
        hold the answer after all.
    """
    made = []
    ring = _Ring(() if find else examples, seed)
    for example in examples:
        if not example.prompt.passages:
            continue
        shown = _missing(example, find) if find else ring.swapped(example)
        if not shown or any(_holds(passage, answer) for passage in shown for answer in example.answers):
            continue
        numbered = tuple(replace(passage, number=number) for number, passage in enumerate(shown, 1))
        prompt = replace(example.prompt, passages=numbered)
        answer = Answer(ABSTENTION, "written", "stop", Sampling(), None, 0, abstained=True)
        target = Target(0, weight, "rehearsal")
        made.append(Example(f"una_{_digest(example.prompt_id, str(seed))}", prompt, (answer,), targets=(target,)))
    return tuple(made)


def _example(
    question: str, passage: ShownPassage, sentence: str, find: Find, book: SentenceBook, weight: float
) -> Example | str:
    """Give an example or the reason why there is none."""
    if _is_copy(question, sentence):
        return COPY
    shown = tuple(replace(found, number=number) for number, found in enumerate(find(question), 1))
    if all(found.chunk_id != passage.chunk_id for found in shown):
        return NOT_FOUND
    prompt = Prompt(question=question, passages=shown)
    wanted = text_key(sentence)
    for candidate in book.candidates(shown):
        if text_key(candidate.sentence.text) == wanted:
            return _answered(prompt, candidate, weight)
    return NOT_FOUND


def _answered(prompt: Prompt, candidate: Candidate, weight: float) -> Example:
    answer = Answer(written(prompt, candidate), "written", "stop", Sampling(), None, 0)
    prompt_id = f"syn_{_digest(prompt.question, answer.text)}"
    return Example(prompt_id, prompt, (answer,), targets=(Target(0, weight, "synthetic"),))


def _sentences(
    passages: Sequence[ShownPassage], book: SentenceBook, each: int, seed: int
) -> Iterator[tuple[ShownPassage, str]]:
    """Draw sentences that can stand alone, at most so many of a passage, in an order that the seed decides."""
    drawn = []
    for passage in passages:
        fit = [found.text for found in book.sentences(passage.text) if is_self_contained(strip_markers(found.text))]
        ordered = sorted(fit, key=lambda text: chance_of(seed, "sentence", passage.chunk_id, text))
        drawn += [(passage, text) for text in ordered[:each]]
    yield from sorted(drawn, key=lambda item: chance_of(seed, "turn", item[0].chunk_id, item[1]))


def _ruled(passages: Sequence[ShownPassage]) -> Ask:
    having = Counter(stem for passage in passages for stem in set(content_stems(passage.text)))

    def rarity(stem: str) -> float:
        return math.log((1 + len(passages)) / (1 + having[stem]))

    return lambda passage: ask_by_rule(passage, rarity)


def _is_copy(question: str, sentence: str) -> bool:
    asked, said = set(content_stems(question)), set(content_stems(sentence))
    return not asked or not said or len(asked & said) > _COPIED * len(said)


def _cites(answer: Answer, example: Example, passage: ShownPassage) -> bool:
    numbers = {shown.number: shown.chunk_id for shown in example.prompt.passages}
    return any(numbers[marker.number] == passage.chunk_id for marker in take_apart(answer.text, numbers).markers)


def _missing(example: Example, find: Find) -> Sequence[ShownPassage]:
    """Search again and leave out the documents that the answers cite; all that were shown where nothing is cited."""
    numbers = {passage.number: passage.document_id for passage in example.prompt.passages}
    cited = {
        numbers[marker.number] for answer in example.answers for marker in take_apart(answer.text, numbers).markers
    }
    return [found for found in find(example.prompt.query) if found.document_id not in (cited or example.documents)]


class _Ring:
    """Donors of passages in an order that the seed decides; each example begins to look at its own place."""

    def __init__(self, examples: Sequence[Example], seed: int) -> None:
        self._seed = seed
        placed = [(chance_of(seed, "donor", e.prompt_id), e) for e in examples if e.prompt.passages]
        self._donors = sorted(placed, key=lambda item: (item[0], item[1].prompt_id))
        self._documents = [donor.documents for _, donor in self._donors]
        self._stems: dict[str, frozenset[str]] = {}  # of a passage's text

    def swapped(self, example: Example) -> Sequence[ShownPassage]:
        """Take the passages of the donor nearest in words among the next few that share no document."""
        start = bisect(self._donors, chance_of(self._seed, "asker", example.prompt_id), key=lambda item: item[0])
        count, own = len(self._donors), example.documents
        places = ((start + step) % count for step in range(count))
        donors = [self._donors[i][1] for i in islice((i for i in places if not self._documents[i] & own), _DONORS)]
        asked = set(content_stems(example.prompt.query))

        def share(passage: ShownPassage) -> float:
            if passage.text not in self._stems:
                self._stems[passage.text] = frozenset(content_stems(passage.text))
            return len(asked & self._stems[passage.text]) / max(1, len(asked))

        best = max(donors, key=lambda d: (sum(map(share, d.prompt.passages)), d.prompt_id), default=None)
        scored = [
            replace(passage, score=share(passage), dense_score=share(passage), lexical_score=share(passage))
            for passage in (best.prompt.passages if best else ())
        ]
        return sorted(scored, key=lambda passage: -passage.score)


def _holds(passage: ShownPassage, answer: Answer) -> bool:
    """Tell whether a passage may hold an answer: it has most of its content words."""
    said = set(content_stems(strip_markers(answer.text)))
    return not answer.abstained and bool(said) and len(said & set(content_stems(passage.text))) > _HELD * len(said)


def _digest(*texts: str) -> str:
    return hashlib.blake2b("\0".join(texts).encode("utf-8", "surrogatepass"), digest_size=10).hexdigest()
