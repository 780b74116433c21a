"""The registry: a folder of immutable versions, and aliases that say which of them serves.

The champion serves; `candidate` names the version on trial. A move of an alias is one atomic replace, and tells who
wanted it and why. Safe among threads and processes of one machine. Nothing is cached: serving processes follow `token`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from retrieval.durable import file_lock, make_directory
from training.registry.aliases import ALIASES, CANDIDATE, CHAMPION, Aliases, Move, read_aliases, write_aliases
from training.registry.card import ModelCard, check_card
from training.registry.errors import NoSuchVersion, NothingBefore, NotPromotable, StaleWriter, VersionDamaged
from training.registry.promotable import must_be_promotable
from training.registry.store import Content, Store, check_files
from training.registry.versions import BASES, Listed, Mark, Serving, Version, base_version, is_name

_LOCK = ".lock"
Clock = Callable[[], float]


class Registry:
    """Versions and aliases in a folder. Thread-safe; processes may share the folder."""

    def __init__(self, root: Path, *, kind: str = "extractive", clock: Clock = time.time) -> None:
        """Open a registry; the folder is made when something is first written.

        Args:
            root: Its folder.
            kind: Of policy; decides what serves as long as nothing was promoted.
            clock: Gives seconds since the epoch.
        """
        self.root = root
        self.base = BASES[kind]
        self._store = Store(root)
        self._clock = clock

    def publish(self, files: Mapping[str, Content], card: ModelCard) -> Version:
        """Publish a version, whole or not at all. It does not serve yet.

        Args:
            files: Content by path inside the version, with "/": bytes, or a file or folder to copy. The policy's own
                files belong under `adapter/`.
            card: What it is; name and time are filled in.

        Returns:
            The version, under a number that was never used before.

        Raises:
            BadCard: The card may not be published, or a path leaves the version or takes a name of the registry's own.
            StorageFull: The disk is full; nothing was published.
        """
        check_card(card)  # before a number is spent
        check_files(files)
        with self._locked():
            number = self._store.take_number()
        return self.get(self._store.publish(number, files, card, self._clock()))

    def get(self, name: str) -> Version:
        """Describe a version: manifest and card are checked, not every file. See `open` before serving one.

        Args:
            name: Of a version, or of an alias.

        Returns:
            The version.

        Raises:
            NoSuchVersion: Nothing of that name is published.
            VersionDamaged: Its manifest or card is damaged.
        """
        named = self.alias(name) or name
        return base_version(named) if named == self.base else self._store.read(named, hashes=False)

    def open(self, name: str) -> Version:
        """Check every file of a version against its SHA-256, then describe it.

        Args:
            name: Of a version.

        Returns:
            The version, whole.

        Raises:
            NoSuchVersion: Nothing of that name is published.
            VersionDamaged: Something in it is missing or differs.
        """
        return base_version(name) if name == self.base else self._store.read(name, hashes=True)

    def list(self) -> tuple[Listed, ...]:
        """Give every version, the newest first, the shipped start last."""
        state = self.aliases()
        named: dict[str, list[str]] = {}
        for alias, name in [(CHAMPION, self._champions(state)[0]), *sorted(state.others.items())]:
            named.setdefault(name, []).append(alias)
        listed = []
        for name in [*self._store.names(), self.base]:
            version, problem = None, ""
            try:
                version = self.get(name)
            except VersionDamaged as error:
                problem = str(error)
            listed.append(Listed(name, version, problem, tuple(named.get(name, ()))))
        return tuple(listed)

    def verify(self, name: str | None = None) -> dict[str, str]:
        """Check every file of a version, or of all.

        Args:
            name: Of a version; None for all.

        Returns:
            What is wrong by name; an empty text where nothing is.

        Raises:
            NoSuchVersion: Nothing of that name is published.
        """
        found: dict[str, str] = {}
        for one in self._store.names() if name is None else [name]:
            try:
                self.open(one)
                found[one] = ""
            except VersionDamaged as error:
                found[one] = str(error)
        return found

    def aliases(self) -> Aliases:
        """Read the aliases and their history."""
        return read_aliases(self.root)

    def alias(self, name: str) -> str | None:
        """Give the version an alias names; the champion is the shipped start until one is promoted."""
        state = self.aliases()
        return self._champions(state)[0] if name == CHAMPION else state.others.get(name)

    def token(self) -> tuple[int, int, int]:
        """Give something cheap that differs after every move: inode, time and size of `ALIASES`; zeros without one."""
        try:
            stat = (self.root / ALIASES).stat()
        except FileNotFoundError:
            return (0, 0, 0)
        return (stat.st_ino, stat.st_mtime_ns, stat.st_size)

    def champion(self) -> Serving:
        """Give the version to serve: the champion if it is whole, else the newest before it that is, else the start."""
        state = self.aliases()
        problems = [state.problem] if state.problem else []
        for name in self._champions(state):
            try:
                return Serving(self.open(name), state.sequence, tuple(problems))
            except (NoSuchVersion, VersionDamaged) as error:
                problems.append(str(error))
        raise AssertionError("the shipped start is always whole")

    def promote(
        self, name: str, *, expected: int | None = None, who: str = "", why: str = "", force: bool = False
    ) -> Aliases:
        """Make a version the champion. The candidate of that name stops being one in the same move.

        Args:
            name: Of a version.
            expected: Sequence number the caller decided on; None to move whatever happened in between.
            who: Who wants it.
            why: Why; must be given with `force`.
            force: Promote although its verdict or its marks forbid it; recorded.

        Returns:
            The aliases after the move.

        Raises:
            NoSuchVersion: Nothing of that name is published.
            VersionDamaged: It is damaged.
            NotPromotable: The gate did not pass it, it was judged against another champion than the present one, or
                data it learned from were erased; or `force` without a reason.
            StaleWriter: An alias was moved since `expected`.
            StorageFull: The disk is full; the aliases stand as they were.
        """
        if force and not why.strip():
            raise NotPromotable("promoting by force needs a reason; it is kept in the history")
        with self._locked():
            state = self._expect(expected)
            version = self.open(name)
            before = self._champions(state)[0]
            if not force and name != self.base:
                must_be_promotable(version, before)
            champions = () if name == self.base else (name, *(one for one in state.champions if one != name))
            others = {alias: one for alias, one in state.others.items() if (alias, one) != (CANDIDATE, name)}
            move = Move(state.sequence + 1, self._clock(), CHAMPION, before, name, who, why, "promote", force)
            return self._write(replace(state, champions=champions, others=others), move)

    def assign(
        self, alias: str, name: str | None, *, expected: int | None = None, who: str = "", why: str = ""
    ) -> Aliases:
        """Point any alias but the champion to a version, or to nothing. The candidate on trial is such an alias.

        Args:
            alias: Such as "candidate".
            name: Of a version; None takes the alias away.
            expected: Sequence number the caller decided on.
            who: Who wants it.
            why: Why.

        Returns:
            The aliases after the move.

        Raises:
            NotPromotable: The alias is the champion's, or is written like a version.
            NoSuchVersion: Nothing of that name is published.
            VersionDamaged: It is damaged.
            StaleWriter: An alias was moved since `expected`.
            StorageFull: The disk is full.
        """
        if alias in (CHAMPION, self.base) or is_name(alias) or not alias.isidentifier():
            raise NotPromotable(f"{alias!r} cannot be assigned: the champion is moved by promote and rollback")
        with self._locked():
            state = self._expect(expected)
            if name is not None:
                self.open(name)
            others = {other: one for other, one in state.others.items() if other != alias}
            others |= {} if name is None else {alias: name}
            before = state.others.get(alias)
            move = Move(state.sequence + 1, self._clock(), alias, before, name, who, why, "assign")
            return self._write(replace(state, others=others), move)

    def rollback(self, *, expected: int | None = None, who: str = "", why: str = "") -> Aliases:
        """Go back to the champion before, or to the newest before it that is whole; the shipped start is the last.

        Args:
            expected: Sequence number the caller decided on.
            who: Who wants it.
            why: Why.

        Returns:
            The aliases after the move.

        Raises:
            NothingBefore: The shipped start serves already.
            StaleWriter: An alias was moved since `expected`.
            StorageFull: The disk is full.
        """
        with self._locked():
            state = self._expect(expected)
            if not state.champions:
                raise NothingBefore(f"{self.base} serves, and nothing was there before it")
            left = list(state.champions[1:])
            problems = []
            while left and (problem := self.verify_quietly(left[0])):
                problems.append(problem)
                left.pop(0)
            told = "; ".join([why, *problems]) if problems else why
            before, after = state.champions[0], [*left, self.base][0]
            move = Move(state.sequence + 1, self._clock(), CHAMPION, before, after, who, told, "rollback")
            return self._write(replace(state, champions=tuple(left)), move)

    def verify_quietly(self, name: str) -> str:
        """Say what is wrong with a version; an empty text when nothing is."""
        try:
            self.open(name)
        except (NoSuchVersion, VersionDamaged) as error:
            return str(error)
        return ""

    def mark(self, name: str, reason: str, *, who: str = "", data: tuple[str, ...] = ()) -> Version:
        """Note something beside a version, such as that data it learned from were erased. Marked versions are not
        promoted; one that serves goes on serving until the next cycle replaces it.

        Args:
            name: Of a published version.
            reason: What happened.
            who: Who says so.
            data: Hashes of the data it is about.

        Returns:
            The version with its marks.

        Raises:
            NoSuchVersion: Nothing of that name is published.
            VersionDamaged: Its manifest or card is damaged.
            StorageFull: The disk is full; nothing was noted.
        """
        with self._locked():
            self._store.read(name, hashes=False)
            self._store.add_mark(name, Mark(self._clock(), reason, who, data))
        return self.get(name)

    def prune(self, keep: int = 10) -> tuple[str, ...]:
        """Delete old versions; their cards are kept. Never one that serves, is on trial, or once was champion.

        Args:
            keep: How many of the newest to keep besides.

        Returns:
            The names deleted.
        """
        with self._locked():
            named = self.aliases().names()
            doomed = [name for name in self._store.names()[keep:] if name not in named]
            for name in doomed:
                self._store.retire(name)
            return tuple(doomed)

    def retired(self, name: str) -> ModelCard | None:
        """Give the card of a version that was pruned."""
        return self._store.retired(name)

    def _champions(self, state: Aliases) -> tuple[str, ...]:
        return (*state.champions, self.base)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        make_directory(self.root)
        with file_lock(self.root / _LOCK):
            yield

    def _expect(self, expected: int | None) -> Aliases:
        state = self.aliases()
        if expected is not None and expected != state.sequence:
            last = state.moves[-1] if state.moves else None
            told = f": {last.kind} of {last.alias} to {last.after or 'nothing'}" if last else ""
            raise StaleWriter(f"aliases moved since you looked (now {state.sequence}, not {expected}{told})")
        return state

    def _write(self, state: Aliases, move: Move) -> Aliases:
        after = replace(state, sequence=move.sequence, moves=(*state.moves, move), problem="")
        write_aliases(self.root, after)
        return after
