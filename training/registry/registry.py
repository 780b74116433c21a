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
from training.registry.aliases import CANDIDATE, CHAMPION, Aliases, Move, write_aliases
from training.registry.card import ModelCard, check_card
from training.registry.errors import NothingBefore, NotPromotable, StaleWriter
from training.registry.fences import Fence, raise_fence
from training.registry.promotable import must_be_promotable
from training.registry.reader import RegistryReader
from training.registry.store import Content, check_files
from training.registry.versions import Mark, Version, is_name
from training.watch.evidence import LiveEvidence

_LOCK = ".lock"
Clock = Callable[[], float]


class Registry(RegistryReader):
    """Versions and aliases in a folder. Thread-safe; processes may share the folder."""

    def __init__(self, root: Path, *, kind: str = "extractive", clock: Clock = time.time) -> None:
        """Open a registry; the folder is made when something is first written.

        Args:
            root: Its folder.
            kind: Of policy; decides what serves as long as nothing was promoted.
            clock: Gives seconds since the epoch.
        """
        super().__init__(root, kind=kind)
        self._clock = clock

    def fence(self, fence: Fence) -> None:
        """Begin an attempt at a job: whatever an older attempt brings from now on is refused.

        Args:
            fence: The attempt.

        Raises:
            StaleWriter: A newer one has begun.
            StorageFull: The disk is full.
        """
        with self._locked():
            raise_fence(self.root, fence)

    def publish(self, files: Mapping[str, Content], card: ModelCard, *, fence: Fence | None = None) -> Version:
        """Publish a version, whole or not at all. It does not serve yet.

        Args:
            files: Content by path inside the version, with "/": bytes, or a file or folder to copy. The policy's own
                files belong under `adapter/`.
            card: What it is; name and time are filled in.
            fence: The attempt at a job that made it.

        Returns:
            The version, under a number that was never used before.

        Raises:
            StaleWriter: A newer attempt at the job has begun; nothing was published.
            BadCard: The card may not be published, or a path leaves the version or takes a name of the registry's own.
            StorageFull: The disk is full; nothing was published.
        """
        check_card(card)  # before a number is spent
        check_files(files)
        with self._locked(fence):  # until it has landed: no newer attempt may begin in between
            name = self._store.publish(self._store.take_number(), files, card, self._clock())
        return self.get(name)

    def promote(
        self,
        name: str,
        *,
        expected: int | None = None,
        who: str = "",
        why: str = "",
        force: bool = False,
        evidence: LiveEvidence | None = None,
    ) -> Aliases:
        """Make a version the champion. The candidate of that name stops being one in the same move.

        Args:
            name: Of a version.
            expected: Sequence number the caller decided on; None to move whatever happened in between.
            who: Who wants it.
            why: Why; must be given with `force`.
            force: Promote although its verdict or its marks forbid it; recorded.
            evidence: What live votes showed of it; recorded. A version that may only be tried needs it.

        Returns:
            The aliases after the move.

        Raises:
            NoSuchVersion: Nothing of that name is published.
            VersionDamaged: It is damaged.
            NotPromotable: The gate did not pass it, it may only be tried and live votes did not prove it, it was
                judged against another champion than the present one, or data it learned from were erased; or `force`
                without a reason.
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
                must_be_promotable(version, self._serving(state), evidence)
            champions = () if name == self.base else (name, *(one for one in state.champions if one != name))
            others = {alias: one for alias, one in state.others.items() if (alias, one) != (CANDIDATE, name)}
            shown = None if evidence is None else evidence.as_dict()
            move = Move(state.sequence + 1, self._clock(), CHAMPION, before, name, who, why, "promote", force, shown)
            return self._write(replace(state, champions=champions, others=others), move)

    def assign(
        self,
        alias: str,
        name: str | None,
        *,
        expected: int | None = None,
        who: str = "",
        why: str = "",
        fence: Fence | None = None,
    ) -> Aliases:
        """Point any alias but the champion to a version, or to nothing. The candidate on trial is such an alias.

        Args:
            alias: Such as "candidate".
            name: Of a version; None takes the alias away.
            expected: Sequence number the caller decided on.
            who: Who wants it.
            why: Why.
            fence: The attempt at a job that wants it.

        Returns:
            The aliases after the move.

        Raises:
            NotPromotable: The alias is the champion's, or is written like a version.
            NoSuchVersion: Nothing of that name is published.
            VersionDamaged: It is damaged.
            StaleWriter: An alias was moved since `expected`, or a newer attempt at the job has begun.
            StorageFull: The disk is full.
        """
        if alias in (CHAMPION, self.base) or is_name(alias) or not alias.isidentifier():
            raise NotPromotable(f"{alias!r} cannot be assigned: the champion is moved by promote and rollback")
        with self._locked(fence):
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

    @contextmanager
    def _locked(self, fence: Fence | None = None) -> Iterator[None]:
        make_directory(self.root)
        with file_lock(self.root / _LOCK):
            if fence is not None:
                raise_fence(self.root, fence)
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
