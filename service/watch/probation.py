"""New champions: their thumbs are held against those of the champion before, and they go back by themselves.

A person who promoted by force has seen more than votes; that is not undone.
"""

from __future__ import annotations

import json
import logging
import secrets
from typing import TYPE_CHECKING, Any

from redis import Redis

from service.cycles import store
from service.feedback import keys as feedback_keys
from service.feedback.records import Entry, read_entry
from service.redis.calls import ask
from service.scopes import Scope
from service.versions.standing import registry_of
from service.watch import keys
from service.watch.reading import PIECE_ENTRIES, Sides, newest_id, pieces
from service.watch.trials import WHO, Done, announced
from service.watch.watched import Watched
from training.registry.aliases import CHAMPION, Aliases, Move
from training.registry.errors import StaleWriter
from training.watch.config import TrialConfig
from training.watch.probation import Judged, decide_probation

if TYPE_CHECKING:
    from service.settings import Settings

LOOK_BACK_ENTRIES = 5_000  # of the log, for the thumbs of the champion before
log = logging.getLogger(__name__)


def watched(scope: Scope) -> Watched:
    """Say where the probation of a scope's champion is kept."""
    return Watched(keys.probation(scope), keys.probation_seen(scope), keys.history(scope), "champion")


def look(settings: Settings, client: Redis, scope: Scope, config: TrialConfig) -> Done | None:
    """Look at a champion that is new.

    Args:
        settings: Where the registries are.
        client: Made with `decode_responses=False`.
        scope: Whose champion.
        config: Error rates and floors.

    Returns:
        What was done; None when nothing was.
    """
    registry, place = registry_of(settings, scope), watched(scope)
    state = registry.aliases()
    move = _promotion(state)
    known = place.load(client)
    if known and (move is None or known.get("move") != str(move.sequence)):
        place.close(client, known["champion"], None)
        known = {}
    if move is None or move.after is None or not state.champions:
        return None
    if not known:
        place.begin(client, _start(client, move, scope))
        known = place.load(client)
    seconds, micros = client.time()
    if seconds + micros / 1e6 - int(known["began_ms"]) / 1000 > config.probation_s:
        return None
    _read(client, place, known, scope)
    said = sorted(tuple(json.loads(text)) for text in place.said(client))
    up, n = json.loads(known["before"])
    found = decide_probation((up, n), [Judged(voter, bool(liked)) for _, voter, liked in said], config)
    told = {"failed": False, "reason": f"{n} of {config.probation_thumbs} thumbs on the champion before it"}
    if found is not None:
        told = {"failed": found.failed, "reason": found.reason}
    place.tell(client, decision=told)
    if found is None or not found.failed:
        return None
    reason = f"live votes turned against it: {found.reason}"
    try:
        after = registry.rollback(expected=state.sequence, who=WHO, why=reason)
    except StaleWriter:
        return None
    log.info("watch: rollback of %s: %s", move.after, reason)
    announced(client, scope, after)
    ask(client, store.settle(str(scope), move.after, "rolled_back", reason, told))
    ended: dict[str, Any] = {
        "version": move.after,
        "champion": move.before,
        "became": "rolled_back",
        "by": WHO,
        "reason": reason,
        "began_ms": int(known["began_ms"]),
        "at": after.moves[-1].at,
        "decision": told,
    }
    place.close(client, move.after, ended, "probation")
    return Done(scope, "probation", move.after, reason)


def _promotion(state: Aliases) -> Move | None:
    """Give the last move of the champion, if it is a promotion that nobody forced."""
    last = next((move for move in reversed(state.moves) if move.alias == CHAMPION), None)
    return last if last is not None and last.kind == "promote" and not last.forced else None


def _start(client: Redis, move: Move, scope: Scope) -> dict[str, str]:
    newest = newest_id(client)
    return {
        "champion": str(move.after),
        "former": str(move.before),
        "move": str(move.sequence),
        "last": newest,
        "salt": secrets.token_urlsafe(12),
        "before": json.dumps(_thumbs_before(client, str(move.before), newest, scope)),
    }


def _thumbs_before(client: Redis, version: str, newest: str, scope: Scope) -> tuple[int, int]:
    """Count the thumbs of a version among the newest entries: up, and all. Each voter counts three times at most."""
    up, n, stop, left = 0, 0, newest, LOOK_BACK_ENTRIES
    of_voter: dict[str, int] = {}
    replaced: set[str] = set()
    while left > 0:
        found: list[Any] = client.xrevrange(feedback_keys.FEEDBACK, stop, "-", count=min(PIECE_ENTRIES, left))  # type: ignore[assignment]
        for entry in (read_entry(*item) for item in found):
            if entry.replaces:
                replaced.add(entry.replaces)
            if _is_thumb(entry, version, scope) and entry.entry_id not in replaced and of_voter.get(entry.voter, 0) < 3:
                of_voter[entry.voter] = of_voter.get(entry.voter, 0) + 1
                up, n = up + (entry.stated == "up"), n + 1
        if not found:
            break
        left -= len(found)
        stop = f"({found[-1][0].decode()}"
    return up, n


def _read(client: Redis, place: Watched, known: dict[str, str], scope: Scope) -> None:
    sides = Sides(known["champion"], known["former"], scope, known["salt"])
    said: dict[str, str] = {}
    replaced: list[str] = []
    last = known["last"]
    for entries in pieces(client, known["last"]):
        last = entries[-1].entry_id
        replaced += [one.replaces for one in entries if one.replaces]
        said |= {
            one.entry_id: json.dumps([one.at, sides.name(one.voter), int(one.stated == "up")])
            for one in entries
            if _is_thumb(one, known["champion"], scope)
        }
    if last != known["last"]:
        place.note(client, known["champion"], last, said, replaced)


def _is_thumb(entry: Entry, version: str, scope: Scope) -> bool:
    here = scope.kind != "segment" or entry.segment == scope.name
    return here and entry.kind == "vote" and entry.versions == (version,) and entry.stated in ("up", "down")
