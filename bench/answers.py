"""Does the answer hold the answer? XQuAD (English), every question against all 240 paragraphs, the embedded policy as
shipped.

Right means: a sentence that the answer cites, verified against its source, contains the gold answer word for word.
Abstaining counts as wrong here. XQuAD was used to fit nothing.
"""

from __future__ import annotations

from time import perf_counter

from bench.report import CACHE, arguments, percentile, report
from bench.yardstick import interval, open_yardstick
from retrieval.embed import DEFAULT_MODEL, load_embedder
from training.citations import cite
from training.policy.base import Sampling
from training.policy.extractive import ExtractivePolicy, Prior


def plain(text: str) -> str:
    """Put blanks and case aside."""
    return " ".join(text.split()).casefold()


def mean(values: list[float]) -> float:
    """Average; 0 of nothing."""
    return sum(values) / len(values) if values else 0.0


def main() -> None:
    """Ask every question of both priors, print the table."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--shown", type=int, default=8, help="passages shown for a question, as the service does")
    parser.add_argument("--most", type=int, help="ask about that many questions only")
    options = parser.parse_args()
    embedder = load_embedder(DEFAULT_MODEL, cache_dir=CACHE)
    policies = {
        "shipped prior": ExtractivePolicy(embedder),
        "similarity alone (cosine + 0.5 passage cosine)": ExtractivePolicy(embedder, prior=Prior.similarity()),
    }
    rows = []
    with open_yardstick(embedder, options.shown, options.most) as yardstick:
        asked = [(question, *yardstick.prompt(question)) for question in yardstick.questions]
        found = mean([float(hit) for _, _, hit in asked])
        for name, policy in policies.items():
            first, whole, sentences, silent, spent = [], [], [], [], []
            for question, prompt, _ in asked:
                started = perf_counter()
                answer = list(policy.stream(prompt, Sampling()))[-1].answer
                spent.append((perf_counter() - started) * 1000)
                quotes = [plain(c.content) for c in cite(answer.text, prompt.passages).citations if c.verified]
                gold = plain(question.answer).strip(".")
                first.append(float(any(gold in quote for quote in quotes[:1])))
                whole.append(float(any(gold in quote for quote in quotes)))
                sentences.append(float(answer.steps - 1))
                silent.append(float(answer.abstained))
            groups = [question.group for question, _, _ in asked]
            rows.append(
                [
                    name,
                    interval(first, groups, mean),
                    interval(whole, groups, mean),
                    f"{mean(sentences):.2f}",
                    f"{mean(silent):.3f}",
                    f"{percentile(spent, 50):.0f} / {percentile(spent, 99):.0f}",
                ]
            )
    report(
        "answers",
        "Answers: a cited sentence holds the gold answer",
        ["policy", "first sentence", "whole answer", "sentences", "abstained", "policy ms p50 / p99"],
        rows,
        data=f"XQuAD English, {len(asked)} questions, 240 paragraphs; the gold one is shown for {found:.3f}",
        notes=[
            f"{options.shown} passages shown, at most 3 sentences, greedy.",
            "95 % intervals by bootstrap over the 48 articles.",
            "Milliseconds are of the policy alone, one request at a time. Five questions share a paragraph, so some "
            "sentences were encoded before.",
        ],
        save=options.save,
    )


if __name__ == "__main__":
    main()
