"""The feedback calls.

Whoever asked may judge the answer; so may operators, and those who may read every collection it drew on. To everyone
else the answer does not exist.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Literal, TypeVar

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import AfterValidator, ValidationError

from retrieval.errors import CollectionNotFound
from service.access import Principal, require
from service.access.require import USER_HEADER
from service.container import Container, container_of
from service.cycles.readers import access_lists
from service.error_handlers import invalid_request
from service.errors import ApiError
from service.feedback import schemas, views
from service.feedback.background import background_of
from service.feedback.browse import FeedbackFilter, browse, entry_cursor
from service.feedback.errors import AnswerNotFound, NotTheAsker
from service.feedback.export import ExportFormat, FeedbackExport, learned_by
from service.feedback.lineage import lineage, summary
from service.feedback.records import WITHDRAWN, Kind
from service.privacy.gone import gone
from service.scopes import Scope
from training.records.reasons import Reason

router = APIRouter(prefix="/v1", tags=["feedback"])

User = Annotated[Principal, Depends(require("user"))]
Operator = Annotated[Principal, Depends(require("operator"))]


async def everybodys(principal: Operator) -> Principal:
    """Let an operator in who acts for nobody: an end user may read what that user may, and not everybody's words."""
    if principal.end_user is not None:
        raise ApiError(
            403,
            f"an end user may not see what everybody said; leave out {USER_HEADER}",
            code="insufficient_role",
        )
    return principal


Everybodys = Annotated[Principal, Depends(everybodys)]
Seconds = Annotated[float, Query(ge=0, le=1e11, description="Seconds since the epoch.")]
Stated = Literal["up", "down", "none", "withdrawn", "first", "second", "tie", "both_bad", "ranked"]

T = TypeVar("T")


@router.put(
    "/answers/{answer_id}/vote", openapi_extra=schemas.VOTE_REQUEST, responses={200: {"model": schemas.VoteView}}
)
async def put_vote(answer_id: str, request: Request, principal: User) -> Response:
    """Judge an answer. The last vote of a voter stands; `rating: null` withdraws it. On disk when this answers."""
    # The busiest write: the body is read here and the container is no dependency, because FastAPI takes longer for them
    # than Redis for the vote.
    try:
        vote = schemas.VoteBody.model_validate_json(await request.body()).vote()
    except ValidationError as error:
        raise invalid_request(list(error.errors(include_url=False))) from None
    container = container_of(request)
    voter, limit = principal.identity, votes_per_minute(principal, container)
    log = container.feedback
    recorded = await _judging(
        principal,
        container,
        lambda vouched: log.vote(answer_id, vote, voter=voter, allowed=vouched > 0, votes_per_minute=limit),
    )
    if recorded.changed:
        for reason in vote.reasons or ("",):
            container.metrics.feedback_total.labels(vote.stated, reason).inc()
    return JSONResponse(views.vote(answer_id, vote, recorded.entry_id, recorded.at))


@router.get("/answers/{answer_id}/vote", response_model=schemas.VoteHistoryView)
async def get_vote(answer_id: str, request: Request, principal: User) -> schemas.VoteHistoryView:
    """Give the caller's vote on an answer, and what became of it."""
    container = container_of(request)
    try:
        entries = await _judging(
            principal,
            container,
            lambda vouched: container.feedback.history(answer_id, voter=principal.identity, allowed=vouched > 0),
        )
    except AnswerNotFound as missing:
        story = None if isinstance(missing, NotTheAsker) else await gone(container.redis, answer_id)
        if story is None:
            raise
        return story
    current = entries[0] if entries and entries[0].stated != WITHDRAWN else None
    shown = current and views.vote(answer_id, current.vote(), current.entry_id, current.at)
    known = await background_of(container.redis, entries, consent_default=container.settings.consent_default)
    return schemas.VoteHistoryView.model_validate(
        {
            "vote": shown,
            "version": current and current.versions[0],
            "lineage": lineage(entries, known),
            "summary": summary(entries, known),
        }
    )


@router.post("/preferences", response_model=schemas.PreferenceView)
async def post_preference(
    body: schemas.PreferenceBody,
    request: Request,
    principal: User,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=128)] = None,
) -> Response:
    """Compare two to four answers to one prompt. The last word of a voter about the same answers stands."""
    preference, container = body.preference(), container_of(request)
    limit = votes_per_minute(principal, container)
    recorded = await _judging(
        principal,
        container,
        lambda vouched: container.feedback.prefer(
            preference,
            voter=principal.identity,
            vouched=vouched,
            votes_per_minute=limit,
            idempotency_key=idempotency_key,
        ),
    )
    if recorded.changed:
        for reason in preference.reasons or ("",):
            container.metrics.feedback_total.labels(preference.outcome, reason).inc()
    entries = await container.feedback.read([recorded.entry_id] if recorded.entry_id else [])
    versions = entries[0].versions if entries else ()  # only now: until they were compared nobody was told
    return JSONResponse(views.preference(preference, recorded.entry_id, recorded.at, versions))


@router.get("/feedback")
async def list_feedback(
    _operator: Everybodys,
    request: Request,
    kind: Kind | None = None,
    rating: Annotated[Stated | None, Query(description="Of preferences: the outcome.")] = None,
    reason: Reason | None = None,
    version: str | None = None,
    segment: str | None = None,
    voter: str | None = None,
    answer_id: str | None = None,
    since: Seconds | None = None,
    until: Seconds | None = None,
    history: Annotated[bool, Query(description="Also what was replaced since.")] = False,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    order: Literal["asc", "desc"] = "desc",
    after: Annotated[
        str | None, AfterValidator(entry_cursor), Query(description="`last_id` of the page before.")
    ] = None,
) -> schemas.FeedbackPage:
    """Browse the feedback log."""
    wanted = FeedbackFilter(kind, rating, reason, version, segment, voter, answer_id, since, until)
    page = await browse(container_of(request).feedback, wanted, limit=limit, after=after, order=order, history=history)
    return views.page(page)


@router.get(
    "/feedback/export",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}},
)
async def export_feedback(
    _operator: Everybodys,
    request: Request,
    format: ExportFormat = "records",
    scope: Annotated[
        str,
        Query(
            max_length=512,
            description="Who is to learn from it: `shared`, `segment:<name>`, `collection:<id>`; or `all` there is.",
        ),
    ] = "shared",
    since: Seconds | None = None,
    until: Seconds | None = None,
) -> StreamingResponse:
    """Stream the feedback out as JSON lines: joined records, or TRL's preference and KTO rows."""
    container = container_of(request)
    if scope == "all":
        export = FeedbackExport(container.feedback, container.answers, consents=container.consents)
    else:
        may = learned_by(_scope(scope), await asyncio.to_thread(access_lists, container.catalog))
        export = FeedbackExport(container.feedback, container.answers, may, container.consents)
    lines = export.lines(format, since=since, until=until)
    # The first batch is read before the status is sent, so that a Redis that is down gives a 503 and not a broken 200.
    first = await anext(lines, b"")
    headers = {"Content-Disposition": f'attachment; filename="feedback-{format}.jsonl"'}
    return StreamingResponse(_rest(first, lines), media_type="application/x-ndjson", headers=headers)


def _scope(text: str) -> Scope:
    try:
        return Scope.parse(text)
    except ValueError as error:
        raise ApiError(400, f"{error}; or `all`", param="scope") from None


async def _rest(first: bytes, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in lines:
        yield piece


def votes_per_minute(principal: Principal, container: Container) -> int:
    """Give the limit of a voter: the key's own, else the setting."""
    own = principal.votes_per_minute
    return container.settings.votes_per_minute if own is None else own


async def _judging(principal: Principal, container: Container, act: Callable[[int], Awaitable[T]]) -> T:
    """Act as the asker; where somebody else asked, only once the catalog lets the caller read what the answer used.

    Each answer is looked at by itself, so that one that may be judged does not vouch for one that may not.
    """
    caller = principal.caller
    vouched = schemas.MOST_ANSWERS if caller.reads_all else 0
    while True:
        try:
            return await act(vouched)
        except NotTheAsker as refusal:
            # An answer that drew on no collection is open to its asker and to operators alone.
            if not refusal.collections:
                raise
            try:
                for collection_id in refusal.collections:
                    await asyncio.to_thread(container.catalog.collection, caller, collection_id)
            except CollectionNotFound:
                raise refusal from None
            vouched = refusal.place
