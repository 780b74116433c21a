"""The request limit of a key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access import Principal
from service.errors import ApiError
from service.limits import RateLimits


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Give the time."""
        return self.now


def allowed(limits: RateLimits, principal: Principal) -> bool:
    """Count a request and tell whether it may go on."""
    try:
        limits.check(principal)
    except ApiError:
        return False
    return True


@given(st.lists(st.floats(0, 30), min_size=1, max_size=60), st.integers(1, 20))
def test_no_minute_ever_holds_more_than_a_burst_and_the_rate(gaps: list[float], per_minute: int) -> None:
    clock = Clock()
    limits = RateLimits(per_minute, clock=clock)
    admitted: list[float] = []
    for gap in gaps:
        clock.now += gap
        if allowed(limits, Principal("a", "user")):
            admitted.append(clock.now)
    for start in admitted:
        assert sum(start <= at < start + 60 for at in admitted) <= 2 * per_minute


def test_the_wait_that_is_named_is_enough() -> None:
    clock = Clock()
    limits = RateLimits(3, clock=clock)
    who = Principal("a", "user")
    assert [allowed(limits, who) for _ in range(4)] == [True, True, True, False]
    with pytest.raises(ApiError) as refused:
        limits.check(who)
    assert refused.value.status == 429
    assert refused.value.retry_after_s is not None
    clock.now += refused.value.retry_after_s
    assert allowed(limits, who)


def test_keys_have_their_own_allowance_and_limit() -> None:
    limits = RateLimits(1, clock=Clock())
    assert allowed(limits, Principal("a", "user"))
    assert allowed(limits, Principal("b", "user"))
    assert not allowed(limits, Principal("a", "user"))
    free = Principal("c", "user", requests_per_minute=0)
    assert all(allowed(limits, free) for _ in range(100))


def test_keys_at_rest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.limits.SWEEP_AT", 10)
    clock = Clock()
    limits = RateLimits(10, clock=clock)
    for i in range(50):
        clock.now += 60
        limits.check(Principal(str(i), "user"))
    assert len(limits._arrivals) <= 11
