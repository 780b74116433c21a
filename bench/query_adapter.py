"""What do marks on evidence teach retrieval? One noisy mark a question, on FeedbackQA; no document is encoded anew.

A quarter of the documents is held out with every question about them ("unseen documents"); of the others some
questions are marked and the rest asked afterwards ("seen documents"). A simulated reader marks one of the first three
passages, mostly the first, and is wrong one time in five. The settings of the adapter were chosen on this set with
other seeds, so look at the sign and the size, not at the last digit.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.report import CACHE, DATA, arguments, report
from retrieval.embed import DEFAULT_MODEL, load_embedder
from training.evaluation.metrics import ndcg_at
from training.query.fit import Marked, fit

Array = npt.NDArray[np.float32]
SHOWN, FLIPPED, SEEDS = 8, 0.2, range(100, 110)
SIZES = {"feedbackqa_cdc": (300, 1000), "feedbackqa_who": (300,)}


def main() -> None:
    """Mark, learn, ask again, print the table."""
    parser = arguments(__doc__ or "")
    options = parser.parse_args()
    embedder = load_embedder(DEFAULT_MODEL, cache_dir=CACHE)
    rows = []
    for name, sizes in SIZES.items():
        passages, questions, gold = _read(DATA / "retrieval" / name)
        places = embedder.encode(passages)  # (n, d)
        asked = embedder.encode(questions, kind="query")  # (m, d)
        for size in sizes:
            gains = np.array([_round(places, asked, gold, size, seed) for seed in SEEDS])  # (seeds, 4)
            base_seen, gain_seen, base_unseen, gain_unseen = gains.T
            rows.append(
                [
                    name,
                    size,
                    f"{base_seen.mean():.3f}",
                    _signed(gain_seen),
                    f"{base_unseen.mean():.3f}",
                    _signed(gain_unseen),
                ]
            )
    report(
        "query_adapter",
        "Marks on evidence move questions",
        ["set", "marks", "nDCG@10, seen documents", "gain", "nDCG@10, unseen documents", "gain"],
        rows,
        data="FeedbackQA (CDC, WHO), dense search alone",
        notes=[
            f"Gain in points of nDCG@10: mean (lowest to highest) of {len(SEEDS)} draws of documents and marks.",
            f"{FLIPPED:.0%} of the marks are wrong; one mark a question.",
        ],
        save=options.save,
    )


def _round(places: Array, asked: Array, gold: list[set[int]], size: int, seed: int) -> tuple[float, ...]:
    rng = np.random.default_rng(seed)
    held_out = set(rng.permutation(len(places))[: len(places) // 4].tolist())
    unseen = [row for row, right in enumerate(gold) if right & held_out]
    seen = rng.permutation([row for row, right in enumerate(gold) if not right & held_out]).tolist()
    marks = [_mark(places, asked[row], gold[row], rng) for row in seen[:size]]
    adapter = fit(marks, DEFAULT_MODEL)
    figures: list[float] = []
    for rows in (seen[size:], unseen):
        before, after = (
            float(np.mean([_ndcg(places @ q, gold[row]) for row, q in zip(rows, questions, strict=True)]))
            for questions in (asked[rows], adapter.apply(asked[rows]))
        )
        figures += [before, 100 * (after - before)]
    return tuple(figures)


def _mark(places: Array, question: Array, right: set[int], rng: np.random.Generator) -> Marked:
    shown = np.argsort(-(places @ question), kind="stable")[:SHOWN]
    place = 0 if rng.random() < 0.6 else int(rng.integers(1, 3))
    relevant = (int(shown[place]) in right) ^ (rng.random() < FLIPPED)
    return Marked(question, places[shown], place, bool(relevant), 1.0, "simulated")


def _ndcg(scores: Array, right: set[int]) -> float:
    ranked = np.argsort(-scores, kind="stable")[:10].tolist()
    return ndcg_at(ranked, right, k=10)


def _read(folder: Path) -> tuple[list[str], list[str], list[set[int]]]:
    corpus = [json.loads(line) for line in (folder / "corpus.jsonl").read_text().splitlines()]
    queries = [json.loads(line) for line in (folder / "queries.jsonl").read_text().splitlines()]
    rows = {one["_id"]: row for row, one in enumerate(corpus)}
    gold: dict[str, set[int]] = {}
    for line in (folder / "qrels.tsv").read_text().splitlines()[1:]:
        query, passage, relevant = line.split("\t")
        if int(relevant) > 0:
            gold.setdefault(query, set()).add(rows[passage])
    kept = [one for one in queries if one["_id"] in gold]
    texts = [f"{one['title']}\n{one['text']}" if one["title"] else one["text"] for one in corpus]
    return texts, [one["text"] for one in kept], [gold[one["_id"]] for one in kept]


def _signed(gains: Array) -> str:
    return f"{gains.mean():+.2f} ({gains.min():+.2f} to {gains.max():+.2f})"


if __name__ == "__main__":
    main()
