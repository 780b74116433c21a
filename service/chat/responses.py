"""The shapes of a chat answer: OpenAI's, with Azure's `context` for the evidence and an `answer_id` to judge it by."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from service.chat.steps import Finished
from training.citations import Citation
from training.policy.base import Prompt, ShownPassage


class CitationOut(BaseModel):
    """A quote the answer rests on; the offsets point into the document's text."""

    number: int
    document_id: str
    chunk_id: str
    title: str
    url: str | None
    filepath: str
    content: str
    start_index: int
    end_index: int
    page_start: int | None = None
    page_end: int | None = None
    score: float
    verified: bool


class RetrievedOut(BaseModel):
    """A passage that was found and shown to the model, cited or not."""

    number: int
    document_id: str
    chunk_id: str
    title: str
    url: str | None
    filepath: str
    content: str
    start_index: int
    end_index: int
    page_start: int | None = None
    page_end: int | None = None
    score: float
    dense_score: float
    lexical_score: float
    cited: bool = False


class ContextOut(BaseModel):
    """The evidence: what was searched for, what was found, what was cited."""

    intent: str
    abstained: bool = False
    citations: list[CitationOut] = []
    retrieved: list[RetrievedOut] = []
    same: bool = Field(
        False, exclude_if=lambda same: not same, description="Another answer was wanted, and the policy has no other."
    )


class UrlCitation(BaseModel):
    """OpenAI's reference; the offsets point into the message's content, at the marker."""

    start_index: int
    end_index: int
    title: str
    url: str


class AnnotationOut(BaseModel):
    """One marker of the answer in OpenAI's nested form."""

    type: Literal["url_citation"] = "url_citation"
    url_citation: UrlCitation
    number: int
    verified: bool


class MessageOut(BaseModel):
    """The answer."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None
    annotations: list[AnnotationOut] = []
    context: ContextOut


class ChoiceOut(BaseModel):
    """One of the n answers."""

    index: int
    message: MessageOut
    finish_reason: Literal["stop", "length"]
    logprobs: None = None
    answer_id: str | None  # null when it could not be recorded, so that nobody can vote into the void
    recorded: bool


class UsageOut(BaseModel):
    """Tokens as the policy counts them."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatCompletionOut(BaseModel):
    """The answer to a request that is not streamed."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[ChoiceOut]
    usage: UsageOut
    system_fingerprint: str
    pair: bool = Field(
        False, exclude_if=lambda pair: not pair, description="Two answers to compare; nobody is told whose they are."
    )


def message_of(finished: Finished, prompt: Prompt, *, same: bool = False) -> MessageOut:
    """Give an answer as a message, with its evidence; an abstention cites nothing."""
    cited = finished.cited
    citations = [] if finished.abstained else [_citation(citation) for citation in cited.citations]
    numbers = {citation.number for citation in citations}
    annotations = [] if finished.abstained else [_annotation(finished, i) for i in range(len(cited.annotations))]
    return MessageOut(
        content=cited.text,
        annotations=annotations,
        context=ContextOut(
            intent=prompt.query,
            abstained=finished.abstained,
            citations=citations,
            retrieved=[retrieved_of(passage, cited=passage.number in numbers) for passage in prompt.passages],
            same=same,
        ),
    )


def retrieved_of(passage: ShownPassage, *, cited: bool = False) -> RetrievedOut:
    """Give a shown passage with both its scores."""
    return RetrievedOut(
        number=passage.number,
        document_id=passage.document_id,
        chunk_id=passage.chunk_id,
        title=passage.title,
        url=passage.url,
        filepath=passage.filename,
        content=passage.text,
        start_index=passage.start,
        end_index=passage.start + len(passage.text),
        page_start=passage.page_start,
        page_end=passage.page_end,
        score=passage.score,
        dense_score=passage.dense_score,
        lexical_score=passage.lexical_score,
        cited=cited,
    )


def usage_of(finished: list[Finished]) -> UsageOut:
    """Count the prompt once and every answer."""
    prompt = max((item.answer.prompt_tokens for item in finished), default=0)
    completion = sum(item.answer.completion_tokens for item in finished)
    return UsageOut(prompt_tokens=prompt, completion_tokens=completion, total_tokens=prompt + completion)


def _citation(citation: Citation) -> CitationOut:
    return CitationOut(**{name: getattr(citation, name) for name in CitationOut.model_fields})


def _annotation(finished: Finished, index: int) -> AnnotationOut:
    annotation = finished.cited.annotations[index]
    citation = finished.cited.citations[annotation.citation]
    return AnnotationOut(
        url_citation=UrlCitation(
            start_index=annotation.start_index,
            end_index=annotation.end_index,
            title=annotation.title,
            # OpenAI's clients need a string; a document without an address of its own is served by ours.
            url=annotation.url or f"/v1/files/{citation.document_id}/content",
        ),
        number=annotation.number,
        verified=annotation.verified,
    )
