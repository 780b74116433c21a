"""XQuAD through the whole pipeline: 240 paragraphs in a real catalog and index, every question searched among all of
them.

Shared by the benchmarks of answers and of abstention. What is made absent is filtered out by the search itself, as if
it had never been ingested.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from bench.report import DATA
from retrieval.catalog import Catalog
from retrieval.embed import Embedder, QueryEncoder
from retrieval.filters import parse_filter
from retrieval.index.build import build_generation
from retrieval.search import Searcher
from retrieval.types import Block, Caller, ChunkDraft, ParsedDocument
from training.policy.base import Prompt, ShownPassage
from training.policy.extractive.questions import Labelled, QuestionSet, squad

Absent = Literal["", "passage", "article"]
_OPERATOR = Caller(reads_all=True)
_DRAWS = 2000


class Yardstick:
    """The questions, and the prompts that search makes of them."""

    def __init__(self, questions: QuestionSet, searcher: Searcher, shown: int) -> None:
        self.questions = questions.questions
        self._searcher = searcher
        self._shown = shown

    def prompt(self, question: Labelled, absent: Absent = "") -> tuple[Prompt, bool]:
        """Search for a question; also tell whether a gold passage was found."""
        (gold,) = question.rows
        unwanted = {"": None, "passage": ("row", str(gold)), "article": ("article", question.group)}[absent]
        filters = parse_filter({"type": "ne", "key": unwanted[0], "value": unwanted[1]}) if unwanted else None
        found = self._searcher.search(_OPERATOR, question.text, k=self._shown, filters=filters)
        passages = tuple(
            ShownPassage(
                number=number,
                chunk_id=passage.chunk_id,
                document_id=passage.document_id,
                title=passage.title,
                text=passage.text,
                score=passage.score,
                dense_score=passage.dense_score,
                lexical_score=passage.lexical_score,
                filename=passage.filename,
                start=passage.start,
            )
            for number, passage in enumerate(found, 1)
        )
        return Prompt(question.text, passages), any(p.attributes["row"] == str(gold) for p in found)


@contextmanager
def open_yardstick(embedder: Embedder, shown: int, most: int | None = None) -> Iterator[Yardstick]:
    """Ingest the paragraphs, one document each, and give the yardstick; `most` takes about so many questions."""
    questions = squad(DATA / "qa" / "xquad.en.json")
    if most is not None:
        questions.questions = questions.questions[:: max(len(questions.questions) // most, 1)]
    encoder = QueryEncoder(embedder)
    with TemporaryDirectory() as home:
        catalog = Catalog.open(Path(home))
        _fill(catalog, questions, embedder)
        build_generation(catalog, "xquad", Path(home) / "indexes")
        with Searcher(catalog, Path(home) / "indexes", lambda _model: encoder) as searcher:
            yield Yardstick(questions, searcher, shown)
        catalog.close()
    encoder.close()


def interval(values: Sequence[float], groups: Sequence[str], measure: Callable[[list[float]], float]) -> str:
    """Give a measure with its 95 % interval, bootstrapped over articles: their questions are not independent."""
    by_group: dict[str, list[float]] = {}
    for value, group in zip(values, groups, strict=True):
        by_group.setdefault(group, []).append(value)
    rng, names = random.Random(0), sorted(by_group)
    drawn = sorted(
        measure([value for name in rng.choices(names, k=len(names)) for value in by_group[name]]) for _ in range(_DRAWS)
    )
    low, high = drawn[int(0.025 * _DRAWS)], drawn[int(0.975 * _DRAWS)]
    return f"{measure(list(values)):.3f} ({low:.3f}-{high:.3f})"


def _fill(catalog: Catalog, questions: QuestionSet, embedder: Embedder) -> None:
    catalog.create_collection("xquad", collection_id="xquad", embedding_model=embedder.model_name)
    vectors = embedder.encode(questions.passages)
    for row, text in enumerate(questions.passages):
        staged = catalog.stage_upload()
        staged.write_text(f"{row}\n{text}", encoding="utf-8")
        file = catalog.add_file(staged, filename=f"paragraph-{row}.txt", purpose="assistants", owner="key:bench")
        attributes = {"row": str(row), "article": questions.groups[row]}
        catalog.attach(_OPERATOR, "xquad", file.file_id, attributes=attributes)
        (claim,) = catalog.claim("bench", lease_s=600)
        parsed = ParsedDocument(text, (Block("paragraph", 0, len(text)),))
        catalog.complete(claim, parsed, [ChunkDraft(text, 0, len(text))], vectors[row : row + 1])
