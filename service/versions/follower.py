"""Follows the registries: loads what they say should serve beside what serves, and swaps once it is ready.

What serves is a function of the folders alone: in each scope the newest champion that is whole and loads, down to the
start that ships; so a damaged version never takes over, and every process serves the same. What did not load is tried
again later, because a server or a disk may have come back.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.errors import ApiError, unavailable
from service.policies import PolicyBook
from service.scopes import SHARED, Scope
from service.versions.loading import REWARD, Loader
from service.versions.remote import Unfit
from service.versions.served import Loaded
from service.versions.snapshot import Arms, Snapshot
from service.versions.standing import Published, Standing, Token, names_present, read_standings, read_token, registry_of

if TYPE_CHECKING:
    from service.settings import Settings
    from training.registry.versions import Listed

RETRY_S = 30.0  # until what did not load is tried again
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Problem:
    """A version that should serve, or was pinned, and does not load."""

    version: str  # empty for the aliases themselves
    scope: Scope
    reason: str


class Follower:
    """Keeps a book at what the registries say. `look` and loading happen on whichever thread calls, one at a time."""

    def __init__(
        self,
        settings: Settings,
        loader: Loader,
        *,
        clock: Callable[[], float] = time.monotonic,
        counted: Callable[[str], None] = lambda outcome: None,
    ) -> None:
        """Load what serves now; blocking.

        Args:
            settings: Which policy, and where the home is.
            loader: Makes policies.
            clock: Monotonic seconds.
            counted: Told "loaded", "failed" or "swapped" each time.
        """
        self._settings = settings
        self._loader = loader
        self._clock = clock
        self.counted = counted
        self._lock = threading.Lock()
        self._retry_at = 0.0
        self._unfit: set[str] = set()
        self._failed: dict[str, tuple[float, Problem]] = {}  # pins
        self._loading: set[str] = set()
        self._bases = loader.bases()
        self._chosen: tuple[str, Loaded] | None = None  # the base with a reward model, and whose that is
        self.problems: tuple[Problem, ...] = ()
        self.names: dict[str, Published] = {}
        self._token: Token = read_token(settings)
        self.book = PolicyBook(self._desired({}))
        self.book.fetch_with(self.fetch)

    def look(self, *, force: bool = False) -> bool:
        """Compare with the registries and load what changed; blocking, cheap when nothing did.

        Args:
            force: Do not trust the token: look at everything.

        Returns:
            Whether something else serves now.
        """
        with self._lock:
            token = read_token(self._settings)
            due = bool(self.problems) and self._clock() >= self._retry_at
            if token == self._token and not due and not force:
                return False
            present = {(one.scope, one.version): one for one in self.book.present.loaded}
            before = self.book.present
            after = self._desired(present)
            self._token = token
            if _same(before, after):
                return False
            self.book.swap(after)
            self.counted("swapped")
            champion = after.arms[SHARED].champion.version
            log.info("%s serves%s", champion, _on_trial(after))
            return True

    def fetch(self, version: str, scope: Scope) -> None:
        """Load a version that somebody pinned, in the background; never waits.

        Args:
            version: As the request named it.
            scope: Of the request.

        Raises:
            ApiError: 503 while it loads, or when it cannot. Nothing is raised for one that nobody published.
        """
        known = self.names.get(version)
        if known is None or known.scope not in (SHARED, scope) or not self.may_pin(version):
            return
        failed = self._failed.get(version)
        if failed is not None and self._clock() < failed[0]:
            raise ApiError(503, f"version {version} does not load", code="version_unavailable", retry_after_s=30)
        if version not in self._loading:
            self._loading.add(version)
            threading.Thread(target=self._pin, args=(version, known.scope), name=f"load-{version}", daemon=True).start()
        raise unavailable("version", f"version {version} is being loaded; ask again", retry_after_s=1)

    def may_pin(self, version: str) -> bool:
        """Tell whether a published version could be loaded because somebody pins it."""
        return version not in self._unfit and self._settings.pinned_versions > 0

    def _pin(self, version: str, scope: Scope) -> None:
        try:
            with self._lock:
                if self.book.present.find(version) is not None:
                    return  # it came while the request was on its way here
                loaded = self._open(version, scope)
                present = self.book.present
                pins = dict(present.pins)
                bases = {one.version for one in self._bases}
                used = sorted((name for name in pins if name not in bases), key=self.book.pinned_at)
                for name in used[: max(0, len(used) + 1 - self._settings.pinned_versions)]:
                    del pins[name]
                self.book.swap(Snapshot(present.arms, {**pins, version: loaded}, present.share))
                self._failed.pop(version, None)
        except Unfit as unfit:
            self._tell_unfit(version, unfit)
        except Exception as error:
            self._failed[version] = (self._clock() + RETRY_S, Problem(version, scope, _told(error)))
            log.warning("the pinned version %s does not load: %s", version, _told(error))
        finally:
            self._loading.discard(version)

    def _desired(self, present: dict[tuple[Scope, str], Loaded]) -> Snapshot:
        """Load what should serve and is not in memory; what fails is told in `problems`."""
        problems: list[Problem] = []
        base, *behind = self._bases
        base = self._judged(base, problems)
        arms: dict[Scope, Arms] = {}
        for standing in read_standings(self._settings):
            if standing.problem:
                problems.append(Problem("", standing.scope, standing.problem))
            champion = self._first(standing.champions, standing, present, problems)
            if champion is None:
                champion = base if standing.scope == SHARED else arms[SHARED].champion
            tried = [] if standing.candidate is None else [standing.candidate]
            candidate = self._first(tried, standing, present, problems)
            if standing.scope == SHARED or candidate is not None or champion is not arms[SHARED].champion:
                arms[standing.scope] = Arms(champion, candidate, standing.sequence)
        self.names = names_present(self._settings)
        pins = {one.version: one for one in (base, *behind) if one is not arms[SHARED].champion}
        known = self.book.present.pins if present else {}
        pins |= {name: one for name, one in known.items() if name in self.names}
        self._report(problems)
        return Snapshot(arms, pins, self._settings.canary_share)

    def _judged(self, base: Loaded, problems: list[Problem]) -> Loaded:
        """Give the base, helped by the newest reward model that passed where it cannot be trained itself."""
        if not self._loader.base_may_choose:
            return base
        registry = registry_of(self._settings, SHARED)
        name = next((line.name for line in registry.list() if _may_judge(line)), None)
        if name is not None and (self._chosen is None or self._chosen[0] != name):
            try:
                self._chosen = name, self._loader.base_with(registry.open(name))
            except Exception as error:
                problems.append(Problem(name, SHARED, _told(error)))
        return base if self._chosen is None else self._chosen[1]

    def _first(
        self,
        names: Sequence[str],
        standing: Standing,
        present: dict[tuple[Scope, str], Loaded],
        problems: list[Problem],
    ) -> Loaded | None:
        """Give the first of some versions that is in memory or loads."""
        for name in names:
            if (known := present.get((standing.scope, name))) is not None:
                return known
            try:
                return self._open(name, standing.scope)
            except Unfit as unfit:
                self._tell_unfit(name, unfit)
                return None  # those before it were made for the same
            except Exception as error:
                problems.append(Problem(name, standing.scope, _told(error)))
        return None

    def _open(self, name: str, scope: Scope) -> Loaded:
        """Verify, load and warm one version."""
        started = self._clock()
        try:
            loaded = self._loader.load(registry_of(self._settings, scope).open(name), scope)
        except Unfit:
            raise
        except Exception:
            self.counted("failed")
            raise
        self.counted("loaded")
        log.info("loaded %s in %.2f s", name, self._clock() - started)
        return loaded

    def _tell_unfit(self, name: str, unfit: Unfit) -> None:
        if name not in self._unfit:
            log.warning("%s", unfit)
            self._unfit.add(name)

    def _report(self, problems: list[Problem]) -> None:
        for problem in set(problems) - set(self.problems):
            log.error("registry of %s: %s %s", problem.scope, problem.version or "aliases", problem.reason)
        self.problems = tuple(problems)
        self._retry_at = self._clock() + RETRY_S


def _same(before: Snapshot, after: Snapshot) -> bool:
    """Tell whether nothing changed, not even the sequence of the aliases."""
    return dict(before.arms) == dict(after.arms) and dict(before.pins) == dict(after.pins)


def _may_judge(line: Listed) -> bool:
    """Tell whether a version's reward model may choose among the answers of a policy that is not trained here."""
    version = line.version
    if version is None or version.path is None or version.marks or not (version.path / REWARD).is_dir():
        return False
    return version.card.judged is not None and version.card.judged.passed


def _on_trial(snapshot: Snapshot) -> str:
    trials = [f"{arm.candidate.version} ({scope})" for scope, arm in snapshot.arms.items() if arm.candidate]
    return f", on trial {', '.join(trials)}" if trials else ""


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
