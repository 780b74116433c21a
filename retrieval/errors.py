"""Errors of the retrieval floor. Each names what was wrong and what would be right.

RetrievalError
├── NotFound
│   ├── CollectionNotFound      no such collection, or the caller may not read it
│   ├── DocumentNotFound        no such document in that collection
│   └── FileNotFound            no such uploaded file
├── Conflict                    the state forbids it (a file still attached, a name taken)
├── InvalidInput                a value that can never work (a bad filter, an empty query)
├── ParseError                  a document that cannot be read; the message says what to do
├── StaleClaim                  a worker lost its lease: its result must not be published
├── IndexCorrupt                a published generation fails its checksums
├── IndexUnavailable            the engine that holds the indexes does not answer
└── StorageFull                 the disk refused a write; nothing was published
"""

from __future__ import annotations

from typing import Literal

ParseErrorCode = Literal[
    "unsupported_file", "invalid_file", "encrypted_file", "empty_file", "file_too_large", "resource_limit"
]


class RetrievalError(Exception):
    """Base of every error this package raises on purpose."""


class NotFound(RetrievalError):
    """What was asked for does not exist, or the caller may not know that it does."""


class CollectionNotFound(NotFound):
    """No such collection, or the caller may not read it (the two look alike on purpose)."""


class DocumentNotFound(NotFound):
    """No such document in that collection."""


class FileNotFound(NotFound):
    """No such uploaded file, or the caller may not read it."""


class Conflict(RetrievalError):
    """The present state forbids the call."""


class InvalidInput(RetrievalError):
    """A value that can never work; the message says what would."""

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class ParseError(RetrievalError):
    """A document that cannot be read. The message tells its owner what to do about it."""

    def __init__(self, code: ParseErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[type[ParseError], tuple[ParseErrorCode, str]]:
        return type(self), (self.code, str(self))


class StaleClaim(RetrievalError):
    """The lease on a document passed to somebody else; this worker's result is refused."""


class IndexCorrupt(RetrievalError):
    """A published generation does not match its manifest."""


class IndexUnavailable(RetrievalError):
    """The engine that holds the published indexes does not answer, or refuses; the message says what it said."""


class StorageFull(RetrievalError):
    """The disk refused a write; what was published before still stands."""
