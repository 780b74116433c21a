"""`GET /v1/answers/{answer_id}`: an answer replayed, for operators."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from service.container import Container, container_of
from service.feedback.replay import AnswerOut, answer_view, shown_beside
from service.feedback.routes import Everybodys

router = APIRouter(prefix="/v1/answers", tags=["feedback"])
Parts = Annotated[Container, Depends(container_of)]
NEIGHBOURS = 3  # at most four answers are given to one request, and they are recorded together


@router.get("/{answer_id}", summary="Look at an answer again")
async def get_answer(answer_id: Annotated[str, Path(max_length=128)], _operator: Everybodys, parts: Parts) -> AnswerOut:
    """Show a recorded answer: its conversation, the passages as shown, the text, and what stands about it."""
    prompt_id, record = await parts.answers.find(answer_id)
    siblings = await parts.answers.of_prompt(prompt_id)
    at = siblings.index(answer_id) if answer_id in siblings else 0
    near = siblings[max(0, at - NEIGHBOURS) : at + NEIGHBOURS + 1]
    others = await parts.answers.get_many([name for name in near if name != answer_id])
    said = await parts.judgements.about({answer_id: prompt_id})
    return answer_view(record, shown_beside(record, others), said.get(answer_id, []))
