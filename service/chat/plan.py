"""Who answers a request, who else is asked, and the steps of that.

A pair is answered whole before any of it is shown: only then is it known whether the two differ, and where they do not,
one answer is given as if nothing had been planned.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

from service.chat.again import Again, again_steps
from service.chat.bridge import CancelToken
from service.chat.steps import Compared, Finished, Opening, Piece, Step, answer_steps, finish, nothing_found
from service.chat.trial import Pair, TrialOptions, heard, lot
from service.versions.served import Served
from service.versions.snapshot import Snapshot
from training.policy.base import Prompt, Sampling, SamplingCancelled

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done for one request."""

    served: Served  # who answers, if one answers
    n: int = 1
    rival: Served | None = None  # the other arm of a trial, where it is asked too
    pair: Pair | None = None  # two answers are shown if they differ
    turned: bool = False  # the second one is shown first
    again: Again | None = None  # what is answered once more, alone


def plan_for(
    served: Served, snapshot: Snapshot, options: TrialOptions, *, completion_id: str, n: int, pairs: bool, greedy: bool
) -> Plan:
    """Plan a request.

    Args:
        served: Who answers it.
        snapshot: Everything that serves.
        options: Shares.
        completion_id: Decides by lot.
        n: Answers that were asked for.
        pairs: Whether the client can show two, and may be asked to.
        greedy: Whether the same question gets the same answer.

    Returns:
        The plan. A version that was pinned answers alone.
    """
    if n > 1 or served.role == "pinned":
        return Plan(served, n)
    turned = lot(completion_id, "order") < 0.5
    arms = snapshot.rivals(served.scope)
    if arms is None:
        learn = pairs and lot(completion_id, "pair") < options.pair_share
        return Plan(served, pair="learn" if learn else None, turned=turned)
    rival = next(arm for arm in arms if arm.role != served.role)
    if pairs and lot(completion_id, "pair") < options.trial_pair_share:
        return Plan(served, rival=rival, pair="trial", turned=turned)
    return Plan(served, rival=rival if options.shadow and greedy else None)


def planned_steps(
    plan: Plan, prompt: Prompt, theirs: Prompt | None, sampling: Sampling, token: CancelToken
) -> Iterator[Step]:
    """Carry a plan out. Blocking; asks the token between pieces.

    Args:
        plan: Who answers, and who else is asked.
        prompt: What is asked, with the passages that the answering version found.
        theirs: The same with what the rival found; None where it is not asked.
        sampling: How to draw.
        token: Stops the work.

    Yields:
        Step: Where a pair was planned first how many answers there are; then pieces of text, each answer once it is
            whole, and last what the comparison gave.

    Raises:
        PolicyError: If the answering policy cannot answer or breaks off.
    """
    if plan.again is not None:
        yield from again_steps(plan.served.policy, plan.again, sampling, token)
        return
    if plan.pair is None or not prompt.passages:
        yield from _alone(plan, prompt, theirs, sampling, token)
        return
    try:
        first, second = _two(plan, prompt, theirs, sampling, token)
    except SamplingCancelled:
        return
    differ = second is not None and heard(first) != heard(second)
    # Only answers to the same passages can be told apart by who gave them.
    if second is None or not differ or (theirs or prompt) != prompt:
        yield Opening((plan.served,))
        yield from _given(first)
    else:
        shown = [(plan.served, first.answer), (plan.rival or plan.served, second.answer)]
        if plan.turned:
            shown.reverse()
        yield Opening(tuple(served for served, _ in shown), plan.pair)
        for index, (_, answer) in enumerate(shown):
            yield from _given(finish(index, answer, prompt))
    if plan.pair == "trial" and second is not None:
        yield Compared(not differ)


def _alone(plan: Plan, prompt: Prompt, theirs: Prompt | None, sampling: Sampling, token: CancelToken) -> Iterator[Step]:
    """Answer as if there were nobody else; then ask the rival, of whose answer nothing is shown."""
    if plan.pair is not None:
        yield Opening((plan.served,))
    ours: Finished | None = None
    for step in answer_steps(plan.served.policy, prompt, sampling, plan.n, token):
        if isinstance(step, Finished):
            ours = step
        yield step
    if plan.rival is None or theirs is None or ours is None or token.cancelled:
        return
    try:
        other = _asked(plan.rival, theirs, sampling, token)
    except SamplingCancelled:
        return
    if other is not None:
        yield Compared(heard(ours) == heard(other))


def _two(
    plan: Plan, prompt: Prompt, theirs: Prompt | None, sampling: Sampling, token: CancelToken
) -> tuple[Finished, Finished | None]:
    """Give both answers of a pair, of the answering version first."""
    if plan.rival is None:
        best, other = plan.served.policy.sample([prompt], 2, sampling, cancelled=lambda: token.cancelled)[0]
        return finish(0, best, prompt), finish(1, other, prompt)
    ((ours,),) = plan.served.policy.sample([prompt], 1, sampling, cancelled=lambda: token.cancelled)
    return finish(0, ours, prompt), None if theirs is None else _asked(plan.rival, theirs, sampling, token)


def _asked(rival: Served, prompt: Prompt, sampling: Sampling, token: CancelToken) -> Finished | None:
    """Ask the other arm. If it fails, nobody learns of it but the log: it was not its turn to answer."""
    if not prompt.passages:
        return finish(0, nothing_found(rival.version, sampling), prompt)
    try:
        ((answer,),) = rival.policy.sample([prompt], 1, sampling, cancelled=lambda: token.cancelled)
    except SamplingCancelled:
        raise
    except Exception as error:
        log.warning("version %s could not be asked beside: %s", rival.version, type(error).__name__)
        return None
    return finish(1, answer, prompt)


def _given(item: Finished) -> Iterator[Step]:
    yield Piece(item.index, item.answer.text)
    yield item
