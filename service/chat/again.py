"""The same prompt answered once more: another answer to what was asked, from the passages that were shown then.

Both answers then share one recorded prompt, so that people can say which is better. Nothing is searched anew; where the
documents behind the first answer are gone, changed or closed to the asker by now, the question has to be asked anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from retrieval.errors import NotFound
from service.chat.bridge import CancelToken
from service.chat.steps import Compared, Finished, Piece, Step, finish, nothing_found
from service.chat.trial import Heard, heard
from service.errors import ApiError
from service.feedback.errors import AnswerNotFound
from service.scopes import NAMED
from training.policy.base import Prompt, Sampling, SamplingCancelled, ServingPolicy

if TYPE_CHECKING:
    from retrieval.catalog import Catalog
    from retrieval.types import Caller
    from service.chat.asked import Asked
    from service.feedback.answers import AnswerRecord, AnswerStore

LOOKED_AT = 8  # of the newest answers to the prompt: none of them is given once more if it can be helped
MORE = 4  # drawn together where the first draw brought nothing new
_GONE = "the documents behind this answer were changed, deleted or closed since; ask anew, without `again`"


@dataclass(frozen=True, slots=True)
class Again:
    """What is answered once more."""

    first: AnswerRecord
    before: Heard  # what the first answer told
    known: frozenset[Heard]  # what the answers to the prompt told, this one among them

    def asked_as_then(self, asked: Asked) -> Asked:
        """Give the request as it would have been made then: it goes to the same scope, and no further consent."""
        named = self.first.attributes.get(NAMED)
        return replace(
            asked,
            collections=None if named is None else (named,),
            segment=self.first.prompt.segment,
            consent=asked.consent and self.first.consent,
        )


async def recall(answer_id: str, asked: Asked, answers: AnswerStore, catalog: Catalog) -> Again:
    """Find what is to be answered once more.

    Args:
        answer_id: Of an answer of the asker's own.
        asked: The request that names it.
        answers: The record.
        catalog: Says what the asker may read now.

    Returns:
        The answer with its prompt, and what has been answered to that.

    Raises:
        ApiError: 404 for an answer of somebody else, 400 for another question than it answered, 409 where its
            passages may not be shown any more.
    """
    first = await answers.get(answer_id)
    if first is None or first.user != asked.principal.identity:
        raise AnswerNotFound(answer_id, param="again")
    if asked.conversation.question != first.prompt.question:
        raise ApiError(
            400, "the last message is not the question that this answer answered; send that one", param="messages"
        )
    if not await asyncio.to_thread(_still_there, first.prompt, asked.principal.caller, catalog):
        raise ApiError(409, _GONE, code="passages_changed", param="again")
    others = await answers.get_many((await answers.of_prompt(first.prompt_id))[-LOOKED_AT:])
    told = _told(first)
    return Again(first, told, frozenset({told, *(_told(one) for one in others.values())}))


def again_steps(policy: ServingPolicy, again: Again, sampling: Sampling, token: CancelToken) -> Iterator[Step]:
    """Answer a recorded prompt once more, whole: only then is it known whether the answer is another one. Blocking.

    Args:
        policy: Who answers.
        again: The prompt, and what was answered to it.
        sampling: How to draw.
        token: Stops the work.

    Yields:
        Step: The answer's text, the answer, and whether it tells the same as the first one.

    Raises:
        PolicyError: If the policy cannot answer.
    """
    prompt = again.first.prompt
    try:
        drawn = _drawn(policy, again, sampling, token)
    except SamplingCancelled:
        return
    new = [one for one in drawn if heard(one) not in again.known]
    other = [one for one in drawn if heard(one) != again.before]
    chosen = next(iter([*new, *other, *drawn]))
    yield Piece(0, chosen.answer.text)
    yield finish(0, chosen.answer, prompt)
    yield Compared(heard(chosen) == again.before)


def _drawn(policy: ServingPolicy, again: Again, sampling: Sampling, token: CancelToken) -> list[Finished]:
    """Draw one answer, and some more at once if that one is known: a policy makes those differ where it can."""
    prompt = again.first.prompt
    if not prompt.passages:
        return [finish(0, nothing_found(policy.version, sampling), prompt)]
    drawn: list[Finished] = []
    for n in (1, MORE):
        (answers,) = policy.sample([prompt], n, sampling, cancelled=lambda: token.cancelled)
        drawn += [finish(0, answer, prompt) for answer in answers]
        if heard(drawn[-1]) not in again.known:
            break
    return drawn


def _still_there(prompt: Prompt, caller: Caller, catalog: Catalog) -> bool:
    """Tell whether everything that was shown is still in the documents, and still for this caller."""
    try:
        return all(catalog.chunk(caller, shown.chunk_id).text == shown.text for shown in prompt.passages)
    except NotFound:
        return False


def _told(record: AnswerRecord) -> Heard:
    return heard(finish(0, record.answer, record.prompt))
