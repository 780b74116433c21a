"""Why a file of records cannot be used at all. A bad line is no error: it is a `Rejected` beside what could be read.

RecordsError
├── RecordsUnreadable   no file, a directory, or bytes that are no text
├── RecordsTooLarge     more bytes or lines than the limits allow
└── NoRecords           not one usable line; the message says what is wrong with the first
"""

from __future__ import annotations


class RecordsError(ValueError):
    """Base of what is wrong with a whole file. The message says what would be right and quotes no document."""


class RecordsUnreadable(RecordsError):
    """It cannot be opened, or it is not text."""


class RecordsTooLarge(RecordsError):
    """It exceeds the limits it was read under."""


class NoRecords(RecordsError):
    """Nothing in it can be used."""
