"""Bytes of the record: small, and readable for as long as anybody keeps them."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace

from service.feedback.codec import (
    decode_answer,
    decode_passage,
    decode_prompt,
    encode_answer,
    encode_passages,
    encode_prompt,
    pack,
    unpack,
)
from service.feedback.preset import PRESET
from tests.service.feedback.samples import make_passage, make_prompt, make_record


def test_the_preset_never_changes() -> None:
    """Everything that was ever written needs it: add another one instead."""
    assert (len(PRESET), zlib.adler32(PRESET)) == (1392, 352761736)


def test_payloads_without_a_preset_are_read() -> None:
    value = {"text": "☂", "list": [1, 2.5, None]}
    assert unpack(zlib.compress(json.dumps(value).encode())) == unpack(pack(value)) == value


def test_an_answer_is_given_back() -> None:
    record = make_record()
    prompt_id, found = decode_answer(encode_answer(record, "prm_x"))
    assert prompt_id == "prm_x"
    assert replace(found, answer_id=record.answer_id, prompt=record.prompt) == record


def test_scores_keep_seven_digits() -> None:
    passage = make_passage(score=0.12345678901234567, dense_score=-1.0, lexical_score=1234.56789012345)
    ((digest, payload),) = encode_passages([passage])
    prompt, (shown,) = decode_prompt(encode_prompt(make_prompt(passages=(passage,)), [digest]))
    assert shown.fill(decode_passage(payload)) == replace(passage, score=0.1234568, lexical_score=1234.568)
    assert prompt == make_prompt(passages=())


def test_what_nearly_all_answers_say_costs_little() -> None:
    line, _, body = encode_answer(make_record("x" * 8), "prm_x").partition(b"\n")
    assert len(body) < 150
    assert json.loads(line)["prompt"] == "prm_x"
