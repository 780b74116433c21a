"""Names of what privacy keeps in Redis. None holds a name of a person: people are named by a digest.

gl:consent:<pseudonym>  hash    training (1|0), at (ms), by (self|operator); outlives an erasure, so that a no stays one
gl:erasure:<id>         hash    an erasure; `user` is in it only until it is done
gl:erasures             zset    ids of erasures by the time they were asked for, in ms
gl:erasures:open        set     ids of those that are not done
gl:gone:<answer>        string  why an answer is gone (erased|retired) and since when in ms, for those who judged it
gl:erased:<pseudonym>   string  nothing asked before this time, in ms, is kept; expires when no answer is in the making
gl:learned:<sha256>     set     pseudonyms of everybody in a snapshot whose folder is gone
gl:doomed               set     keys of passages whose prompts are gone and that may be shown by no other
gl:doomed:now           set     those of them that are looked at
gl:doomed:lock          string  who looks; expires
gl:feedback:compact     stream  a copy of the log without what was deleted, in the making
gl:feedback:compacting  string  who makes it; expires
gl:rewrite              string  when something was erased that the append-only file may still hold, in ms
gl:rewritten            string  when the file was last rewritten for that, in ms
gl:retained             hash    when retention last ran to its end (at, ms), and who is at it
"""

from __future__ import annotations

from service.privacy.identity import pseudonym

ERASURES = "gl:erasures"
UNFINISHED = "gl:erasures:open"
DOOMED = "gl:doomed"
LOOKED_AT = "gl:doomed:now"
LOOKING = "gl:doomed:lock"
LEARNED = "gl:learned:"
COMPACT = "gl:feedback:compact"
COMPACTING = "gl:feedback:compacting"
REWRITE = "gl:rewrite"
REWRITTEN = "gl:rewritten"
RETAINED = "gl:retained"


def consent(user: str) -> str:
    """Key of what a person said about training."""
    return f"gl:consent:{pseudonym(user)}"


def erasure(erasure_id: str) -> str:
    """Key of one erasure."""
    return f"gl:erasure:{erasure_id}"


def gone(answer_id: str) -> str:
    """Key of the note that an answer is gone."""
    return f"gl:gone:{answer_id}"


def erased(user: str) -> str:
    """Key of the time before which nothing of a person may be kept."""
    return f"gl:erased:{pseudonym(user)}"


def learned(records: str) -> str:
    """Key of who is in a snapshot, by the SHA-256 of its records."""
    return LEARNED + records
