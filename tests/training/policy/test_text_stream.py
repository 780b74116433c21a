"""Text from tokens: whole characters, and nothing shown that a stop string takes back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.policy.causal.text import TextStream


class Bytes:
    """The hardest tokenizer: every byte a token."""

    def decode(self, token_ids: list[int], *, skip_special_tokens: bool = False) -> str:
        return bytes(token_ids).decode("utf-8", errors="replace")


def run(text: str, stop: tuple[str, ...] = ()) -> tuple[list[str], TextStream]:
    stream = TextStream(Bytes(), stop)
    pieces = []
    for token in text.encode():
        pieces.append(stream.add(token))
        if stream.stopped:
            return pieces, stream
    return [*pieces, stream.finish()], stream


@given(st.text(min_size=1, max_size=30).map(lambda text: text.replace("\ufffd", "?")))
def test_characters_come_whole(text: str) -> None:
    pieces, stream = run(text)
    assert "".join(pieces) == stream.text == text.lstrip()
    assert not any("\ufffd" in piece for piece in pieces)


@given(st.text(alphabet="abé ", max_size=20), st.lists(st.text(alphabet="abé", min_size=1, max_size=3), max_size=2))
def test_the_stop_string_that_is_complete_first_cuts_exactly(text: str, stop: list[str]) -> None:
    pieces, stream = run("x" + text, tuple(stop))
    whole = "x" + text
    met = next((end for end in range(len(whole) + 1) if whole[:end].endswith(tuple(stop))), None) if stop else None
    cut = None if met is None else min(at for at in (whole[:met].find(one) for one in stop) if at >= 0)
    assert "".join(pieces) == stream.text == whole[:cut]
    assert stream.stopped is (cut is not None)


def test_a_real_tokenizer_splits_no_character(tiny_checkpoint: Path) -> None:
    transformers = pytest.importorskip("transformers")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_checkpoint)
    text = "Fluß 日本語 🎉🎊 привет, déjà vu"
    stream = TextStream(tokenizer)
    pieces = [stream.add(token) for token in tokenizer(text)["input_ids"]]
    assert "".join([*pieces, stream.finish()]) == text
    assert not any("\ufffd" in piece for piece in pieces)
