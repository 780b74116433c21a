"""Labelled questions from public data sets, in one shape, for fitting and measuring.

Every loader gives passages and, for each question, the rows that hold the answer and (where the data says so) the
answer itself.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retrieval.sentences import split_sentences
from training.words import content_stems

_CHUNK = 900  # characters; about what the product's chunks hold
_SAME_SENTENCE = 0.6  # F1 of content words at which two sentences count as one
_LIKELY_SENTENCE = 0.4


@dataclass(frozen=True)
class Labelled:
    """One question with its gold."""

    text: str
    rows: frozenset[int]  # passages that hold the answer
    group: str  # article it belongs to
    answer: str = ""  # a span of the passage; empty when unknown
    sentences: frozenset[str] = frozenset()  # sentences that answer it, where a span is not what is known


@dataclass
class QuestionSet:
    """Passages and the questions on them."""

    name: str
    passages: list[str] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)  # article of each passage
    questions: list[Labelled] = field(default_factory=list)

    def add(self, text: str, group: str, title: str = "") -> int:
        """Add a passage and give its row."""
        self.passages.append(text)
        self.groups.append(group)
        self.titles.append(title)
        return len(self.passages) - 1

    def rows_of(self, group: str) -> frozenset[int]:
        """Give every passage of an article."""
        return frozenset(row for row, name in enumerate(self.groups) if name == group)


def squad(path: Path) -> QuestionSet:
    """Read a SQuAD-format file whose paragraphs are passages."""
    made = QuestionSet(path.stem)
    for number, article in enumerate(json.loads(path.read_text())["data"]):
        group = str(article.get("title", number))
        for paragraph in article["paragraphs"]:
            row = made.add(paragraph["context"], group)
            for qa in paragraph["qas"]:
                made.questions.append(Labelled(qa["question"], frozenset({row}), group, qa["answers"][0]["text"]))
    return made


def covidqa(path: Path, *, held_out: bool = False) -> QuestionSet:
    """Read the half of COVID-QA's articles that may be trained on, or the other one, cut into passages; wrong offsets
    are not used.
    """
    made = QuestionSet("covidqa (the other half)" if held_out else "covidqa (half of the articles)")
    for article in json.loads(path.read_text())["data"]:
        for paragraph in article["paragraphs"]:
            group = str(paragraph["document_id"])
            if int(hashlib.sha256(group.encode()).hexdigest(), 16) % 2 != held_out:
                continue
            rows = [made.add(text, group) for text in _cut(paragraph["context"])]
            for qa in paragraph["qas"]:
                answer = qa["answers"][0]["text"].strip()
                gold = frozenset(row for row in rows if answer in made.passages[row])
                if gold:
                    made.questions.append(Labelled(qa["question"].strip(), gold, group, answer))
    return made


def beir(folder: Path) -> QuestionSet:
    """Read a folder of corpus, queries and qrels; an article is a title."""
    made = QuestionSet(folder.name)
    rows = {r["_id"]: made.add(r["text"], r["title"], r["title"]) for r in _lines(folder / "corpus.jsonl")}
    texts = {r["_id"]: r["text"] for r in _lines(folder / "queries.jsonl")}
    gold: dict[str, set[int]] = {}
    for line in (folder / "qrels.tsv").read_text().splitlines()[1:]:
        query, document, relevant = line.split("\t")
        if int(relevant) > 0:
            gold.setdefault(query, set()).add(rows[document])
    for query, found in gold.items():
        made.questions.append(Labelled(texts[query], frozenset(found), made.groups[min(found)]))
    return made


def asqa(path: Path) -> QuestionSet:
    """Read the corrected long answers of fine-grained ASQA; a passage's sentence is gold when a sentence of the answer
    says the same.
    """
    made = QuestionSet("finegrained_asqa")
    known: dict[str, int] = {}
    for record in _lines(path):
        group = record["id"]
        rows = set()
        for passage in record["passages"]:
            text = passage["text"]
            if text not in known:
                known[text] = made.add(text, group)
            rows.add(known[text])
        wanted = [
            Counter(content_stems(text[start:end]))
            for text in (record["gold"], record["corrected"])
            for start, end in split_sentences(text)
        ]
        scored = sorted(
            ((_f1(sentence, wanted), sentence) for row in rows for sentence in _sentences(made.passages[row])),
            reverse=True,
        )
        gold = {sentence for score, sentence in scored if score > _SAME_SENTENCE}
        gold |= {sentence for score, sentence in scored[:1] if score > _LIKELY_SENTENCE}
        if gold:
            made.questions.append(Labelled(record["question"], frozenset(rows), group, sentences=frozenset(gold)))
    return made


def _cut(text: str) -> Iterator[str]:
    start = end = None
    for left, right in split_sentences(text):
        if start is None:
            start = left
        elif end is not None and right - start > _CHUNK:
            yield text[start:end]
            start = left
        end = right
    if start is not None:
        yield text[start:end]


def _sentences(text: str) -> Iterator[str]:
    return (text[start:end] for start, end in split_sentences(text))


def _f1(sentence: str, wanted: list[Counter[str]]) -> float:
    said = Counter(content_stems(sentence))
    if said.total() < 3:
        return 0.0
    return max((2 * (said & other).total() / (said.total() + other.total()) for other in wanted), default=0.0)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open() as lines:
        for line in lines:
            yield json.loads(line)
