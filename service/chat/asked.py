"""What one request asks, read once: the conversation, who asks, how to draw, what may be learned from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from service.access.principal import Principal
from service.access.require import check_end_user
from service.chat.followup import resolve
from service.chat.messages import Conversation, read_conversation, read_sampling
from service.chat.options import ChatOptions
from service.chat.schemas import ChatRequest
from service.errors import ApiError
from service.scopes import only
from training.policy.base import Sampling

SEGMENT_HEADER = "x-groundloop-segment"
CONVERSATION_HEADER = "x-groundloop-conversation"
MAX_LABEL_CHARS = 128


@dataclass(frozen=True, slots=True)
class Asked:
    """A chat request in our words."""

    model: str
    conversation: Conversation
    query: str  # the self-contained question
    principal: Principal
    sampling: Sampling
    choices: int
    collections: tuple[str, ...] | None  # None: all that the caller may read
    segment: str | None
    consent: bool
    attributes: Mapping[str, str]  # kept with the answer
    pairs: bool = False  # whether two answers may be shown
    again: str | None = None  # the answer to whose prompt another one is wanted

    @property
    def named(self) -> str | None:
        """The one collection that is named; None where none or several are."""
        return only(self.collections)


def read(request: ChatRequest, principal: Principal, headers: Mapping[str, str], options: ChatOptions) -> Asked:
    """Read a request.

    A trusted caller's `user` field names the end user, as its header does. A label is taken from the header first, then
    from the request's metadata; a segment also from the key.

    Args:
        request: The validated body.
        principal: Who calls.
        headers: The request's headers, by lower-case names.
        options: Limits and defaults.

    Returns:
        What is asked.

    Raises:
        ApiError: 400 for an end user's id or a label that cannot be one.
    """
    if request.user and principal.trusted:
        principal = principal.acting_for(check_end_user(request.user, param="user"))
    metadata = request.metadata or {}
    conversation = read_conversation(request.messages, max_turns=options.max_history_turns)
    segment = _label(headers.get(SEGMENT_HEADER) or metadata.get("segment"), "segment")
    conversation_id = _label(headers.get(CONVERSATION_HEADER) or metadata.get("conversation_id"), "conversation_id")
    return Asked(
        model=request.model,
        conversation=conversation,
        query=resolve(conversation.question, conversation.history).text,
        principal=principal,
        sampling=read_sampling(request, options),
        choices=request.choices,
        collections=None if request.collections is None else tuple(dict.fromkeys(request.collections)),
        segment=segment or principal.segment,
        consent=request.consent,
        attributes={"conversation_id": conversation_id} if conversation_id else {},
        pairs=bool(request.pairs),
        again=request.again,
    )


def _label(value: str | None, name: str) -> str | None:
    if not value:
        return None
    if len(value) > MAX_LABEL_CHARS or not value.isprintable():
        raise ApiError(400, f"{name} is up to {MAX_LABEL_CHARS} printable characters", param=f"metadata.{name}")
    return value
