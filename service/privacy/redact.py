"""Takes personal data out of what a model is trained on, by placeholders that keep their place: `<EMAIL_1>`.

Numbers follow the order of a prompt, so the same address has the same placeholder in the question, the history, the
answer and a correction, in every record about that prompt and every time the snapshot is made. They say nothing about
the value, and the same value has another number in another prompt: nothing links two people's records.

What a shown passage says stays as it is, in the answer too, unless `passages` is set: a hotline in a manual is what
the documents are for, and the embedded policy learns by finding its answers' sentences in the passages word for word.
With `passages` both are changed alike, so they go on fitting each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from service.privacy.patterns import Found, Kind, find
from service.settings import Settings

Row = dict[str, Any]
DEFAULT_KINDS: tuple[Kind, ...] = ("email", "phone", "card", "iban", "ip")
_CACHED_TEXTS = 4096  # popular passages are shown in many prompts
STOP = -1  # ends the actions of the embedded policy, which are places of sentences; a causal policy's are its words


@dataclass(frozen=True, slots=True)
class Redactor:
    """What is taken out. Without kinds nothing is."""

    kinds: tuple[Kind, ...] = DEFAULT_KINDS
    regions: tuple[str, ...] = ("US",)
    passages: bool = False

    @classmethod
    def of(cls, settings: Settings) -> Redactor:
        """Take out what the settings say."""
        return cls(settings.redact, settings.redact_regions, settings.redact_passages)

    def text(self, text: str) -> str:
        """Give one text on its own without personal data."""
        return self._replaced(text, _Names(frozenset()))

    def row(self, row: Mapping[str, Any]) -> tuple[Row, Counter[str]]:
        """Give a record as `export.record_row` makes them, without personal data.

        Args:
            row: With its prompt and answers; it is not changed.

        Returns:
            The row, and how many pieces of each kind were taken out.
        """
        prompt: Row = dict(row["prompt"])
        shown: Sequence[Row] = prompt["passages"]
        public = frozenset() if self.passages else frozenset(self._values(shown))
        names = _Names(public)
        for name in ("question", "resolved_question", "instructions"):
            prompt[name] = self._replaced(prompt.get(name) or "", names)
        prompt["history"] = [{**turn, "text": self._replaced(turn["text"], names)} for turn in prompt["history"]]
        if self.passages:
            prompt["passages"] = [self._passage(passage, names) for passage in shown]
        # From here on each text goes on from the prompt by itself: an answer reads the same in all its records.
        answers = [self._answer(answer, names) for answer in row["answers"]]
        changed: Row = {**row, "prompt": prompt, "answers": [answer for answer, _ in answers]}
        taken = names.taken + sum((more for _, more in answers), Counter())
        for name in ("comment", "correction"):
            if row.get(name):
                own = names.branch()
                changed[name] = self._replaced(row[name], own)
                taken += own.taken
        return changed, taken

    def _answer(self, answer: Row, names: _Names) -> tuple[Row, Counter[str]]:
        own = names.branch()
        text = self._replaced(answer["text"], own)
        changed = {**answer, "text": text}
        if "citations" in answer:
            changed["citations"] = [self._strings(citation, own.branch()) for citation in answer["citations"]]
        if text != answer["text"] and tuple(answer.get("actions", ()))[-1:] != (STOP,):
            changed |= {"actions": [], "logprob": None}  # tokens spell out the text that was taken out
        return changed, own.taken

    def _passage(self, passage: Row, names: _Names) -> Row:
        return {**passage, **{name: self._replaced(passage[name], names) for name in ("text", "title")}}

    def _strings(self, value: Any, names: _Names) -> Any:
        if isinstance(value, str):
            return self._replaced(value, names)
        if isinstance(value, Mapping):
            return {key: self._strings(inner, names) for key, inner in value.items()}
        return [self._strings(inner, names) for inner in value] if isinstance(value, list | tuple) else value

    def _values(self, passages: Sequence[Row]) -> Iterator[str]:
        for passage in passages:
            for name in ("text", "title"):
                for one in _found(passage[name], self.kinds, self.regions):
                    yield one.value

    def _replaced(self, text: str, names: _Names) -> str:
        pieces, done = [], 0
        for one in _found(text, self.kinds, self.regions):
            if (name := names.of(one)) is not None:
                pieces += [text[done : one.start], name]
                done = one.end
        return "".join((*pieces, text[done:])) if pieces else text


class _Names:
    """Placeholders by value, in the order in which values are met."""

    def __init__(self, public: frozenset[str], known: Mapping[str, str] | None = None) -> None:
        self._public = public
        self._known = dict(known or {})
        self.taken: Counter[str] = Counter()

    def of(self, found: Found) -> str | None:
        """Give the placeholder, or None for what the passages say anyway."""
        if found.value in self._public:
            return None
        self.taken[found.kind] += 1
        if found.value not in self._known:
            stem = f"<{found.kind.upper()}_"
            number = 1 + sum(name.startswith(stem) for name in self._known.values())
            self._known[found.value] = f"{stem}{number}>"
        return self._known[found.value]

    def branch(self) -> _Names:
        """Give names that begin with these, and whose additions stay their own."""
        return _Names(self._public, self._known)


@lru_cache(maxsize=_CACHED_TEXTS)
def _found(text: str, kinds: tuple[Kind, ...], regions: tuple[str, ...]) -> tuple[Found, ...]:
    return tuple(find(text, kinds, regions)) if kinds and text else ()
