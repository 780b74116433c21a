"""For whom something is learned: everybody, the users of one segment, the readers of one restricted collection.

A collection is restricted when not everyone (`*`) may read it; one that is gone counts as restricted, because nobody
knows any more who might. Two rules keep what was said about its documents among its readers:

trains   An answer that drew on a restricted collection teaches nobody, except where its request named exactly that one
         collection: then it teaches that collection's adapter.
serves   That adapter answers only requests that name exactly that collection, by callers who may read it.

So whatever teaches the shared adapter, or a segment's, comes from documents that everybody may read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, unquote

from retrieval.types import Caller

if TYPE_CHECKING:
    from service.settings import Settings

ScopeKind = Literal["shared", "segment", "collection"]
Readers = Mapping[str, frozenset[str]]  # by collection id; one that is missing does not exist
EVERYONE = "*"
NAMED = "named"  # attribute of an answer: the one collection that its request named
RESTRICTED = "restricted collection"  # the fate of a judgement that may not teach the scope at hand
LONGEST_QUOTED = 180  # bytes, of a name as part of a folder's; file systems allow 255
_BETWEEN = "+"  # a registry's kind and its scope; quoted where a name holds it


@dataclass(frozen=True, slots=True)
class Scope:
    """What a cycle trains for and an adapter serves. Written `shared`, `segment:<name>`, `collection:<id>`."""

    kind: ScopeKind = "shared"
    name: str = ""

    def __post_init__(self) -> None:
        """Raise ValueError for a name that cannot be one."""
        if self.kind not in ("shared", "segment", "collection"):
            raise ValueError(f"a scope is shared, segment:<name> or collection:<id>, not {self.kind!r}")
        if (self.kind == "shared") != (not self.name):
            raise ValueError("a segment or collection has a name, and shared has none: segment:<name>, collection:<id>")
        if not self.name.isprintable():
            raise ValueError("the name of a scope has printable characters only")
        if len(quote(self.name, safe="")) > LONGEST_QUOTED:
            raise ValueError(f"the name of a scope is at most {LONGEST_QUOTED} plain characters long")

    def __str__(self) -> str:
        """Write it as `parse` reads it."""
        return f"{self.kind}:{self.name}" if self.name else self.kind

    @classmethod
    def parse(cls, text: str) -> Scope:
        """Read `shared`, `segment:<name>` or `collection:<id>`.

        Args:
            text: As `str` writes it.

        Returns:
            The scope.

        Raises:
            ValueError: It is none of them, or the name cannot be one; the message says what would be right.
        """
        kind, colon, name = text.partition(":")
        if kind == "shared" and colon:
            raise ValueError("shared has no name")
        return cls(kind, name)  # type: ignore[arg-type]  # checked there

    @property
    def suffix(self) -> str:
        """What the folder of its registry has behind the kind of policy; empty for the shared one."""
        return f"{_BETWEEN}{self.kind}.{quote(self.name, safe='')}" if self.name else ""


SHARED = Scope()


def registry_kind(settings: Settings) -> str:
    """Give the kind of policy that learns here; behind a remote one the embedded one may, or its model's adapters."""
    return "causal" if settings.policy == "causal" or settings.remote_lora else "extractive"


def registry_folder(settings: Settings, scope: Scope = SHARED) -> Path:
    """Give the folder of the versions of a scope; each kind of policy has its own."""
    return settings.home / "registry" / (registry_kind(settings) + scope.suffix)


def scopes_present(settings: Settings) -> tuple[Scope, ...]:
    """Give the scopes that have a registry for the kind of policy that is set, the shared one first, always."""
    return (SHARED, *sorted(_scopes_beside(settings), key=str))


def _scopes_beside(settings: Settings) -> Iterator[Scope]:
    start = registry_kind(settings) + _BETWEEN
    root = settings.home / "registry"
    for folder in root.iterdir() if root.is_dir() else ():
        kind, dot, quoted = folder.name.removeprefix(start).partition(".")
        try:
            scope = Scope.parse(f"{kind}:{unquote(quoted, errors='strict')}")
        except ValueError:
            continue
        # Only what `suffix` itself would write: another folder's name is nobody's scope.
        if dot and folder.name == start.removesuffix(_BETWEEN) + scope.suffix and folder.is_dir():
            yield scope


def is_open(collection_id: str, readers: Readers) -> bool:
    """Tell whether everyone may read a collection. One that is gone is not open."""
    return EVERYONE in readers.get(collection_id, frozenset())


def trains(collections: Sequence[str], readers: Readers, named: str | None) -> Scope | None:
    """Say whose adapter may learn from an answer.

    Args:
        collections: Those that the answer drew on (`Prompt.collections`).
        readers: Access lists as they are now, of those collections at least.
        named: The one collection that the request named; None where it named none or several, or nobody knows.

    Returns:
        `shared` when everyone may read all of them; the scope of the one restricted collection that was named; None
        where no adapter may.
    """
    if all(is_open(one, readers) for one in collections):
        return SHARED
    if named is None or set(collections) != {named} or named not in readers:
        return None
    return named_scope("collection", named)


def learns(scope: Scope, record: Scope | None) -> bool:
    """Tell whether a cycle for `scope` may learn from a record whose `trains` is `record`.

    What everybody may learn from is in every cycle; what belongs to a collection only in that collection's.
    """
    return record is not None and record in (SHARED, scope)


def serves(
    named: Collection[str] | None, segment: str | None, caller: Caller, readers: Readers, champions: Collection[Scope]
) -> Scope:
    """Say whose adapter answers a request.

    Args:
        named: The collections that the request names; None for all that the caller may read.
        segment: Of the user.
        caller: Who asks.
        readers: Access lists as they are now, of the collection named if it is one.
        champions: Scopes, other than the shared one, that have a champion.

    Returns:
        The collection's, if exactly one is named, it is restricted and this caller may read it; else the segment's;
        else the shared one.
    """
    if (one := only(named)) is not None and not is_open(one, readers):
        scope = named_scope("collection", one)
        if scope is not None and scope in champions and caller.may_read(readers.get(one, frozenset())):
            return scope
    scope = named_scope("segment", segment or "")
    return scope if scope is not None and scope in champions else SHARED


def only(named: Collection[str] | None) -> str | None:
    """Give the one collection that a request names; None where it names none or several."""
    different = set(named or ())
    return different.pop() if len(different) == 1 else None


def named_scope(kind: Literal["segment", "collection"], name: str) -> Scope | None:
    """Give a scope by kind and name; None where there can be none of that name."""
    try:
        return Scope(kind, name)
    except ValueError:
        return None
