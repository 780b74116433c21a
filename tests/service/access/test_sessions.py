"""Sessions and one-time links in their file: kept as hashes, ended at once, spent once, whoever asks."""

from __future__ import annotations

import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from service.access import KeyStore
from service.access.sessions import LINK_S, SESSIONS_FILE, SessionStore, make_first_link, sign_in_url


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SessionStore]:
    """Give an empty store."""
    with closing(SessionStore(tmp_path / SESSIONS_FILE)) as sessions:
        yield sessions


def test_a_session_is_found_by_its_token_until_it_is_ended(store: SessionStore) -> None:
    session, token = store.begin("abc", lasts_s=60)
    _, other = store.begin("abc", lasts_s=60)
    assert store.find(token) == session
    assert session.key_id == "abc"
    store.end(token)
    store.end(token)
    assert store.find(token) is None
    assert store.find(other) is not None
    assert store.find("") is None
    assert store.find("made up") is None


def test_another_process_ends_it_too(store: SessionStore, tmp_path: Path) -> None:
    _, token = store.begin("abc", lasts_s=60)
    with closing(SessionStore(tmp_path / SESSIONS_FILE)) as other:
        assert other.cookie == store.cookie
        assert other.find(token) is not None
        other.end(token)
    assert store.find(token) is None


def test_a_session_has_an_end(tmp_path: Path) -> None:
    now = 1000.0
    with closing(SessionStore(tmp_path / SESSIONS_FILE, clock=lambda: now)) as store:
        session, token = store.begin("abc", lasts_s=60)
        assert session.expires_at == 1060.0
        now = 1059.9
        assert store.find(token) is not None
        now = 1060.0
        assert store.find(token) is None
        store.begin("abc", lasts_s=60)
    with sqlite3.connect(tmp_path / SESSIONS_FILE) as connection:
        assert connection.execute("SELECT count(*) FROM sessions").fetchone() == (1,)  # what is over is not kept


def test_a_link_is_spent_once_and_soon(tmp_path: Path) -> None:
    now = 1000.0
    with closing(SessionStore(tmp_path / SESSIONS_FILE, clock=lambda: now)) as store:
        link, token = store.make_link("abc")
        assert link.expires_at == now + LINK_S
        assert store.spend_link(token) == "abc"
        assert store.spend_link(token) is None
        _, late = store.make_link("abc")
        now += LINK_S
        assert store.spend_link(late) is None
        assert store.spend_link("made up") is None


def test_many_who_open_one_link_get_one_session(store: SessionStore, tmp_path: Path) -> None:
    _, token = store.make_link("abc")
    got: list[str | None] = []
    start = threading.Barrier(8)

    def spend() -> None:
        with closing(SessionStore(tmp_path / SESSIONS_FILE)) as mine:
            start.wait()
            got.append(mine.spend_link(token))

    threads = [threading.Thread(target=spend) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got, key=str) == [*([None] * 7), "abc"]


def test_a_link_is_no_session_and_a_session_no_link(store: SessionStore) -> None:
    _, link = store.make_link("abc")
    _, session = store.begin("abc", lasts_s=60)
    assert store.find(link) is None
    assert store.spend_link(session) is None


def test_only_hashes_are_kept_for_the_owner_alone(store: SessionStore, tmp_path: Path) -> None:
    tokens = [store.begin("abc", lasts_s=60)[1], store.make_link("abc")[1]]
    assert stat.S_IMODE((tmp_path / SESSIONS_FILE).stat().st_mode) == 0o600
    held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not [token for token in tokens if token.encode() in held]


def test_each_home_has_a_cookie_of_its_own(tmp_path: Path) -> None:
    with closing(SessionStore(tmp_path / "a.db")) as one, closing(SessionStore(tmp_path / "b.db")) as other:
        assert one.cookie != other.cookie


def test_the_first_link_is_for_the_oldest_admin_key_that_stands(tmp_path: Path) -> None:
    assert make_first_link(tmp_path) is None
    now = 1000.0
    with closing(KeyStore(tmp_path / "keys.db", clock=lambda: now)) as keys:
        keys.create("somebody", "operator")
        gone, _ = keys.create("gone", "admin")
        now += 1
        keys.create("ended", "admin", expires_at=now)
        now += 1
        oldest, _ = keys.create("oldest", "admin")
        now += 1
        keys.create("newest", "admin")
        keys.revoke(gone.key_id)
    made = make_first_link(tmp_path)
    assert made is not None
    assert made[0].key_id == oldest.key_id
    with closing(SessionStore(tmp_path / SESSIONS_FILE)) as store:
        assert store.spend_link(made[1]) == oldest.key_id


def test_the_token_of_an_address_is_never_sent() -> None:
    assert sign_in_url("http://127.0.0.1:8000/", "abc") == "http://127.0.0.1:8000/#sign-in=abc"
