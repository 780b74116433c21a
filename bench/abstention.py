"""Does it keep silent when, and only when, the documents do not hold the answer? XQuAD (English), the embedded policy
as shipped.

Every question is asked twice: among all 240 paragraphs, and with what answers it taken away. So half of the questions
are unanswerable. Precision, recall and F1 are of abstaining.
"""

from __future__ import annotations

from typing import get_args

from bench.report import CACHE, arguments, report
from bench.yardstick import Absent, interval, open_yardstick
from retrieval.embed import DEFAULT_MODEL, load_embedder
from training.policy.base import Sampling
from training.policy.extractive import ExtractivePolicy

_ABSTAINED, _UNANSWERABLE = 1, 2  # bits, so that one number tells both


def precision(outcomes: list[float]) -> float:
    """Share of the abstentions that were right."""
    silent = [outcome for outcome in outcomes if int(outcome) & _ABSTAINED]
    return sum(int(outcome) == _ABSTAINED | _UNANSWERABLE for outcome in silent) / max(len(silent), 1)


def recall(outcomes: list[float]) -> float:
    """Share of the unanswerable questions on which it abstained."""
    unanswerable = [outcome for outcome in outcomes if int(outcome) & _UNANSWERABLE]
    return sum(bool(int(outcome) & _ABSTAINED) for outcome in unanswerable) / max(len(unanswerable), 1)


def f1(outcomes: list[float]) -> float:
    """Harmonic mean of precision and recall."""
    both = precision(outcomes), recall(outcomes)
    return 2 * both[0] * both[1] / sum(both) if sum(both) else 0.0


def main() -> None:
    """Ask every question in every setting, print the table."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--shown", type=int, default=8, help="passages shown for a question, as the service does")
    parser.add_argument("--most", type=int, help="ask about that many questions only")
    options = parser.parse_args()
    embedder = load_embedder(DEFAULT_MODEL, cache_dir=CACHE)
    policy = ExtractivePolicy(embedder)
    silent: dict[Absent, list[bool]] = {}
    with open_yardstick(embedder, options.shown, options.most) as yardstick:
        groups = [question.group for question in yardstick.questions]
        for absent in get_args(Absent):
            silent[absent] = [
                bool(list(policy.stream(yardstick.prompt(question, absent)[0], Sampling()))[-1].answer.abstained)
                for question in yardstick.questions
            ]
    rows = []
    for absent, title in (("article", "the whole article"), ("passage", "the gold paragraph only")):
        outcomes = [float(_ABSTAINED * abstained) for abstained in silent[""]]
        outcomes += [float(_ABSTAINED * abstained + _UNANSWERABLE) for abstained in silent[absent]]
        rows.append([title, *(interval(outcomes, groups * 2, measure) for measure in (f1, precision, recall))])
    report(
        "abstention",
        "Abstention: silent when, and only when, the answer is not there",
        ["missing", "F1", "precision", "recall"],
        rows,
        data=f"XQuAD English, {len(groups)} questions, each once answerable and once not",
        notes=[
            f"{options.shown} passages shown; the threshold is the shipped one, fitted on other data where a wrong "
            "silence costs as much as two made-up answers.",
            "95 % intervals by bootstrap over the 48 articles.",
        ],
        save=options.save,
    )


if __name__ == "__main__":
    main()
