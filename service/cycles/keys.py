"""Names of everything that cycles keep in Redis. Times are milliseconds of Redis's own clock.

gl:cycle:<id>        hash    one cycle: what it is for, where it stands, who works on it, how it ended; never expires
                             (old ones lose verdict, counts, steps and evidence)
gl:cycles            zset    id -> when it was created: the history
gl:cycles:open       hash    scope -> id of its one unfinished cycle
gl:cycles:versions   hash    "<scope> <version>" -> id of the cycle that published it
gl:train:tally       hash    scope -> judgements counted; "" -> the last entry of the log that was (`tally.py`)
gl:train:bases       hash    scope -> JSON: what its newest snapshot found
gl:train:told        hash    scope -> what its next cycle waited for when somebody last looked
gl:readers           string  JSON: readers by collection and when they were told, for hosts without the catalog
gl:fates:<minute>    hash    entry of the log -> what became of it (`fates.py`)
gl:train:voters:<scope>  HyperLogLog  who judged; no names
"""

from __future__ import annotations

CYCLE = "gl:cycle:"
CYCLES = "gl:cycles"
OPEN = "gl:cycles:open"
VERSIONS = "gl:cycles:versions"
TALLY = "gl:train:tally"
BASES = "gl:train:bases"
TOLD = "gl:train:told"
FATES = "gl:fates:"
READERS = "gl:readers"


def cycle(cycle_id: str) -> str:
    """Key of one cycle."""
    return CYCLE + cycle_id


def scope_voters(scope: str) -> str:
    """Key of the count of a scope's voters."""
    return f"gl:train:voters:{scope}"
