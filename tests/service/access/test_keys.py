"""API keys: kept as hashes, shown once, ended at once, and made safely at the first start."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.access import KeyStore
from service.access.keys import make_first_key


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KeyStore]:
    """Give an empty store."""
    keys = KeyStore(tmp_path / "keys.db")
    yield keys
    keys.close()


def test_a_key_lets_in_whom_it_names(store: KeyStore) -> None:
    key, secret = store.create("lab", "operator", groups=frozenset({"science"}), segment="en")
    principal = store.authenticate(secret)
    assert principal is not None
    assert (principal.key_id, principal.role, principal.segment) == (key.key_id, "operator", "en")
    assert principal.principals == {"*", f"key:{key.key_id}", "group:science"}
    assert secret.startswith(f"gl_{key.key_id}_")
    assert len(secret.rsplit("_", 1)[-1]) <= 43
    assert len(secret) == len(f"gl_{key.key_id}_") + 43


@pytest.mark.parametrize(
    "change", [lambda s: s[:-1], lambda s: s + "x", lambda s: s.replace("gl_", "xx_"), lambda s: "gl_", str.upper]
)
def test_nothing_but_the_whole_secret_is_taken(store: KeyStore, change: object) -> None:
    _, secret = store.create("lab")
    assert callable(change)
    assert store.authenticate(change(secret)) is None


def test_the_secret_is_not_on_disk(store: KeyStore, tmp_path: Path) -> None:
    _, secret = store.create("lab")
    store.authenticate(secret)
    random_part = secret.split("_", 2)[2].encode()
    for path in tmp_path.iterdir():
        assert random_part not in path.read_bytes()


def test_a_revoked_key_is_refused_at_once_by_every_store_on_the_file(store: KeyStore, tmp_path: Path) -> None:
    other = KeyStore(tmp_path / "keys.db")  # as another process has it
    try:
        key, secret = store.create("lab")
        assert other.authenticate(secret) is not None
        store.revoke(key.key_id)
        assert other.authenticate(secret) is None
        assert store.authenticate(secret) is None
        again = store.revoke(key.key_id)
        assert again is not None
        assert again.revoked_at == other.get(key.key_id).revoked_at  # type: ignore[union-attr]
    finally:
        other.close()
    assert store.revoke("nobody") is None


def test_a_key_ends_when_it_expires(tmp_path: Path) -> None:
    now = 1000.0
    store = KeyStore(tmp_path / "keys.db", clock=lambda: now)
    _, secret = store.create("brief", expires_at=1010.0)
    assert store.authenticate(secret) is not None
    now = 1010.0
    assert store.authenticate(secret) is None
    store.close()


def test_the_first_admin_key_is_made_once_and_kept_private(store: KeyStore, tmp_path: Path) -> None:
    secret = store.ensure_admin(tmp_path)
    assert secret is not None
    kept = tmp_path / "admin.key"
    assert kept.read_text() == secret + "\n"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert store.ensure_admin(tmp_path) is None
    principal = store.authenticate(secret)
    assert principal is not None
    assert principal.role == "admin"


def test_a_crash_between_file_and_row_leaves_no_lost_admin(
    store: KeyStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("service.access.keys._insert", lambda *_: (_ for _ in ()).throw(OSError("power cut")))
        with pytest.raises(OSError, match="power cut"):
            store.ensure_admin(tmp_path)
    secret = store.ensure_admin(tmp_path)
    assert secret is not None
    assert (tmp_path / "admin.key").read_text().strip() == secret


def test_a_trusted_key_acts_for_a_user_with_that_users_rights_only(store: KeyStore) -> None:
    _, secret = store.create("web", "operator")
    operator = store.authenticate(secret)
    assert operator is not None
    assert operator.caller.reads_all
    acting = operator.acting_for("ada")
    assert not acting.caller.reads_all
    assert "user:ada" in acting.principals
    assert acting.identity == f"key:{operator.key_id}/user:ada"
    _, plain = store.create("plain")
    user = store.authenticate(plain)
    assert user is not None
    assert user.acting_for("ada") is user


def test_made_up_ids_do_not_fill_the_memory(store: KeyStore) -> None:
    for i in range(100):
        assert store.authenticate(f"gl_{i:012x}_" + "a" * 43) is None
    assert not store._cache


def test_the_file_is_private(store: KeyStore, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "keys.db").stat().st_mode) == 0o600
    with sqlite3.connect(tmp_path / "keys.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_the_first_key_is_made_once_in_a_file_of_its_owner(tmp_path: Path) -> None:
    home = tmp_path / "home"
    secret = make_first_key(home)
    assert secret is not None
    kept = home / "admin.key"
    assert kept.read_text().strip() == secret
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert make_first_key(home) is None
    store = KeyStore(home / "keys.db")
    principal = store.authenticate(secret)
    store.close()
    assert principal is not None
    assert principal.role == "admin"
