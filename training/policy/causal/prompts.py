"""From a `Prompt` to token ids: chat template, context budget, and the ids of recorded answers."""

from __future__ import annotations

from typing import Any

from training.policy.base import Answer, Prompt
from training.policy.prompting import Message, build_messages, fit, merge_system


class PromptEncoder:
    """Writes prompts for one model. The same prompt and budget always give the same ids."""

    def __init__(self, tokenizer: Any, context_tokens: int, end_ids: frozenset[int]) -> None:
        self._tokenizer = tokenizer
        self.window = context_tokens
        self.end_ids = end_ids

    def encode(self, prompt: Prompt, max_tokens: int) -> tuple[int, ...]:
        """Give the ids of a prompt that leaves room for the answer; what does not fit is left out.

        Args:
            prompt: What was asked and shown.
            max_tokens: Room to leave for the answer, half the window at most.

        Returns:
            Token ids up to where the answer begins.

        Raises:
            PromptTooLong: The question alone does not fit.
        """
        # An answer limit beyond the model's window must not eat the documents: it keeps half the window at least.
        limit = self.window - min(max_tokens, self.window // 2)
        return self._ids(fit(prompt, lambda shorter: len(self._ids(shorter)), limit))

    def answer_ids(self, answer: Answer) -> tuple[int, ...]:
        """Give the ids of an answer: those recorded, or its text and the end of turn where a person wrote it."""
        if answer.actions:
            return answer.actions
        ids = self._tokenizer(answer.text, add_special_tokens=False)["input_ids"]
        end = self._tokenizer.eos_token_id
        return tuple(ids) if end is None else (*ids, end)

    def _ids(self, prompt: Prompt) -> tuple[int, ...]:
        from jinja2 import TemplateError

        messages = build_messages(prompt)
        try:
            return self._template(messages)
        except TemplateError:
            return self._template(merge_system(messages))

    def _template(self, messages: list[Message]) -> tuple[int, ...]:
        ids = self._tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=True, return_dict=False, enable_thinking=False
        )
        return tuple(ids)
