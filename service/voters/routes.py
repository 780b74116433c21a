"""`/v1/voters`: who judges, what is known of them, and keeping somebody out of training."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from service.access import Principal
from service.container import Container, container_of
from service.errors import ApiError
from service.feedback.routes import everybodys
from service.files.paging import ListOf
from service.privacy.identity import check_identity
from service.voters.schemas import ExclusionBody, VoterView
from service.voters.store import Voter, VoterStore

router = APIRouter(prefix="/v1/voters", tags=["voters"])
Operator = Annotated[Principal, Depends(everybodys)]
Parts = Annotated[Container, Depends(container_of)]
Name = Annotated[
    str, Path(max_length=400, description="Identity of a voter, such as `key:<id>/user:<name>`, quoted for a URL.")
]


@router.get("", summary="List voters")
async def list_voters(
    _principal: Operator,
    parts: Parts,
    after: Annotated[str | None, Query(max_length=400, description="`last_id` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> ListOf[VoterView]:
    """List voters, who judged last first, with what the newest cycle found of each."""
    store, offset = VoterStore(parts.redis), 0
    if after is not None:
        place = await store.rank(after)
        if place is None:
            raise ApiError(
                400, f"there is no voter {after[:80]!r} to go on after; take the `last_id` of a page", param="after"
            )
        offset = place + 1
    found, more = await store.page(limit=limit, offset=offset)
    return ListOf[VoterView].of([VoterView.of(voter) for voter in found], more)


@router.put("/{voter:path}/exclusion", summary="Keep a voter out of training")
async def put_exclusion(voter: Name, body: ExclusionBody, principal: Operator, parts: Parts) -> VoterView:
    """Leave a voter's judgements out from the next snapshot on. They stay in the log, and voting goes on."""
    store = VoterStore(parts.redis)
    await store.exclude(_identity(voter), body.reason, by=principal.identity)
    return VoterView.of(await _voter(store, voter))


@router.delete("/{voter:path}/exclusion", summary="Let a voter count again")
async def delete_exclusion(voter: Name, _principal: Operator, parts: Parts) -> VoterView:
    """Let a voter's judgements count again from the next snapshot on, those given meanwhile too."""
    store = VoterStore(parts.redis)
    if not await store.readmit(_identity(voter)):
        raise ApiError(404, f"{voter[:80]!r} is not excluded", code="voter_not_found", param="voter")
    return VoterView.of(await store.get(voter) or Voter(voter, 0, None, None, None, None))


@router.get("/{voter:path}", summary="Look at a voter")
async def get_voter(voter: Name, _principal: Operator, parts: Parts) -> VoterView:
    """Show one voter."""
    return VoterView.of(await _voter(VoterStore(parts.redis), _identity(voter)))


async def _voter(store: VoterStore, voter: str) -> Voter:
    found = await store.get(voter)
    if found is None:
        raise ApiError(404, f"{voter[:80]!r} never judged anything", code="voter_not_found", param="voter")
    return found


def _identity(voter: str) -> str:
    try:
        return check_identity(voter)
    except ApiError as error:
        raise ApiError(400, str(error).replace("a user", "a voter").replace(", or `me`", ""), param="voter") from None
