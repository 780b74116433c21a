"""Both policies answer the same prompts, greedily; everything the gate wants to know of it is measured here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter

from training.datasets.examples import Example
from training.gate.inputs import GateInputs, Given, JudgeQuality, Row
from training.policy.base import Answer, Policy, Prompt, Sampling
from training.reward.base import RewardModel
from training.updates.rewards import Grounded

Distance = Callable[[Prompt, Answer], float]
Record = Callable[[str, float, float], None]  # takes a point of a curve: its name, x, y


def collect(
    candidate: Policy,
    champion: Policy,
    asked: Sequence[Example],
    *,
    absent: Sequence[Prompt],
    judge: RewardModel | None,
    quality: JudgeQuality | None,
    grounded: Grounded | None = None,
    distances: tuple[Distance, Distance] | None = None,
    progress: Callable[[float], None] = lambda done: None,
    record: Record = lambda name, x, y: None,
) -> GateInputs:
    """Ask both.

    Args:
        candidate: Who would serve.
        champion: Who serves.
        asked: Held-out prompts; a cluster is whoever judged it, else its first document.
        absent: The same questions with passages that do not hold the answer.
        judge: Learned from other voters than the candidate did; None where nobody is to be asked.
        quality: How right the judge is about people it never saw.
        grounded: Tells how well an answer is supported; None for policies whose answers are verbatim.
        distances: Give the nats by which the candidate left its base, and the champion, in its answer.
        progress: Told the share that is done.
        record: Told after every prompt how it stands so far.

    Returns:
        What the gate decides on.
    """
    total = len(asked) + len(absent)
    rows, silent = [], []
    standing = _Standing(record)
    for place, example in enumerate(asked):
        progress(place / total)
        said, before = _both(candidate, champion, example.prompt, turned=place % 2 == 1)
        heads = _heads(judge, example.prompt, said[0], before[0])
        rows.append(
            Row(
                prompt_id=example.prompt_id,
                cluster=_cluster(example),
                candidate=_given(example.prompt, *said, heads[0], grounded),
                champion=_given(example.prompt, *before, heads[1], grounded),
                segment=example.segment,
                kl_base=distances[0](example.prompt, said[0]) if distances else None,
                kl_champion=distances[1](example.prompt, said[0]) if distances else None,
                helped=example.helped,
            )
        )
        standing.add(rows[-1])
    for place, prompt in enumerate(absent):
        progress((len(asked) + place) / total)
        ours, theirs = (_given(prompt, *_timed(policy, prompt), (), None) for policy in (candidate, champion))
        silent.append(Row(f"absent-{place}", f"absent-{place}", ours, theirs, prompt.segment))
    return GateInputs(
        candidate=candidate.version,
        champion=champion.version,
        rows=tuple(rows),
        unanswerable=tuple(silent),
        judge=quality,
    )


class _Standing:
    """Means over the prompts asked so far, for whoever watches."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._asked = self._changed = self._judged = 0
        self._won = 0.0

    def add(self, row: Row) -> None:
        self._asked += 1
        self._changed += row.changed
        self._record("changed", self._asked, self._changed / self._asked)
        if row.changed and (preferred := row.preferred) is not None:
            self._judged += 1
            self._won += preferred
            self._record("win_rate", self._asked, self._won / self._judged)
        for name, given in (("candidate_ms", row.candidate), ("champion_ms", row.champion)):
            if given.seconds is not None:
                self._record(name, self._asked, given.seconds * 1000)


def _heads(
    judge: RewardModel | None, prompt: Prompt, ours: Answer, theirs: Answer
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Give what each head of the judge thinks of both answers."""
    if judge is None:
        return (), ()
    (scores,) = judge.score([prompt], [[ours, theirs]])
    return tuple(scores.heads[0].tolist()), tuple(scores.heads[1].tolist())


def _both(
    candidate: Policy, champion: Policy, prompt: Prompt, *, turned: bool
) -> tuple[tuple[Answer, float], tuple[Answer, float]]:
    """Ask both. Whoever is first also pays for encoding what neither has met, so they take turns."""
    if turned:
        before = _timed(champion, prompt)
        return _timed(candidate, prompt), before
    return _timed(candidate, prompt), _timed(champion, prompt)


def _timed(policy: Policy, prompt: Prompt) -> tuple[Answer, float]:
    started = perf_counter()
    ((answer,),) = policy.sample([prompt], 1, Sampling())
    return answer, perf_counter() - started


def _given(
    prompt: Prompt, answer: Answer, seconds: float, rewards: tuple[float, ...], grounded: Grounded | None
) -> Given:
    support = 1.0 if grounded is None else grounded(prompt, answer)
    return Given(
        text=answer.text,
        abstained=answer.abstained,
        words=len(answer.text.split()),
        rewards=rewards,
        grounded=None if answer.abstained else support,
        seconds=seconds,
    )


def _cluster(example: Example) -> str:
    voters = sorted(example.voters)
    return voters[0] if voters else next(iter(sorted(example.documents)), example.prompt_id)
