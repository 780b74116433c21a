"""Fit the shipped check: `python -m training.evaluation.fit_groundedness --data DIR [--out FILE]`.

A logistic regression, solved exactly; begin, asqa and edits weigh the same, and so do supported and unsupported
sentences of each. Error rates are of sentences that were not used: five folds, sentences that share passages (edits
with the answers beside them) together. The threshold balances the two errors over begin and asqa, out of fold. Takes
a few minutes on one core.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from retrieval.durable import write_file_atomic
from retrieval.embed import DEFAULT_MODEL, Embedder, load_embedder
from training.evaluation.groundedness import SHIPPED, Weights
from training.evaluation.grounding_data import Judged, read_grounding
from training.evaluation.support_features import Array, Evidence
from training.policy.extractive.embeddings import Vectors
from training.policy.extractive.solve import decide_weights
from training.statistics import auc

FOLDS = 5
CALIBRATING = ("begin", "asqa")  # people's judgements; edits are our own
LICENCES = {"begin": "CC BY 4.0, CDLA-Sharing", "asqa": "Apache-2.0", "edits": "Apache-2.0 (of asqa's passages)"}
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """Sentences with their figures."""

    judged: Sequence[Judged]
    rows: Array  # (n, len(FEATURES))
    verbatim: npt.NDArray[np.bool_]  # (n,)

    @property
    def supported(self) -> npt.NDArray[np.bool_]:
        """What people (or the edit) say, `(n,)`."""
        return np.array([one.supported for one in self.judged])

    @property
    def sources(self) -> npt.NDArray[np.str_]:
        """Data set of each, `(n,)`."""
        return np.array([one.source for one in self.judged])

    @property
    def folds(self) -> npt.NDArray[np.int64]:
        """Fold of each, by its group, `(n,)`."""
        digests = (hashlib.sha256(one.group.encode()).digest() for one in self.judged)
        return np.array([int.from_bytes(digest[:4], "big") % FOLDS for digest in digests])


@dataclass(frozen=True, slots=True)
class Errors:
    """What the check gets wrong on one set."""

    sentences: int
    supported: int
    auc: float
    false_accept: float  # share of the unsupported sentences that it lets pass
    false_reject: float  # share of the supported sentences that it refuses

    def as_dict(self) -> dict[str, float | int | None]:
        """Give it as the file holds it; null where there is nothing to count."""
        shares = {name: getattr(self, name) for name in ("auc", "false_accept", "false_reject")}
        rounded = {name: None if math.isnan(share) else round(share, 3) for name, share in shares.items()}
        return {"sentences": self.sentences, "supported": self.supported, **rounded}


def tabulate(judged: Sequence[Judged], encoder: Embedder) -> Table:
    """Compute the figures of every sentence."""
    vectors = Vectors(encoder, capacity=200_000)
    vectors.rows(list(dict.fromkeys(one.sentence for one in judged)))  # together: much faster than one by one
    evidence: dict[tuple[str, ...], Evidence] = {}
    rows, verbatim = [], []
    for one in judged:
        if one.passages not in evidence:
            evidence[one.passages] = Evidence(one.passages, vectors.rows)
        rows.append(evidence[one.passages].features(one.sentence))
        verbatim.append(evidence[one.passages].verbatim(one.sentence))
    return Table(judged, np.array(rows, np.float32), np.array(verbatim))


def fit(table: Table, chosen: npt.NDArray[np.bool_]) -> Weights:
    """Fit on the chosen sentences; those that stand in a passage word for word are decided without weights."""
    use = chosen & ~table.verbatim
    rows, labels = table.rows[use], table.supported[use].astype(np.float32)
    scale = rows.std(axis=0) + 1e-6  # so that L2 treats every figure alike
    mass = np.zeros(len(labels), np.float32)
    cells = list(zip(table.sources[use].tolist(), labels.tolist(), strict=True))
    for cell in set(cells):
        members = np.array([one == cell for one in cells])
        mass[members] = 1 / members.sum()
    solved = decide_weights(np.c_[np.ones(len(rows)), rows / scale].astype(np.float32), labels, mass)
    return Weights(bias=float(solved[0]), weights=(solved[1:] / scale).astype(np.float32), threshold=0.5)


def probabilities(weights: Weights, table: Table) -> Floats:
    """Give the probability of support of each sentence, `(n,)`."""
    return np.array(
        [1.0 if same else weights.probability(row) for row, same in zip(table.rows, table.verbatim, strict=True)]
    )


def out_of_fold(table: Table) -> Floats:
    """Give each sentence the probability by weights that saw neither it nor its passages, `(n,)`."""
    folds, found = table.folds, np.zeros(len(table.judged))
    for fold in range(FOLDS):
        held = folds == fold
        found[held] = probabilities(fit(table, ~held), table)[held]
    return found


def balancing_threshold(chances: Floats, table: Table) -> float:
    """Find the threshold with the least sum of error rates, averaged over the sets that people judged."""

    def cost(threshold: float) -> float:
        found = [errors(chances, table, threshold, table.sources == source) for source in CALIBRATING]
        return sum(one.false_accept + one.false_reject for one in found)

    grid: list[float] = np.linspace(0.05, 0.95, 181).tolist()
    return min(grid, key=cost)


def errors(chances: Floats, table: Table, threshold: float, chosen: npt.NDArray[np.bool_]) -> Errors:
    """Count the errors on the chosen sentences."""
    values, truth = chances[chosen], table.supported[chosen]
    passed = values >= threshold
    return Errors(
        sentences=len(truth),
        supported=int(truth.sum()),
        auc=auc(values, truth),
        false_accept=float(passed[~truth].mean()) if (~truth).any() else math.nan,
        false_reject=float((~passed[truth]).mean()) if truth.any() else math.nan,
    )


def fit_shipped(table: Table, encoder_name: str) -> Weights:
    """Fit on everything, with the threshold and the error rates found out of fold."""
    chances = out_of_fold(table)
    threshold = round(balancing_threshold(chances, table), 3)
    sources = sorted(set(table.sources.tolist()))
    provenance = {
        "recipe": "python -m training.evaluation.fit_groundedness --data DIR",
        "encoder": encoder_name,
        "data": [{"name": name, "sentences": int((table.sources == name).sum())} for name in sources],
        "licences": {name: LICENCES[name] for name in sources},
        "held_out": {name: errors(chances, table, threshold, table.sources == name).as_dict() for name in sources},
    }
    everything = np.ones(len(table.judged), np.bool_)
    return replace(fit(table, everything), threshold=threshold, provenance=provenance)


def main() -> None:
    """Fit and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with grounding/")
    parser.add_argument("--out", type=Path, default=SHIPPED)
    options = parser.parse_args()
    encoder = load_embedder(DEFAULT_MODEL)
    weights = fit_shipped(tabulate(read_grounding(options.data / "grounding"), encoder), encoder.model_name)
    write_file_atomic(options.out, (json.dumps(weights.as_dict(), indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
