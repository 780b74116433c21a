"""One look at everything that is on trial. Blocking; for a task that comes again and again.

Two looks at once do no harm: one goes on, the other leaves. Where Redis is away nothing is decided.
"""

from __future__ import annotations

import logging
from contextlib import closing
from typing import TYPE_CHECKING

from redis.exceptions import LockError

from retrieval.errors import StorageFull
from service.redis.blocking import connect
from service.scopes import scopes_present
from service.watch import keys, probation, trials
from service.watch.trials import Done
from training.registry.errors import RegistryError
from training.watch.config import TrialConfig

if TYPE_CHECKING:
    from service.settings import Settings

LONGEST_LOOK_S = 120.0
log = logging.getLogger(__name__)


def watch(settings: Settings, config: TrialConfig | None = None) -> list[Done]:
    """Look at each scope, decide, and act.

    Args:
        settings: Where everything is.
        config: Error rates and floors; those of the settings when None.

    Returns:
        What was done; empty when everything stays as it is.

    Raises:
        LookupError: No Redis is known.
        redis.exceptions.RedisError: Redis does not answer; what was not decided is decided at the next look.
    """
    config = config or trial_config(settings)
    done: list[Done] = []
    with closing(connect(settings)) as client:
        lock = client.lock(keys.LOCK, timeout=LONGEST_LOOK_S, blocking=False)
        if not lock.acquire():
            return done
        try:
            for scope in scopes_present(settings):
                for look in (trials.look, probation.look):
                    try:
                        found = look(settings, client, scope, config)
                    except (RegistryError, StorageFull) as error:
                        log.error("the trial of one scope cannot be looked at: %s", error)
                        continue
                    done += [found] if found is not None else []
        finally:
            try:
                lock.release()
            except LockError:
                log.warning("a look took longer than %.0f s", LONGEST_LOOK_S)
    return done


def trial_config(settings: Settings) -> TrialConfig:
    """Give the rules of a trial as they are set."""
    return TrialConfig(
        trial_max_s=settings.trial_max_s,
        probation_s=settings.probation_s,
        min_judged=settings.trial_min_judgements,
        min_voters=settings.trial_min_voters,
    )
