"""A world where the true reward is known: questions with gold answers, noisy comparisons of real answers, and a reward
model that has seen nothing but those.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.report import DATA
from retrieval.embed import Embedder
from training.datasets.examples import Example, Pair
from training.policy.base import Answer, Prompt, Sampling
from training.policy.extractive import ExtractivePolicy
from training.policy.extractive.pointer import Reading
from training.policy.extractive.questions import squad
from training.policy.extractive.recall import Recall
from training.reward.base import RewardModel, Scores

SHOWN = 8  # passages, as the service shows
FLIPPED = 0.25  # of comparisons: people agree with each other about three times out of four
_VOTERS = 60


@dataclass(frozen=True)
class Question:
    """A question, what was found for it, and what answers it."""

    prompt: Prompt
    answer: str
    group: str  # the article


def questions_of(encoder: Embedder) -> list[Question]:
    """Search all paragraphs of XQuAD (English) for every question."""
    found = squad(DATA / "qa" / "xquad.en.json")
    prompts = Recall(encoder, found.passages).prompts([q.text for q in found.questions], SHOWN)
    return [Question(p, q.answer, q.group) for q, (p, _) in zip(found.questions, prompts, strict=True)]


def deal(questions: Sequence[Question], seed: int) -> tuple[list[Question], list[Question]]:
    """Deal the articles out: half to train on and half to measure on; questions shuffled."""
    rng = random.Random(f"articles {seed}")
    groups = sorted({question.group for question in questions})
    taken = set(rng.sample(groups, len(groups) // 2))
    ours = [question for question in questions if question.group in taken]
    others = [question for question in questions if question.group not in taken]
    rng.shuffle(ours)
    rng.shuffle(others)
    return ours, others


class Reader(ExtractivePolicy):
    """The policy, remembering how it read each prompt: what a residual changes comes after reading."""

    known: dict[tuple[Prompt, tuple[int, ...]], Reading | None] = {}  # of all instances

    def read(self, prompt: Prompt, include: Sequence[int] = ()) -> Reading | None:
        """Describe a prompt, once."""
        key = prompt, tuple(include)
        if key not in self.known:
            self.known[key] = super().read(prompt, include)
        return self.known[key]

    def gold(self, question: Question, answer: Answer) -> float:
        """Give the true reward: 1 where the first sentence holds the gold answer, a half where a later one does."""
        sentences = self.candidates(question.prompt)
        said = [_plain(question.answer) in _plain(sentences[index].sentence.text) for index in answer.actions[:-1]]
        return (1.0 if said[0] else 0.5 * any(said)) if said else 0.0


def comparisons(policy: Reader, questions: Sequence[Question], count: int, seed: int) -> list[Example]:
    """Compare two different answers to each question by their gold; equals by a coin, and a quarter wrongly."""
    rng = random.Random(f"comparisons {seed}")
    made = []
    for number, question in enumerate(rng.sample(questions, count)):
        sampling = Sampling(temperature=1.0, seed=rng.randrange(2**31))
        (answers,) = policy.sample([question.prompt], 2, sampling)
        first, second = (policy.gold(question, answer) for answer in answers)
        better = first > second if first != second else rng.random() < 0.5
        better = better != (rng.random() < FLIPPED)
        voter = f"voter-{rng.randrange(_VOTERS)}"
        pair = Pair(0, 1, "first" if better else "second", 1.0, voter)
        made.append(Example(f"p{number}", question.prompt, tuple(answers), (pair,)))
    return made


class Remembered:
    """A reward model that scores each answer once; with `head`, one member of the ensemble alone."""

    def __init__(self, model: RewardModel) -> None:
        self._model = model
        self._head: int | None = None
        self._known: dict[tuple[Prompt, tuple[int, ...]], npt.NDArray[np.float32]] = {}

    def alone(self, head: int) -> Remembered:
        """Give one head, which is always sure of itself; what is known is shared."""
        one = Remembered(self._model)
        one._head, one._known = head, self._known
        return one

    @property
    def version(self) -> str:
        """Name of the model and the head."""
        return f"{self._model.version}-{self._head}"

    def score(self, prompts: Sequence[Prompt], answers: Sequence[Sequence[Answer]]) -> list[Scores]:
        """Score the answers of each prompt."""
        return [Scores(self._heads(prompt, group)) for prompt, group in zip(prompts, answers, strict=True)]

    def _heads(self, prompt: Prompt, group: Sequence[Answer]) -> npt.NDArray[np.float32]:
        new = {answer.actions: answer for answer in group if (prompt, answer.actions) not in self._known}
        if new:
            (scores,) = self._model.score([prompt], [list(new.values())])
            self._known.update(((prompt, actions), row) for actions, row in zip(new, scores.heads, strict=True))
        heads = np.stack([self._known[prompt, answer.actions] for answer in group])
        return heads if self._head is None else heads[:, [self._head]]


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold().strip(" .")
