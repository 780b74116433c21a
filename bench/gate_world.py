"""What the gate is tried on: XQuAD questions as the embedded policy reads them, and what a reward model sees of every
answer it could give.

Answers are one sentence long, so that a policy is a vector of weights and its accuracy a mean over questions. Readings
take minutes to make and are kept under `build/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.answers import plain
from bench.report import CACHE, DATA, ROOT
from retrieval.durable import make_directory, write_file_atomic
from retrieval.embed import DEFAULT_MODEL, load_embedder
from training.policy.base import Answer, Sampling
from training.policy.extractive import ExtractivePolicy
from training.policy.extractive.compose import written
from training.policy.extractive.questions import squad
from training.policy.extractive.recall import Recall
from training.reward.features.describe import Describer

KEPT = ROOT / "build" / "gate" / "readings.npz"
SHOWN = 8  # passages, as the service shows
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """Q questions with up to C candidate sentences each; absent ones are masked."""

    features: Floats  # (Q, C, F) what the policy knows of a sentence
    described: Floats  # (Q, C, D) what the reward model knows of the answer made of it
    right: npt.NDArray[np.bool_]  # (Q, C) it holds the gold answer
    there: npt.NDArray[np.bool_]  # (Q, C)
    words: Floats  # (Q, C) length of the answer
    group: npt.NDArray[np.int64]  # (Q,) article
    document: npt.NDArray[np.int64]  # (Q,) paragraph

    def chosen(self, weights: Floats) -> npt.NDArray[np.int64]:
        """Give the sentence that a policy with `(F,)` weights answers with, `(Q,)`."""
        best: npt.NDArray[np.int64] = np.where(self.there, self.features @ weights, -np.inf).argmax(axis=1)
        return best

    def chances(self, weights: Floats) -> Floats:
        """Give the chance of each sentence under a policy's softmax, `(Q, C)`."""
        scores = np.where(self.there, self.features @ weights, -np.inf)
        odds: Floats = np.exp(scores - scores.max(axis=1, keepdims=True))
        return odds / odds.sum(axis=1, keepdims=True)

    def hits(self, weights: Floats) -> npt.NDArray[np.bool_]:
        """Tell for which questions a policy answers rightly, `(Q,)`."""
        found: npt.NDArray[np.bool_] = self.right[np.arange(len(self.right)), self.chosen(weights)]
        return found


def load_world(path: Path = KEPT) -> World:
    """Give the readings, made when they are not kept yet."""
    if not path.exists():
        make_directory(path.parent)
        write_file_atomic(path, _made())
    documents = [min(question.rows) for question in squad(DATA / "qa" / "xquad.en.json").questions]
    with np.load(path) as kept:
        return World(**{name: kept[name] for name in kept.files}, document=np.array(documents))


def _made() -> bytes:
    from io import BytesIO

    embedder = load_embedder(DEFAULT_MODEL, cache_dir=CACHE)
    policy, describer = ExtractivePolicy(embedder), Describer(embedder)
    questions = squad(DATA / "qa" / "xquad.en.json")
    recall = Recall(embedder, questions.passages)
    prompts = recall.prompts([question.text for question in questions.questions], k=SHOWN)
    groups = {name: at for at, name in enumerate(sorted({q.group for q in questions.questions}))}
    features, described, right, words, group = [], [], [], [], []
    for question, (prompt, _) in zip(questions.questions, prompts, strict=True):
        reading = policy.read(prompt)
        assert reading is not None
        texts = [written(prompt, candidate) for candidate in reading.candidates]
        answers = [Answer(text, "any", "stop", Sampling(), None, 2) for text in texts]
        gold = plain(question.answer).strip(".")
        features.append(reading.features)
        described.append(describer.describe(prompt, answers))
        right.append([gold in plain(candidate.sentence.text) for candidate in reading.candidates])
        words.append([float(len(text.split()) - 1) for text in texts])
        group.append(groups[question.group])
    out = BytesIO()
    np.savez(
        out,
        features=_padded(features),
        described=_padded(described),
        right=_padded(right).astype(bool),
        there=_padded([np.ones(len(row)) for row in right]).astype(bool),
        words=_padded(words),
        group=np.array(group),
    )
    return out.getvalue()


def _padded(rows: list) -> Floats:  # type: ignore[type-arg]
    arrays = [np.asarray(row, np.float64) for row in rows]
    most = max(len(row) for row in arrays)
    made = np.zeros((len(arrays), most, *arrays[0].shape[1:]))
    for at, row in enumerate(arrays):
        made[at, : len(row)] = row
    return made
