"""Names for questions and answers by what they say, so that the same thing said again is recognised.

Exact after folding case, blanks and punctuation: words and numbers must be the same, in the same order.
"""

from __future__ import annotations

import hashlib

from training.policy.base import Prompt
from training.words import words


def text_key(text: str) -> str:
    """Name a text by its words; a text without any by itself."""
    return _digest(" ".join(words(text)) or text.strip())


def question_key(prompt: Prompt) -> str:
    """Name a question. One that stands in a conversation and was not made self-contained includes the conversation."""
    context = [] if prompt.resolved_question else [turn.text for turn in prompt.history]
    return _digest("\0".join([*(text_key(text) for text in context), text_key(prompt.query)]))


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
