"""Who learns from what, and whom it serves: the rules, over any access lists."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.types import Caller
from service.scopes import SHARED, Scope, learns, only, registry_folder, scopes_present, serves, trains
from service.settings import Settings

PRINCIPALS = ("*", "group:a", "group:b", "key:1", "user:u")
COLLECTIONS = ("vs_1", "vs_2", "vs_3")
SEGMENTS = ("de", "en")
WIKI, SECRET = Scope("collection", "wiki"), Scope("collection", "secret")
READERS = {"wiki": frozenset({"*"}), "secret": frozenset({"group:a"})}

principals = st.frozensets(st.sampled_from(PRINCIPALS[1:]))
callers = st.builds(lambda names, reads_all: Caller(names | {"*"}, reads_all), principals, st.booleans())
access_lists = st.dictionaries(st.sampled_from(COLLECTIONS), st.frozensets(st.sampled_from(PRINCIPALS)))
names = st.lists(st.sampled_from(COLLECTIONS), min_size=1, max_size=3).map(tuple)
segments = st.none() | st.sampled_from(SEGMENTS)
ANY_SCOPE = [Scope("collection", one) for one in COLLECTIONS] + [Scope("segment", one) for one in SEGMENTS]


@pytest.mark.parametrize(
    "text", ["shared", "segment:de", "segment:Team A/B: +50 %.", "collection:vs_1", "segment:日本"]
)
def test_a_scope_is_read_as_it_is_written(text: str) -> None:
    assert str(Scope.parse(text)) == text


@pytest.mark.parametrize("text", ["", "shared:", "shared:x", "segment", "segment:", "team:a", "segment:a\nb", "SHARED"])
def test_what_is_no_scope_says_what_would_be(text: str) -> None:
    with pytest.raises(ValueError, match="shared|printable"):
        Scope.parse(text)


def test_a_name_that_no_folder_can_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="180"):
        Scope("segment", "日" * 60)


@given(st.text(min_size=1, max_size=20).filter(str.isprintable), st.sampled_from(["segment", "collection"]))
def test_every_scope_has_a_folder_of_its_own_and_is_found_again(name: str, kind: str) -> None:
    scope, plain = Scope(kind, name), Scope(kind, "x")  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        folder = registry_folder(settings, scope)
        assert folder.parent == settings.home / "registry"
        folder.mkdir(parents=True)
        registry_folder(settings, plain).mkdir(exist_ok=True)
        assert set(scopes_present(settings)) == {SHARED, scope, plain}


def test_folders_of_others_are_not_scopes(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert scopes_present(settings) == (SHARED,)
    root = registry_folder(settings).parent
    for name in ("extractive", "causal+segment.de", "extractive+", "extractive+segment.", "extractive+segment.%2", "x"):
        (root / name).mkdir(parents=True)
    (root / "extractive+segment.file").write_text("")
    assert scopes_present(settings) == (SHARED,)
    (root / "extractive+segment.a%2Fb").mkdir()
    assert scopes_present(settings) == (SHARED, Scope("segment", "a/b"))


def test_the_shared_registry_is_where_it_was(tmp_path: Path) -> None:
    assert registry_folder(Settings(home=tmp_path)) == tmp_path / "registry" / "extractive"
    assert registry_folder(Settings(home=tmp_path, policy="causal")) == tmp_path / "registry" / "causal"


@pytest.mark.parametrize(
    ("collections", "named", "scope"),
    [
        ((), None, SHARED),
        (("wiki",), None, SHARED),
        (("wiki",), "wiki", SHARED),
        (("secret",), "secret", SECRET),
        (("secret",), None, None),  # all were searched, and this one gave the passages
        (("secret", "wiki"), None, None),
        (("secret", "wiki"), "secret", None),  # an earlier turn drew on another
        (("gone",), "gone", None),
        (("gone", "wiki"), None, None),
    ],
)
def test_whom_an_answer_may_teach(collections: tuple[str, ...], named: str | None, scope: Scope | None) -> None:
    assert trains(collections, READERS, named) == scope


def test_what_is_for_everybody_is_in_every_cycle_and_a_collections_own_in_one() -> None:
    segment = Scope("segment", "de")
    assert all(learns(scope, SHARED) for scope in (SHARED, segment, SECRET))
    assert [scope for scope in (SHARED, segment, SECRET, WIKI) if learns(scope, SECRET)] == [SECRET]
    assert not any(learns(scope, None) for scope in (SHARED, segment, SECRET))


@pytest.mark.parametrize(
    ("named", "segment", "groups", "scope"),
    [
        (None, None, {"group:a"}, SHARED),
        (("secret",), None, {"group:a"}, SECRET),
        (("secret", "secret"), "de", {"group:a"}, SECRET),
        (("secret",), "de", {"group:b"}, Scope("segment", "de")),  # the search then finds no such collection
        (("secret", "wiki"), None, {"group:a"}, SHARED),
        (("wiki",), None, {"group:a"}, SHARED),  # open by now: what it learned is in the shared one
        (("wiki",), "de", set(), Scope("segment", "de")),
        (None, "fr", set(), SHARED),
    ],
)
def test_whose_adapter_answers(
    named: tuple[str, ...] | None, segment: str | None, groups: set[str], scope: Scope
) -> None:
    champions = {WIKI, SECRET, Scope("segment", "de")}
    caller = Caller(frozenset({"*"} | groups))
    assert serves(named, segment, caller, READERS, champions) == scope
    assert serves(named, segment, caller, READERS, ()) == SHARED


def test_a_segment_whose_name_no_folder_holds_is_served_the_shared_one() -> None:
    assert serves(None, "x" * 500, Caller(), {}, {Scope("segment", "de")}) == SHARED
    assert only(("a", "a")) == "a"
    assert only(("a", "b")) is only(()) is only(None) is None


@given(
    readers=access_lists,
    drew_on=st.lists(st.sampled_from(COLLECTIONS), max_size=3).map(tuple),
    named_then=st.none() | st.sampled_from(COLLECTIONS),
    named_now=st.none() | names,
    caller=callers,
    segment=segments,
    champions=st.frozensets(st.sampled_from(ANY_SCOPE)),
)
def test_nobody_is_served_by_what_learned_from_documents_they_may_not_read(
    readers: dict[str, frozenset[str]],
    drew_on: tuple[str, ...],
    named_then: str | None,
    named_now: tuple[str, ...] | None,
    caller: Caller,
    segment: str | None,
    champions: frozenset[Scope],
) -> None:
    serving = serves(named_now, segment, caller, readers, champions)
    assert serving in {SHARED, *champions}
    if learns(serving, trains(drew_on, readers, named_then)):
        assert all(caller.may_read(readers[one]) for one in drew_on)
    if serving.kind == "collection":
        assert set(named_now or ()) == {serving.name}
    if serving.kind == "segment":
        assert serving.name == segment
