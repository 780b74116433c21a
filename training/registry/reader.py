"""A registry as those see it who only read: versions, aliases, and what serves. Nothing is cached; follow `token`."""

from __future__ import annotations

from pathlib import Path

from training.registry.aliases import ALIASES, CHAMPION, Aliases, read_aliases
from training.registry.card import ModelCard
from training.registry.errors import NoSuchVersion, VersionDamaged
from training.registry.store import Store
from training.registry.versions import BASES, Listed, Serving, Version, base_version


class RegistryReader:
    """Versions and aliases in a folder. Thread-safe; writers may be at work."""

    def __init__(self, root: Path, *, kind: str = "extractive") -> None:
        """Look at a registry; its folder need not be there yet.

        Args:
            root: Its folder.
            kind: Of policy; decides what serves as long as nothing was promoted.
        """
        self.root = root
        self.base = BASES[kind]
        self._store = Store(root)

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

    def verify_quietly(self, name: str) -> str:
        """Say what is wrong with a version; an empty text when nothing is."""
        try:
            self.open(name)
        except (NoSuchVersion, VersionDamaged) as error:
            return str(error)
        return ""

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

    def retired(self, name: str) -> ModelCard | None:
        """Give the card of a version that was pruned."""
        return self._store.retired(name)

    def _serving(self, state: Aliases) -> str:
        """Name what serves: its own champion, or for a registry of a scope without one that of the shared registry."""
        shared = self._store.numbers
        if state.champions or shared == self.root:
            return self._champions(state)[0]
        return (*read_aliases(shared).champions, self.base)[0]

    def _champions(self, state: Aliases) -> tuple[str, ...]:
        return (*state.champions, self.base)
