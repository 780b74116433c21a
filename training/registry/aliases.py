"""`ALIASES`: which version serves, which is on trial, who served before, and every move with who, when and why.

One small file with a checksum, replaced atomically; `ALIASES.previous` is what it said before its last move. A reader
sees the state before a move or after it. When `ALIASES` is damaged the state before its last move holds, and the
sequence number skips the one that was lost, so that a writer who saw it is still told apart. When both are damaged the
shipped start serves until somebody promotes again: what was never promoted must not serve by accident.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from retrieval.durable import write_file_atomic

FORMAT = 1
ALIASES = "ALIASES"
PREVIOUS = "ALIASES.previous"
CHAMPION = "champion"
CANDIDATE = "candidate"


@dataclass(frozen=True, slots=True)
class Move:
    """One change of an alias."""

    sequence: int
    at: float  # seconds since the epoch
    alias: str
    before: str | None
    after: str | None
    who: str = ""
    why: str = ""
    kind: str = "promote"  # promote, rollback or assign
    forced: bool = False
    evidence: Mapping[str, Any] | None = None  # what live votes had shown: `LiveEvidence.as_dict`


@dataclass(frozen=True, slots=True)
class Aliases:
    """All aliases at one moment."""

    sequence: int = 0  # grows with every move
    champions: tuple[str, ...] = ()  # the one that serves, then those before it, newest first; without the start
    others: Mapping[str, str] = field(default_factory=dict)  # such as the candidate
    moves: tuple[Move, ...] = ()  # oldest first
    problem: str = ""  # what was wrong with the file; empty when nothing was

    def names(self) -> frozenset[str]:
        """Give every version that an alias names or once named as champion."""
        served = {move.after for move in self.moves if move.alias == CHAMPION and move.after}
        return frozenset({*self.champions, *self.others.values(), *served})


def read_aliases(root: Path) -> Aliases:
    """Read the state; never fails, says in `problem` what was damaged.

    Args:
        root: The registry's folder.

    Returns:
        The state; an empty one where nothing was ever moved.
    """
    current, problem = _read(root / ALIASES)
    if current is not None:
        return current
    previous, worse = _read(root / PREVIOUS)
    if previous is not None:
        told = f"{ALIASES} is {problem or 'missing'}; what it said before its last move holds"
        return Aliases(previous.sequence + 1, previous.champions, previous.others, previous.moves, told)
    if not problem and not worse:
        return Aliases()
    # Seconds since 1970 are more than any count of moves: a number nobody has seen.
    return Aliases(sequence=int(time.time()), problem=f"{ALIASES} and {PREVIOUS} are damaged; the shipped start serves")


def write_aliases(root: Path, aliases: Aliases) -> None:
    """Replace the state. The caller holds the registry's lock.

    Args:
        root: The registry's folder.
        aliases: The new state.

    Raises:
        StorageFull: The disk is full; the old state stands.
    """
    path = root / ALIASES
    if _read(path)[0] is not None:
        write_file_atomic(root / PREVIOUS, path.read_bytes())
    write_file_atomic(path, _encode(aliases))
    if not (root / PREVIOUS).exists():
        # After the first move, not before it: where `PREVIOUS` stands alone, `ALIASES` was lost.
        write_file_atomic(root / PREVIOUS, _encode(Aliases()))


def _encode(aliases: Aliases) -> bytes:
    record = {
        "format": FORMAT,
        "sequence": aliases.sequence,
        "champions": list(aliases.champions),
        "others": dict(aliases.others),
        "moves": [_plain(move) for move in aliases.moves],
    }
    return json.dumps({**record, "checksum": _checksum(record)}, indent=1).encode()


def _plain(move: Move) -> dict[str, Any]:
    """Give a move as JSON holds it; programs that know no evidence read those without any."""
    record = asdict(move)
    if move.evidence is None:
        del record["evidence"]
    return record


def _read(path: Path) -> tuple[Aliases | None, str]:
    """Give the state in a file, or None and what is wrong with it (nothing where there is no file)."""
    try:
        record = json.loads(path.read_bytes())
        if record.pop("checksum") != _checksum(record):
            return None, "damaged"
        if record["format"] > FORMAT:
            return None, f"of format {record['format']}, and this program knows {FORMAT}"
        return (
            Aliases(
                sequence=int(record["sequence"]),
                champions=tuple(record["champions"]),
                others=dict(record["others"]),
                moves=tuple(Move(**move) for move in record["moves"]),
            ),
            "",
        )
    except FileNotFoundError:
        return None, ""
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None, "damaged"


def _checksum(record: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
