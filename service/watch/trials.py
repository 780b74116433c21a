"""One look at the trial of one scope: what was said, what is decided, what is done about it."""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from redis import Redis
from redis.exceptions import RedisError

from service.cycles import store
from service.cycles.cycle import Settled
from service.redis.calls import ask
from service.scopes import SHARED, Scope
from service.versions.announce import Announcement, announce
from service.versions.standing import registry_of
from service.voters import keys as voter_keys
from service.watch import keys
from service.watch.reading import Sides, decode, encode, newest_id, read_new
from service.watch.served import read_served, since
from service.watch.watched import Watched
from training.registry.aliases import CANDIDATE, CHAMPION, Aliases, Move
from training.registry.errors import NotPromotable, StaleWriter
from training.watch.config import TrialConfig
from training.watch.decide import Trial, TrialDecision, decide_trial

if TYPE_CHECKING:
    from service.settings import Settings
    from training.registry.registry import Registry

WHO = "watch"
LOOK_BACK_S = 3600.0  # votes from before the first look at a trial
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Done:
    """What one look did."""

    scope: Scope
    action: str  # promote, rollback, probation
    version: str
    reason: str


def watched(scope: Scope) -> Watched:
    """Say where the trial of a scope is kept."""
    return Watched(keys.trial(scope), keys.trial_seen(scope), keys.history(scope), CANDIDATE)


def look(settings: Settings, client: Redis, scope: Scope, config: TrialConfig) -> Done | None:
    """Look at the trial of a scope, if there is one.

    Args:
        settings: Where the registries are.
        client: Made with `decode_responses=False`.
        scope: Whose trial.
        config: Error rates and floors.

    Returns:
        What was done; None when nothing was.
    """
    registry, place = registry_of(settings, scope), watched(scope)
    state = registry.aliases()
    candidate = state.others.get(CANDIDATE)
    known = place.load(client)
    if known and known.get(CANDIDATE) != candidate:
        conclude(client, scope, known, state)  # somebody else ended it, or we did and were stopped before telling
        known = {}
    if candidate is None:
        return None
    champion = champion_of(settings, scope, registry, state)
    if not known:
        place.begin(client, _start(client, state, candidate, champion))
        known = place.load(client)
    if known.get("champion") != champion:
        why = f"{champion} serves now, and it was tried beside {known.get('champion')}"
        return _act(client, registry, state, scope, candidate, "rollback", why, None)
    decision = _decide(client, registry, scope, known, config)
    if decision is None:
        return None
    return _act(client, registry, state, scope, candidate, decision.action, decision.reason, decision)


def conclude(client: Redis, scope: Scope, known: dict[str, str], state: Aliases) -> None:
    """Tell how a trial ended: its cycle, and whoever reads the history. Once, whoever comes first."""
    version = known.get(CANDIDATE, "")
    move = _ending(state, version)
    became: Settled = "promoted" if move is not None and move.alias == CHAMPION else "rolled_back"
    decision: dict[str, Any] = json.loads(known.get("decision", "{}"))
    by = "" if move is None else move.who
    reason = (move.why if move is not None else "") or f"the trial was ended by {by or 'somebody'}"
    ask(client, store.settle(str(scope), version, became, reason, decision))
    ended = {
        "version": version,
        "champion": known.get("champion"),
        "became": became,
        "by": by,
        "reason": reason,
        "began_ms": int(known.get("began_ms", 0)),
        "at": None if move is None else move.at,
        "decision": decision,
    }
    counted = {"promoted": "promote", "rolled_back": "rollback"}[became] if by == WHO else ""
    watched(scope).close(client, version, ended, counted)


def champion_of(settings: Settings, scope: Scope, registry: Registry, state: Aliases) -> str:
    """Name what serves in a scope: its own champion, else everybody's."""
    if state.champions or scope == SHARED:
        return (*state.champions, registry.base)[0]
    return registry_of(settings, SHARED).alias(CHAMPION) or registry.base


def announced(client: Redis, scope: Scope, state: Aliases) -> None:
    """Announce the last move; processes that do not hear it find it at their next poll."""
    move = state.moves[-1]
    try:
        announce(client, Announcement(str(scope), move.alias, move.after, state.sequence))
    except (RedisError, OSError) as error:
        log.warning("a move was not announced: %s", type(error).__name__)


def _start(client: Redis, state: Aliases, candidate: str, champion: str) -> dict[str, str]:
    served = {name: read_served(client, name) for name in (candidate, champion)}
    return {
        CANDIDATE: candidate,
        "champion": champion,
        "sequence": str(state.sequence),
        "last": _earlier(newest_id(client), _age_s(state, candidate)),
        "salt": secrets.token_urlsafe(12),
        "served": json.dumps({name: one.as_list() for name, one in served.items()}),
    }


def _age_s(state: Aliases, candidate: str) -> float:
    """Give the age of a trial, by the clock of whoever began it: it only says how far back the log is read."""
    began = next((move.at for move in reversed(state.moves) if move.after == candidate), time.time())
    return min(max(time.time() - began, 0.0), LOOK_BACK_S)


def _earlier(entry_id: str, seconds: float) -> str:
    """Give an id somewhat before; answers say which trial they were of, so a little too early does no harm."""
    return f"{max(0, int(entry_id.partition('-')[0]) - int((seconds + 60.0) * 1000))}-0"


def _decide(
    client: Redis, registry: Registry, scope: Scope, known: dict[str, str], config: TrialConfig
) -> TrialDecision | None:
    """Read what is new and decide; None where the trial ended meanwhile."""
    place, candidate, champion = watched(scope), known[CANDIDATE], known["champion"]
    sides = Sides(candidate, champion, scope, known["salt"])
    read = read_new(client, sides, known["last"])
    said = {entry: encode(one) for entry, one in read.said.items()}
    if read.last != known["last"]:
        place.note(client, candidate, read.last, said, read.replaced)
    left_out = {sides.name(voter.decode()) for voter in _excluded(client)}
    seconds, micros = client.time()
    age_s = seconds + micros / 1e6 - int(known["began_ms"]) / 1000
    version = registry.get(candidate)
    verdict = version.card.judged
    tier = "trial" if verdict is None or verdict.tier == "refused" else verdict.tier
    before = json.loads(known["served"])
    decision = decide_trial(
        Trial(candidate, champion, tier, age_s),
        [one for text in place.said(client) if (one := decode(text)).voter not in left_out],
        since(read_served(client, candidate), before.get(candidate)),
        since(read_served(client, champion), before.get(champion)),
        config,
    )
    if version.marks:
        decision = replace(decision, action="rollback", reason=f"it is marked: {version.marks[-1].reason}")
    place.tell(client, decision=decision.as_dict())
    return decision


def _act(
    client: Redis,
    registry: Registry,
    state: Aliases,
    scope: Scope,
    candidate: str,
    action: str,
    reason: str,
    decision: TrialDecision | None,
) -> Done | None:
    """Move the alias, if it stands as it stood when we looked; then tell."""
    if action == "watch":
        return None
    evidence = None if decision is None else decision.evidence
    moves: dict[str, Callable[[], Aliases]] = {
        "promote": lambda: registry.promote(candidate, expected=state.sequence, who=WHO, why=reason, evidence=evidence),
        "rollback": lambda: registry.assign(CANDIDATE, None, expected=state.sequence, who=WHO, why=reason),
    }
    place = watched(scope)
    try:
        after = moves[action]()
    except StaleWriter:
        log.info("somebody moved an alias of %s while it was looked at", scope.kind)
        return None
    except NotPromotable as error:
        if decision is not None:
            refused = replace(decision, action="watch", missing=str(error))
            place.tell(client, decision=refused.as_dict())
        return None
    log.info("watch: %s of %s: %s", action, candidate, reason)
    announced(client, scope, after)
    conclude(client, scope, place.load(client) or {CANDIDATE: candidate}, after)
    return Done(scope, action, candidate, reason)


def _ending(state: Aliases, version: str) -> Move | None:
    """Find the move that ended the trial of a version."""
    for move in reversed(state.moves):
        if (move.alias, move.after) == (CHAMPION, version) or (move.alias, move.before) == (CANDIDATE, version):
            return move
    return None


def _excluded(client: Redis) -> list[bytes]:
    found: list[bytes] = client.hkeys(voter_keys.EXCLUDED)  # type: ignore[assignment]
    return found
