"""Real passages and questions for the benchmarks, from the shared data folder."""

from __future__ import annotations

import json
import re
from pathlib import Path

from bench.report import DATA

RETRIEVAL_SETS = ("feedbackqa_cdc", "feedbackqa_who", "multihop_hotpotqa", "xquad_en")
PASSAGE_CHARS = 600


def _lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def questions(limit: int | None = None) -> list[str]:
    """Give the questions of every retrieval set, interleaved so that neighbours come from different sets."""
    sets = [[row["text"] for row in _lines(DATA / "retrieval" / name / "queries.jsonl")] for name in RETRIEVAL_SETS]
    mixed = [group[i] for i in range(max(map(len, sets))) for group in sets if i < len(group)]
    return mixed[:limit]


def passages(count: int) -> list[tuple[str, str]]:
    """Give `count` (title, text) passages: every retrieval set, then COVID-QA articles in pieces."""
    found = [
        (row.get("title", ""), row["text"])
        for name in RETRIEVAL_SETS
        for row in _lines(DATA / "retrieval" / name / "corpus.jsonl")
    ]
    articles = json.loads((DATA / "qa" / "covidqa.json").read_text())["data"]
    for article in articles:
        for paragraph in article["paragraphs"]:
            found += [(article.get("title", ""), piece) for piece in pieces(paragraph["context"])]
    if len(found) < count:
        raise SystemExit(f"only {len(found)} passages in {DATA}; {count} were asked for")
    return found[:count]


def pieces(text: str, max_chars: int = PASSAGE_CHARS) -> list[str]:
    """Cut a long text at sentence ends into pieces of about `max_chars` characters."""
    out, current = [], ""
    for sentence in re.split(r"(?<=[.!?])\s+", text):
        if current and len(current) + len(sentence) > max_chars:
            out.append(current)
            current = ""
        current = f"{current} {sentence}".strip()
    return [*out, current] if current else out
