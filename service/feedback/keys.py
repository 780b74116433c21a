"""Names of everything the feedback log keeps in Redis. All keys start with `gl:`; times are Redis server times.

gl:answer:<id>         string  header line (JSON), then the compressed answer
gl:prompt:<id>         string  the compressed prompt, with references to its passages
gl:prompt:<id>:answers list    ids of the answers to that prompt, oldest first
gl:passage:<digest>    string  a compressed passage as shown; kept once however many prompts show it
gl:answers             stream  one entry an answer, in time order
gl:user:<user>:answers list    ids of the answers a user was given, oldest first
gl:feedback            stream  every vote and preference ever acknowledged, in time order; never trimmed by length
gl:votes:<answer>      hash    voter -> "<feedback entry> <content digest>": the one current vote
gl:prefs:<prompt>      hash    "<answers digest> <voter>" -> the same for preferences
gl:voter:<voter>       list    feedback entries of a voter, oldest first
gl:rate:<voter>        string  the vote limit's theoretical arrival time, expires by itself
gl:once:<voter>:<key>  string  an Idempotency-Key and what it did, expires after a day
gl:missing:open        zset    answers of which somebody says that a document is missing -> when, at last, in ms
gl:missing:done        zset    those that an operator has dealt with
gl:missing:notes       hash    answer -> JSON: what an operator noted, when and who
gl:days                hash    "<days since the epoch> <what>" -> how many (`days.py`)
"""

from __future__ import annotations

PREFIX = "gl:"
ANSWERS = "gl:answers"
FEEDBACK = "gl:feedback"
DAYS = "gl:days"
MISSING_OPEN = "gl:missing:open"
MISSING_DONE = "gl:missing:done"
MISSING_NOTES = "gl:missing:notes"


def answer(answer_id: str) -> str:
    """Key of one answer."""
    return f"gl:answer:{answer_id}"


def prompt(prompt_id: str) -> str:
    """Key of one prompt."""
    return f"gl:prompt:{prompt_id}"


def prompt_answers(prompt_id: str) -> str:
    """Key of the answers to one prompt."""
    return f"gl:prompt:{prompt_id}:answers"


def passage(digest: str) -> str:
    """Key of one passage as shown."""
    return f"gl:passage:{digest}"


def user_answers(user: str) -> str:
    """Key of the answers one user was given."""
    return f"gl:user:{user}:answers"


def votes(answer_id: str) -> str:
    """Key of the current votes on one answer."""
    return f"gl:votes:{answer_id}"


def preferences(prompt_id: str) -> str:
    """Key of the current preferences among the answers to one prompt."""
    return f"gl:prefs:{prompt_id}"


def voter(voter_id: str) -> str:
    """Key of everything one voter said."""
    return f"gl:voter:{voter_id}"


def rate(voter_id: str) -> str:
    """Key of one voter's rate limit."""
    return f"gl:rate:{voter_id}"


def once(voter_id: str, key: str) -> str:
    """Key of one Idempotency-Key."""
    return f"gl:once:{voter_id}:{key}"
