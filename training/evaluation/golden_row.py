"""One line of a golden file: its fields, their types, and what cannot be true together."""

from __future__ import annotations

import difflib
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Text = Annotated[str, Field(min_length=1, max_length=20_000)]
_MOST_PROBLEMS = 3  # of one line


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, str_strip_whitespace=True)


class TurnRow(_Strict):
    """An earlier message."""

    role: Literal["user", "assistant"]
    text: Text


class DocumentRow(_Strict):
    """A document that holds the answer."""

    document: Text
    page: Annotated[int, Field(ge=1)] | None = None


class PassageRow(_Strict):
    """A passage to answer from."""

    text: Text
    document_id: str = ""
    chunk_id: str = ""
    title: str = ""
    filename: str = ""
    page: Annotated[int, Field(ge=1)] | None = None
    score: float = 1.0


class QuestionRow(_Strict):
    """A question and what is expected."""

    id: Annotated[str, Field(max_length=200)] = ""
    question: Text
    history: tuple[TurnRow, ...] = ()
    answers: tuple[Text, ...] = ()
    contains: tuple[Text | Annotated[tuple[Text, ...], Field(min_length=1)], ...] = ()
    documents: tuple[Text | DocumentRow, ...] = ()
    unanswerable: bool = False
    segment: str | None = None
    topic: str = ""
    tags: tuple[str, ...] = ()
    passages: tuple[PassageRow, ...] | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.unanswerable and (self.answers or self.contains or self.documents):
            raise ValueError("an unanswerable question expects no answers, contains or documents")
        return self


def parse(line: bytes) -> QuestionRow:
    """Read one line.

    Args:
        line: JSON in UTF-8.

    Returns:
        The row.

    Raises:
        ValueError: It is no JSON object of the format; the message names the fields.
    """
    try:
        line.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 (byte {error.start + 1} of the line)") from None
    try:
        return QuestionRow.model_validate_json(line)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        said = list(dict.fromkeys(_said(tuple(one["loc"]), one["type"], one["msg"]) for one in found))
        raise ValueError("; ".join(said[:_MOST_PROBLEMS])) from None


def _said(place: tuple[int | str, ...], kind: str, message: str) -> str:
    where = ".".join(str(part) for part in place)
    if kind == "extra_forbidden" and len(place) == 1:
        near = difflib.get_close_matches(str(place[0]), QuestionRow.model_fields, n=1)
        return f"there is no field {where!r}" + (f", {near[0]!r} perhaps" if near else "")
    message = message.removeprefix("Value error, ")
    return f"{where}: {message[0].lower()}{message[1:]}" if where else message[0].lower() + message[1:]
