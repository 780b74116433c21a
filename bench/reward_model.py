"""The reward model on public human judgements, beside what length and similarity alone give.

python -m bench.reward_model [--folds N] [--base all-MiniLM-L6-v2] [--save]

Comparisons: fine-grained ASQA, answers grounded in shown passages, folds by question. Votes: FeedbackQA, trained on the
pages of one agency and tested on those of the other. Strengths are chosen by cross-validation inside each training part
and chances are calibrated there too: nothing is fitted on what is measured.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.report import DATA, arguments, report
from retrieval.embed import DEFAULT_MODEL, Embedder, load_embedder
from training.datasets.examples import Example, Pair, Thumb, decided_pairs
from training.policy.base import Answer, Prompt, Sampling, ShownPassage
from training.reward.config import RewardConfig
from training.reward.features.describe import Describer
from training.reward.model import TrainedReward
from training.reward.train import train_reward
from training.statistics import auc, ece

Floats = npt.NDArray[np.float64]
UP = ("Excellent", "Acceptable")
HEADER = ["data", "part", "model", "length only", "cosine only", "calibration error", "judgements"]


@dataclass(frozen=True)
class Measured:
    """One held-out part: how surely each judgement was foreseen, and what baselines give."""

    part: str
    figure: float  # accuracy of comparisons, AUC of votes
    length: float
    cosine: float
    logits: Floats
    labels: Floats
    seconds: float


def main() -> None:
    """Measure comparisons by fold and votes by direction."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--base", default="features", help="features, a sentence encoder or a causal LM")
    options = parser.parse_args()
    config, encoder = RewardConfig(base=options.base), load_embedder(DEFAULT_MODEL)
    comparisons, speed = measure_comparisons(asqa(encoder), config, encoder, options.folds)
    votes = measure_votes(feedbackqa(encoder), config, encoder)
    model = train_reward(asqa(encoder), config, encoder=encoder)
    rows = [*table("ASQA, accuracy", comparisons, mean=True), *table("FeedbackQA, AUC", votes, mean=True)]
    rows.append(probe("LLMBar, accuracy", llmbar(), model))
    pooled = np.concatenate([part.logits for part in comparisons])
    report(
        "reward_model" if options.base == "features" else f"reward_model_{Path(options.base).name}",
        f"Reward model ({options.base}) on human judgements",
        HEADER,
        rows,
        data="fine-grained ASQA (1,616 comparisons with a winner, 184 ties, of 300 questions; 1 row a judgement); "
        "FeedbackQA (1,808 answers with 2 to 6 votes each); LLMBar (234 comparisons)",
        notes=[
            "ASQA: folds by question, ties are trained on and left out of the accuracy. FeedbackQA: AUC over answers "
            "whose voters agree by majority; calibration error over all votes.",
            f"Calibration error: 15 bins of equal width; over all ASQA folds together {calibration_error(pooled):.3f}.",
            "Strength of the prior: chosen among "
            f"{', '.join(f'{value:g}' for value in config.precisions)} (features) and "
            f"{', '.join(f'{value:g}' for value in config.semantics)} (products of vectors, 0 is off) by "
            f"{config.folds}-fold cross-validation inside the training part.",
            "LLMBar has no passages, and its longer answer is mostly the worse one: trained on ASQA, it shows only "
            "whether length was learnt.",
            f"Training takes {np.mean([part.seconds for part in comparisons]):.1f} processor seconds a fold, passages "
            f"encoded already; scoring {speed:,.0f} answers a processor second, vectors remembered.",
            f"Heads: {config.heads}. What counts most: "
            + ", ".join(f"{name} {value:+.2f}" for name, value in list(model.named_weights().items())[:8])
            + " (logits for a standard deviation).",
        ],
        save=options.save,
    )


def measure_comparisons(
    examples: Sequence[Example], config: RewardConfig, encoder: Embedder, folds: int
) -> tuple[list[Measured], float]:
    """Give each fold's figures, and answers scored a second."""
    place = np.random.default_rng(0).permutation(len(examples)) % folds
    describer, made, speeds = Describer(encoder), [], []
    for fold in range(folds):
        train = [example for example, mine in zip(examples, place, strict=True) if mine != fold]
        test = [example for example, mine in zip(examples, place, strict=True) if mine == fold]
        started = time.process_time()
        model = train_reward(train, config, encoder=encoder, describer=describer)
        seconds = time.process_time() - started
        margins = differences(test, scores(model, test))
        describer.forget_rows()
        started = time.process_time()
        scores(model, test)
        speeds.append(sum(len(example.answers) for example in test) / (time.process_time() - started))
        words = [np.array([len(answer.text.split()) for answer in example.answers], float) for example in test]
        cosines = [column(model, example, "question_cosine") for example in test]
        made.append(
            Measured(
                f"fold {fold + 1}",
                right(margins),
                right(differences(test, words)),
                right(differences(test, cosines)),
                margins,
                np.ones(len(margins)),
                seconds,
            )
        )
    return made, float(np.median(speeds))


def measure_votes(examples: Sequence[Example], config: RewardConfig, encoder: Embedder) -> list[Measured]:
    """Give the figures of both directions."""
    made, describer = [], Describer(encoder)
    for source, target in (("CDC", "WHO"), ("WHO", "CDC")):
        train = [example for example in examples if example.segment == source]
        test = [example for example in examples if example.segment == target]
        started = time.process_time()
        model = train_reward(train, config, encoder=encoder, describer=describer)
        seconds = time.process_time() - started
        said = np.array([score[0] for score in scores(model, test)])
        share = np.array([np.mean([thumb.up for thumb in example.thumbs]) for example in test])
        agreed = share != 0.5
        words = np.array([len(example.answers[0].text.split()) for example in test], float)
        cosines = np.array([column(model, example, "support_dense")[0] for example in test])
        counts = [len(example.thumbs) for example in test]
        labels = np.array([thumb.up for example in test for thumb in example.thumbs], float)
        up = share[agreed] > 0.5
        figures = [auc(values[agreed], up) for values in (said, words, cosines)]
        part = f"{source} to {target}"
        made.append(Measured(part, figures[0], figures[1], figures[2], np.repeat(said, counts), labels, seconds))
    return made


def table(name: str, parts: Sequence[Measured], *, mean: bool) -> list[list[str]]:
    """Give a row for each part, and their mean with its spread."""
    rows = []
    for part in parts:
        error = calibration_error(part.logits) if part.labels.all() else ece(chance(part.logits), part.labels)
        figures = [f"{value:.3f}" for value in (part.figure, part.length, part.cosine, error)]
        rows.append([name, part.part, *figures, str(len(part.logits))])
    if mean:
        values = np.array([[part.figure, part.length, part.cosine] for part in parts])
        deviation = values[:, 0].std(ddof=1)
        shown = [f"{value:.3f}" for value in values.mean(axis=0)]
        shown[0] = f"**{shown[0]}** ± {deviation:.3f}"
        if parts[0].labels.all():
            error = calibration_error(np.concatenate([part.logits for part in parts]))
        else:
            error = float(np.mean([ece(chance(part.logits), part.labels) for part in parts]))
        rows.append([name, "mean", *shown, f"**{error:.3f}**", str(sum(len(part.logits) for part in parts))])
    return rows


def probe(name: str, examples: Sequence[Example], model: TrainedReward) -> list[str]:
    """Give the row of a data set that nothing was trained on."""
    words = [np.array([len(answer.text.split()) for answer in example.answers], float) for example in examples]
    cosines = [column(model, example, "question_cosine") for example in examples]
    margins = differences(examples, scores(model, examples))
    figures = [right(values) for values in (margins, differences(examples, words), differences(examples, cosines))]
    shown = [f"{value:.3f}" for value in (*figures, calibration_error(margins))]
    return [name, "probe, trained on ASQA", *shown, str(len(margins))]


def scores(model: TrainedReward, examples: Sequence[Example]) -> list[Floats]:
    """Give the mean score of every answer."""
    found = model.score([example.prompt for example in examples], [example.answers for example in examples])
    return [score.mean.astype(np.float64) for score in found]


def differences(examples: Sequence[Example], values: Sequence[Floats]) -> Floats:
    """Give chosen less rejected for every comparison with a winner."""
    return np.array(
        [v[a] - v[b] for example, v in zip(examples, values, strict=True) for a, b, _ in decided_pairs(example)]
    )


def right(margins: Floats) -> float:
    """Give the share won; a tie is half right."""
    return float(np.heaviside(margins, 0.5).mean())


def calibration_error(margins: Floats) -> float:
    """Give the error over comparisons, each seen from a side drawn by lot: from the winner's all labels are 1."""
    turned = np.random.default_rng(0).random(len(margins)) < 0.5
    return ece(chance(np.where(turned, -margins, margins)), ~turned)


def chance(logits: Floats) -> Floats:
    """Give the sigmoid."""
    chances: Floats = 0.5 * (1 + np.tanh(0.5 * logits))
    return chances


def column(model: TrainedReward, example: Example, name: str) -> Floats:
    """Give one named feature of the answers."""
    rows = model.representation.rows(example.prompt, example.answers)
    return rows[:, model.representation.columns.index(name)].astype(np.float64)


def shown(passages: Sequence[tuple[str, str]], question: str, encoder: Embedder) -> tuple[ShownPassage, ...]:
    """Show passages as retrieval would, with the cosine it reports."""
    if not passages:
        return ()
    asked = encoder.encode([question], kind="query")[0]
    cosines = encoder.encode([text for _, text in passages]) @ asked
    return tuple(
        ShownPassage(at, f"c{at}", f"{title}-{at}", title, text, 1.0 / at, dense_score=float(cosine))
        for at, ((title, text), cosine) in enumerate(zip(passages, cosines, strict=True), 1)
    )


def answered(text: str) -> Answer:
    """Wrap a text that somebody else's model wrote."""
    return Answer(text, "public", "stop", Sampling(), None, 1)


def asqa(encoder: Embedder) -> list[Example]:
    """Read the comparisons: one example for each question, with its four answers."""
    made: dict[str, Example] = {}
    for line in (DATA / "preference" / "pref_finegrained_asqa.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["prompt"] not in made:
            texts = [(passage["title"], passage["text"]) for passage in row["passages"]]
            prompt = Prompt(row["prompt"], shown(texts, row["prompt"], encoder))
            made[row["prompt"]] = Example(row["prompt"], prompt, ())
        made[row["prompt"]] = with_pair(made[row["prompt"]], row)
    return list(made.values())


def with_pair(example: Example, row: dict[str, str]) -> Example:
    """Add a comparison; who judged is not known, so each question counts as a voter of its own."""
    texts = [answer.text for answer in example.answers]
    texts += [text for text in dict.fromkeys((row["chosen"], row["rejected"])) if text not in texts]
    outcome = "tie" if row["tie"] else "first"
    places = texts.index(row["chosen"]), texts.index(row["rejected"])
    pair = Pair(*places, outcome, 1.0, example.prompt_id, "imported", ordered=False)  # type: ignore[arg-type]
    return replace(example, answers=tuple(answered(text) for text in texts), pairs=(*example.pairs, pair))


def feedbackqa(encoder: Embedder) -> list[Example]:
    """Read the votes: one example for each retrieved answer; the agency is its segment."""
    votes: dict[tuple[str, str, str, str], list[bool]] = {}
    for line in (DATA / "feedback" / "thumbs_feedbackqa.jsonl").read_text().splitlines():
        row = json.loads(line)
        votes.setdefault((row["agency"], row["question"], row["title"], row["answer"]), []).append(row["label"] in UP)
    made = []
    for at, ((agency, question, title, text), ups) in enumerate(votes.items()):
        prompt = Prompt(question, shown([(title, text)], question, encoder), segment=agency)
        thumbs = tuple(Thumb(0, up, 1.0, f"{at}-{place}") for place, up in enumerate(ups))
        made.append(Example(f"{agency}-{at}", prompt, (answered(text),), thumbs=thumbs))
    return made


def llmbar() -> list[Example]:
    """Read the length trap."""
    made = []
    for line in (DATA / "preference" / "pref_llmbar.jsonl").read_text().splitlines():
        row = json.loads(line)
        pair = Pair(0, 1, "first", 1.0, "public", ordered=False)
        answers = (answered(row["chosen"]), answered(row["rejected"]))
        made.append(Example(row["id"], Prompt(row["prompt"], ()), answers, (pair,)))
    return made


if __name__ == "__main__":
    main()
