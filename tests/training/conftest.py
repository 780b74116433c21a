"""Models and prompts shared by the tests of this floor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.training.tiny_causal import add_tiny_adapter, make_tiny_causal
from training.policy.base import Prompt, ShownPassage

if TYPE_CHECKING:
    from training.policy.causal import CausalLMPolicy

PASSAGES = (
    "Refunds are paid within thirty days of purchase. Opened software is excluded from refunds.",
    "The support desk answers within two hours on working days. It was founded in 1998 by Ada Berg.",
    "Parcels are sent from Bergen. Delivery takes three days in Norway and eight days elsewhere.",
)


def make_prompt(question: str = "When are refunds paid?", texts: tuple[str, ...] = PASSAGES) -> Prompt:
    """Show some passages for a question, the best first."""
    shown = tuple(
        ShownPassage(
            number=number,
            chunk_id=f"chk_{number}",
            document_id=f"file-{number}",
            title="Handbook",
            text=text,
            score=1.0 - number / 10,
            dense_score=0.7 - number / 10,
            lexical_score=3.0 / number,
        )
        for number, text in enumerate(texts, 1)
    )
    return Prompt(question=question, passages=shown)


@pytest.fixture
def prompt() -> Prompt:
    """Give a question with three passages."""
    return make_prompt()


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a tiny causal LM once for the session."""
    return make_tiny_causal(tmp_path_factory.mktemp("tiny-causal"))


@pytest.fixture(scope="session")
def tiny_adapter(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a LoRA adapter for it."""
    return add_tiny_adapter(tiny_checkpoint, tmp_path_factory.mktemp("tiny-adapter"))


@pytest.fixture(scope="session")
def causal(tiny_checkpoint: Path) -> Iterator[CausalLMPolicy]:
    """Load the tiny causal LM as a policy."""
    from training.policy.causal import CausalLMPolicy

    policy = CausalLMPolicy.load(str(tiny_checkpoint), version="tiny", device="cpu")
    yield policy
    policy.close()
