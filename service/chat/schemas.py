"""What a chat request may say: OpenAI's fields, plus `collections`, `pairs` and `again`.

Fields we do not know are let through, as OpenAI's clients send new ones every month. A value that cannot work (a tool,
an image, a JSON response format) is refused with what would work: ignoring it would answer another question.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

MAX_CHOICES = 4
MAX_MESSAGES = 500


def _refuse(message: str) -> PydanticCustomError:
    # The message is data: braces in it would be read as a template.
    return PydanticCustomError("unsupported", "{reason}", {"reason": message})


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _refuse(f"half of a surrogate pair at character {error.start}; send valid Unicode") from None
    return text


Text = Annotated[str, AfterValidator(_encodable)]
CollectionName = Annotated[Text, Field(min_length=1, max_length=200)]
Role = Literal["system", "developer", "user", "assistant"]


class ContentPart(BaseModel):
    """One part of a message; text is the only kind this service reads."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["text"]
    text: Text


class ChatMessage(BaseModel):
    """One message of the conversation."""

    model_config = ConfigDict(extra="ignore")

    role: Role
    content: Text | list[ContentPart] = ""

    @model_validator(mode="before")
    @classmethod
    def no_tools(cls, value: Any) -> Any:
        """Refuse tool traffic by name, and read OpenAI's null content of an assistant as empty."""
        if isinstance(value, dict):
            if value.get("role") in ("tool", "function") or value.get("tool_calls"):
                raise _refuse("Tools are not supported; send only system, developer, user and assistant messages.")
            if value.get("content") is None and value.get("role") == "assistant":
                return {**value, "content": ""}
        return value

    @field_validator("content", mode="before")
    @classmethod
    def text_or_parts(cls, value: Any) -> Any:
        """Refuse a wrong content here, once, and not once for each form it might have had."""
        if not isinstance(value, str | list):
            raise _refuse("Message content must be a string or a list of parts of type 'text'.")
        for part in value if isinstance(value, list) else ():
            kind = part.get("type") if isinstance(part, dict) else part
            if kind != "text":
                raise _refuse(f"Content parts of type {kind!r} cannot be read; send parts of type 'text'.")
            if not isinstance(part.get("text"), str):
                raise _refuse("A content part of type 'text' has its text in `text`, as a string.")
        return value

    @property
    def text(self) -> str:
        """The text of all parts."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content)


class StreamOptions(BaseModel):
    """OpenAI's options of a stream."""

    model_config = ConfigDict(extra="ignore")

    include_usage: bool | None = None


class ChatRequest(BaseModel):
    """The body of `POST /v1/chat/completions`."""

    model_config = ConfigDict(extra="allow")

    model: Annotated[Text, Field(min_length=1, max_length=200)] = "groundloop"
    messages: Annotated[list[ChatMessage], Field(max_length=MAX_MESSAGES)]
    collections: Annotated[list[CollectionName], Field(max_length=100)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, Field(ge=1, le=MAX_CHOICES)] | None = None
    pairs: Annotated[bool | None, Field(description="The client can show two answers and ask which is better.")] = None
    again: Annotated[
        Text | None,
        Field(min_length=1, max_length=128, description="An answer of yours: its prompt is answered once more."),
    ] = None
    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), le=2**63 - 1)] | None = None
    stop: Text | Annotated[list[Text], Field(max_length=4)] | None = None
    user: Annotated[Text, Field(max_length=256)] | None = None
    store: bool | None = None
    metadata: dict[Text, Text] | None = None

    @model_validator(mode="before")
    @classmethod
    def refuse_what_cannot_work(cls, value: Any) -> Any:
        """Refuse the OpenAI features whose silent absence would change the meaning of the answer."""
        if not isinstance(value, dict):
            return value
        if value.get("tools") or value.get("functions"):
            raise _refuse("Tools and functions are not supported: answers come from the documents. Leave `tools` out.")
        kind = value["response_format"].get("type") if isinstance(value.get("response_format"), dict) else None
        if kind not in (None, "text"):
            raise _refuse(f"response_format {kind!r} is not supported; leave it out or send {{'type': 'text'}}.")
        if value.get("logprobs"):
            raise _refuse("Token log-probabilities are not returned; leave `logprobs` out.")
        modalities = value.get("modalities")
        if isinstance(modalities, list) and modalities != ["text"] and modalities:
            raise _refuse("Only text is answered; leave `modalities` out or send ['text'].")
        return value

    @field_validator("messages")
    @classmethod
    def ends_with_a_question(cls, messages: list[ChatMessage]) -> list[ChatMessage]:
        """The last message is what gets answered."""
        if not messages:
            raise _refuse("`messages` is empty; send at least one message with role 'user'.")
        if messages[-1].role != "user":
            raise _refuse(f"The last message must have role 'user', not {messages[-1].role!r}: it is the question.")
        if not messages[-1].text.strip():
            raise _refuse("The last message is empty; put the question in its content.")
        return messages

    @field_validator("collections")
    @classmethod
    def some_collection(cls, collections: list[str] | None) -> list[str] | None:
        """An empty list can find nothing."""
        if collections is not None and not collections:
            raise _refuse("`collections` is empty; name at least one, or leave it out to search all you may read.")
        return collections

    @model_validator(mode="after")
    def again_is_one(self) -> ChatRequest:
        """One more answer is one answer."""
        if self.again is not None and self.choices > 1:
            raise _refuse("`again` gives one more answer; leave `n` out.")
        return self

    @property
    def choices(self) -> int:
        """How many answers are wanted."""
        return self.n or 1

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with a usage chunk."""
        return bool(self.stream_options and self.stream_options.include_usage)

    @property
    def consent(self) -> bool:
        """Whether the answer may be learned from: `store: false` or `metadata.train: "false"` says no."""
        told = (self.metadata or {}).get("train", "true").strip().lower()
        return self.store is not False and told not in ("false", "0", "no", "off")
