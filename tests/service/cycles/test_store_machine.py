"""Whatever workers, operators and clocks do in whatever order: each cycle has one owner, and ends once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from service.cycles import keys, store
from service.redis.calls import ask

SCOPES = ("shared", "segment:north")
LEASE_S = 30.0
ENDS = st.sampled_from(("candidate", "refused", "failed"))


class Cycles(RuleBasedStateMachine):
    """The model: of each cycle the newest token, whether its holder still has it, and how it ended."""

    client: redis.Redis

    def __init__(self) -> None:
        super().__init__()
        self.client.flushall()
        self.tokens: dict[str, int] = {}
        self.held: set[str] = set()
        self.ended: dict[str, str] = {}
        self.cancelled: set[str] = set()
        self.scopes: dict[str, str] = {}

    def any_id(self, draw: int) -> str:
        return list(self.tokens)[draw % len(self.tokens)]

    @rule(scope=st.sampled_from(SCOPES))
    def create(self, scope: str) -> None:
        made = ask(self.client, store.create(scope, "schedule"))
        unfinished = [one for one, of in self.scopes.items() if of == scope and one not in self.ended]
        assert made.new == (not unfinished)
        assert made.new or [made.id] == unfinished
        self.scopes[made.id] = scope
        self.tokens.setdefault(made.id, 0)

    @precondition(lambda self: self.tokens)
    @rule(draw=st.integers(0, 99))
    def claimed_by_eighteen(self, draw: int) -> None:
        one = self.any_id(draw)
        given = [ask(self.client, store.claim(one, f"w{number}", LEASE_S)) for number in range(18)]
        free = one not in self.held and one not in self.ended
        assert [token for token in given if token is not None] == ([self.tokens[one] + 1] if free else [])
        if free:
            self.tokens[one] += 1
            self.held.add(one)

    @precondition(lambda self: self.tokens)
    @rule(draw=st.integers(0, 99), back=st.integers(0, 2))
    def renew(self, draw: int, back: int) -> None:
        one = self.any_id(draw)
        reply = ask(self.client, store.renew(one, self.tokens[one] - back, LEASE_S, progress=0.5))
        if back == 0 and one in self.held:
            assert reply == ("cancelled" if one in self.cancelled else "kept")
        else:
            assert reply == "lost"

    @precondition(lambda self: self.tokens)
    @rule(draw=st.integers(0, 99), back=st.integers(0, 2), end=ENDS)
    def finish(self, draw: int, back: int, end: str) -> None:
        one = self.any_id(draw)
        told = ask(self.client, store.finish(one, self.tokens[one] - back, end, "so", version=f"v-{one}"))  # type: ignore[arg-type]
        if back == 0 and one in self.held:
            assert told
            self.ended[one] = end
            self.held.remove(one)
        else:
            assert told == (back == 0 and self.ended.get(one) == end and self.tokens[one] > 0)

    @precondition(lambda self: self.tokens)
    @rule(draw=st.integers(0, 99), back=st.integers(0, 1))
    def release(self, draw: int, back: int) -> None:
        one = self.any_id(draw)
        told = ask(self.client, store.release(one, self.tokens[one] - back, "stopped"))
        assert told == (back == 0 and one in self.held)
        if told:
            self.held.remove(one)

    @precondition(lambda self: self.tokens)
    @rule(draw=st.integers(0, 99))
    def cancel(self, draw: int) -> None:
        one = self.any_id(draw)
        told = ask(self.client, store.request_cancel(one))
        if one in self.ended:
            assert told == "over"
        elif self.tokens[one] == 0:
            assert told == "cancelled"
            self.ended[one] = "cancelled"
        else:
            assert told == "asked"
            self.cancelled.add(one)

    @rule(draw=st.lists(st.integers(0, 99), max_size=2))
    def leases_end(self, draw: list[int]) -> None:
        silent = {self.any_id(one) for one in draw if self.tokens} & self.held
        for one in silent:
            self.client.hset(keys.cycle(one), "lease_until", "1")
        assert set(ask(self.client, store.requeue_expired())) == silent
        self.held -= silent

    @invariant()
    def rows_agree(self) -> None:
        rows = ask(self.client, store.newest(500)) or ()
        assert {row.id for row in rows} == set(self.tokens)
        for row in rows:
            assert row.token == self.tokens[row.id]
            assert (row.lease is not None) == (row.id in self.held)
            assert row.finished == (row.id in self.ended)
            assert row.state == self.ended.get(row.id, row.state)
        unfinished = [row.scope for row in ask(self.client, store.unfinished()).cycles]
        assert len(unfinished) == len(set(unfinished))


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def test_each_cycle_has_one_owner_and_ends_once(client: redis.Redis) -> None:
    machine = type("Machine", (Cycles,), {"client": client})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
