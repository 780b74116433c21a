"""Bytes of answers, prompts and passages in Redis: compact JSON, deflated with a preset dictionary.

Unknown fields are ignored when read.

A passage is split in two: what it is (text, title, where it came from), kept once by its digest, and how it was shown
in one prompt (number, scores), kept with the prompt.
"""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from service.feedback.preset import PRESET
from training.policy.base import Answer, Prompt, Sampling, ShownPassage, Turn

if TYPE_CHECKING:
    from service.feedback.answers import AnswerRecord

SHOWN_FIELDS = ("number", "score", "dense_score", "lexical_score")  # differ from prompt to prompt
DIGEST_BYTES = 16
POPULAR = 1024  # passages whose bytes are remembered: about 3 MB


@dataclass(frozen=True, slots=True)
class Shown:
    """How a passage was shown in one prompt, pointing to what it is."""

    digest: str
    number: int
    score: float
    dense_score: float
    lexical_score: float

    def fill(self, passage: ShownPassage) -> ShownPassage:
        """Join with what the passage is."""
        return replace(
            passage,
            number=self.number,
            score=self.score,
            dense_score=self.dense_score,
            lexical_score=self.lexical_score,
        )


def pack(value: object) -> bytes:
    """Deflate compact JSON."""
    return _deflate(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def unpack(payload: bytes) -> Any:
    """Undo `pack`; payloads made before there was a preset dictionary are read too."""
    inflater = zlib.decompressobj(zdict=PRESET)
    return json.loads(inflater.decompress(payload) + inflater.flush())


def _deflate(text: bytes) -> bytes:
    deflater = zlib.compressobj(6, zdict=PRESET)
    return deflater.compress(text) + deflater.flush()


def digest_of(*parts: bytes) -> str:
    """Give a short name for content: 128 bits of SHA-256, url-safe."""
    hashed = hashlib.sha256(b"\0".join(parts)).digest()[:DIGEST_BYTES]
    return base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()


def prompt_identity(user: str, prompt: Prompt) -> str:
    """Name a prompt by its asker and content, so that asking again with the same outcome is the same prompt.

    The asker is part of it: nobody's prompt is ever shared with another person, which keeps erasure simple.
    """
    shown = [(passage.chunk_id, passage.text) for passage in prompt.passages]
    turns = [(turn.role, turn.text) for turn in prompt.history]
    identity = (user, prompt.question, prompt.resolved_question, turns, shown, prompt.collections, prompt.instructions)
    return "prm_" + digest_of(json.dumps(identity, ensure_ascii=False).encode())


def encode_passages(passages: Sequence[ShownPassage]) -> list[tuple[str, bytes]]:
    """Give (digest, bytes) of what each passage is, in the order shown."""
    encoded = []
    for passage in passages:
        value = {
            item.name: getattr(passage, item.name)
            for item in fields(passage)
            if item.name not in SHOWN_FIELDS and getattr(passage, item.name) != item.default
        }
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        encoded.append(_passage_bytes(text))
    return encoded


@lru_cache(POPULAR)
def _passage_bytes(text: bytes) -> tuple[str, bytes]:
    """Name and deflate a passage; popular ones would else be deflated for every answer, which is most of its cost."""
    return digest_of(text), _deflate(text)


def decode_passage(payload: bytes) -> ShownPassage:
    """Undo `encode_passages` for one passage; number and scores are unset."""
    value = _known(ShownPassage, unpack(payload))
    value["heading_path"] = tuple(value.get("heading_path", ()))
    return ShownPassage(number=0, score=0.0, **value)


def encode_prompt(prompt: Prompt, digests: Sequence[str]) -> bytes:
    """Give the bytes of a prompt whose passages are named by their digests."""
    value: dict[str, Any] = {
        "question": prompt.question,
        "passages": [
            [digest, passage.number, *map(_score, (passage.score, passage.dense_score, passage.lexical_score))]
            for digest, passage in zip(digests, prompt.passages, strict=True)
        ],
    }
    if prompt.history:
        value["history"] = [[turn.role, turn.text] for turn in prompt.history]
    for name in ("resolved_question", "segment", "instructions"):
        if item := getattr(prompt, name):
            value[name] = item
    if prompt.collections:
        value["collections"] = prompt.collections
    return pack(value)


def decode_prompt(payload: bytes) -> tuple[Prompt, list[Shown]]:
    """Undo `encode_prompt`: the prompt without passages, and how they were shown."""
    value = _known(Prompt, unpack(payload))
    shown = [Shown(*item) for item in value.pop("passages")]
    value["history"] = tuple(Turn(*turn) for turn in value.get("history", ()))
    value["collections"] = tuple(value.get("collections", ()))
    return Prompt(passages=(), **value), shown


def encode_answer(record: AnswerRecord, prompt_id: str) -> bytes:
    """Give the bytes of an answer: a header line that scripts read, then the deflated rest."""
    prompt = record.prompt
    header = {
        "prompt": prompt_id,
        "user": record.user,
        "version": record.answer.version,
        "segment": prompt.segment or "",
        "chunks": [passage.chunk_id for passage in prompt.passages],
        "collections": prompt.collections,
        "consent": record.consent,
    }
    answer = {item.name: getattr(record.answer, item.name) for item in fields(record.answer) if item.name != "version"}
    body = {
        "answer": answer | {"sampling": asdict(record.answer.sampling), "timings_ms": dict(record.answer.timings_ms)},
        "created_at": record.created_at,
        "citations": record.citations,
        "model": record.model,
        "request_id": record.request_id,
        "position": record.position,
        "attributes": dict(record.attributes),
    }
    return json.dumps(header, separators=(",", ":")).encode() + b"\n" + pack(body)


def decode_answer(payload: bytes) -> tuple[str, AnswerRecord]:
    """Undo `encode_answer`: the prompt's id, and the record without its id and prompt."""
    from service.feedback.answers import AnswerRecord

    line, _, packed = payload.partition(b"\n")
    header, body = json.loads(line), unpack(packed)
    answer = _known(Answer, body["answer"])
    sampling = _known(Sampling, answer["sampling"])
    answer |= {
        "version": header["version"],
        "sampling": Sampling(**(sampling | {"stop": tuple(sampling.get("stop", ()))})),
        "actions": tuple(answer.get("actions", ())),
    }
    record = AnswerRecord(
        answer_id="",
        prompt=Prompt(question="", passages=()),
        answer=Answer(**answer),
        user=header["user"],
        created_at=body["created_at"],
        citations=tuple(body["citations"]),
        model=body["model"],
        request_id=body["request_id"],
        position=body["position"],
        consent=header["consent"],
        attributes=body["attributes"],
    )
    return header["prompt"], record


def _score(value: float) -> float:
    """Give a score to the seven digits that single precision carries; the rest would be noise."""
    return float(f"{value:.7g}")


def _known(kind: type[Any], value: Mapping[str, Any]) -> dict[str, Any]:
    names = {item.name for item in fields(kind)}
    return {key: item for key, item in value.items() if key in names}
