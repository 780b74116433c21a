"""Run a policy over golden questions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from time import perf_counter

from training.citations import is_abstention, strip_markers
from training.evaluation.evaluation import Evaluation
from training.evaluation.golden import GoldenQuestion
from training.evaluation.groundedness import SupportScorer
from training.evaluation.row import Row, Told, measure
from training.policy.base import PolicyError, Prompt, Sampling, ServingPolicy, ShownPassage

Search = Callable[[str], Sequence[ShownPassage]]


def evaluate(
    policy: ServingPolicy,
    golden: Iterable[GoldenQuestion],
    *,
    search: Search | None = None,
    scorer: SupportScorer | None = None,
    sampling: Sampling | None = None,
    progress: Callable[[int], None] | None = None,
) -> Evaluation:
    """Ask a policy every golden question.

    Args:
        policy: What answers.
        golden: Questions; those with passages of their own are answered from these.
        search: Finds the passages for the others, by the question as asked.
        scorer: Judges groundedness; None leaves it out.
        sampling: How to draw; greedy when None.
        progress: Told after each question how many are done.

    Returns:
        One row a question. A question that the policy fails on (`PolicyError`) is a row with the error.

    Raises:
        ValueError: A question has no passages and there is no search.
    """
    rows: list[Row] = []
    for question in golden:
        if question.passages is None and search is None:
            raise ValueError(f"question {question.id!r} has no passages of its own, and there is no search")
        passages = tuple(question.passages if question.passages is not None else search(question.question))  # type: ignore[misc]
        prompt = Prompt(question.question, passages, question.history, segment=question.segment)
        rows.append(measure(question, _ask(policy, prompt, sampling or Sampling()), scorer))
        if progress is not None:
            progress(len(rows))
    return Evaluation(policy.version, tuple(rows))


def _ask(policy: ServingPolicy, prompt: Prompt, sampling: Sampling) -> Told:
    started = perf_counter()
    try:
        answer = policy.sample([prompt], 1, sampling)[0][0]
    except PolicyError as error:
        said = f"{type(error).__name__}: {error}"
        return Told("", prompt.passages, abstained=False, latency_ms=_since(started), error=said)
    return Told(
        text=answer.text,
        passages=prompt.passages,
        abstained=answer.abstained or is_abstention(strip_markers(answer.text)),
        latency_ms=_since(started),
        logprob=answer.logprob,
        steps=answer.steps,
    )


def _since(started: float) -> float:
    return (perf_counter() - started) * 1000
