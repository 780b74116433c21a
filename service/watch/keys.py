"""Names of everything the watch keeps in Redis. Times are Redis's.

gl:trial:<scope>             hash   the trial that runs: versions, since when, how far the log was read, last decision
gl:trial:<scope>:seen        hash   log entry -> what it says, voters as keyed digests; gone when the trial ends
gl:trial:<scope>:history     list   trials and probations that ended, newest first, as JSON
gl:probation:<scope>         hash   a new champion: since when, thumbs of the one before, how far the log was read
gl:probation:<scope>:seen    hash   log entry -> voter's digest and thumb
gl:served:<version>          hash   answers, abstained, errors so far
gl:served:<version>:seconds  hash   answers by latency bucket
gl:watch:decisions           hash   promote, rollback, probation: how many ever
gl:watch:lock                string one look at a time; expires by itself
"""

from __future__ import annotations

from urllib.parse import quote

from service.scopes import Scope

DECISIONS = "gl:watch:decisions"
LOCK = "gl:watch:lock"


def trial(scope: Scope) -> str:
    """Key of the trial of a scope; names of segments and collections are quoted, so that none ends like another key."""
    return f"gl:trial:{_name(scope)}"


def trial_seen(scope: Scope) -> str:
    """Key of what was said in the trial."""
    return f"{trial(scope)}:seen"


def history(scope: Scope) -> str:
    """Key of what ended."""
    return f"{trial(scope)}:history"


def probation(scope: Scope) -> str:
    """Key of the probation of a scope's champion."""
    return f"gl:probation:{_name(scope)}"


def probation_seen(scope: Scope) -> str:
    """Key of the thumbs on that champion."""
    return f"{probation(scope)}:seen"


def served(version: str) -> str:
    """Key of what a version served."""
    return f"gl:served:{version}"


def served_seconds(version: str) -> str:
    """Key of the latencies of a version."""
    return f"{served(version)}:seconds"


def _name(scope: Scope) -> str:
    return f"{scope.kind}:{quote(scope.name, safe='')}" if scope.name else scope.kind
