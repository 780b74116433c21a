"""The request limit of a key, counted in this process: the generic cell rate algorithm, one float a key.

A key may burst up to one minute's worth and then goes at its rate; a refused request costs nothing, and the wait that
is named is exact. (The `limits` package starts a timer thread or task for every counted request in memory, which this
path cannot afford.)
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from service.access.principal import Principal
from service.errors import ApiError

WINDOW_S = 60.0
SWEEP_AT = 10_000  # keys remembered before those at rest are dropped


class RateLimits:
    """Counts requests by key. For one event loop; not thread-safe."""

    def __init__(self, requests_per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Set the default limit; 0 is none."""
        self._default = requests_per_minute
        self._clock = clock
        self._arrivals: dict[str, float] = {}  # key id -> when its allowance is whole again

    def check(self, principal: Principal) -> None:
        """Count one request.

        Args:
            principal: Whose request it is; the key's own limit goes before the default.

        Raises:
            ApiError: 429 with the time to wait, if the key is over its limit.
        """
        own = principal.requests_per_minute
        per_minute = self._default if own is None else own
        if per_minute == 0:
            return
        now = self._clock()
        arrival = max(self._arrivals.get(principal.key_id, 0.0), now) + WINDOW_S / per_minute
        if arrival - now > WINDOW_S + 1e-9:
            raise ApiError(
                429,
                f"this key may send {per_minute} requests a minute; wait and go on more slowly",
                retry_after_s=max(1, math.ceil(arrival - now - WINDOW_S)),
            )
        if len(self._arrivals) >= SWEEP_AT:
            self._arrivals = {key: at for key, at in self._arrivals.items() if at > now}
        self._arrivals[principal.key_id] = arrival
