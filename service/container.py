"""The one place that wires objects.

Opened in the app's lifespan, on `app.state.container`; routes get it by `container_of`.

What is light (catalog, keys, the Redis link) is there as soon as `open` returns; what is heavy (the encoder, the
indexes, the policies) loads in the background, so that `/healthz` answers at once. Until then `searcher` and `policies`
raise a 503.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from fastapi import Request

from retrieval.durable import make_directory
from service.access.keys import KeyStore
from service.access.sessions import SESSIONS_FILE, SessionStore
from service.errors import unavailable
from service.limits import RateLimits
from service.metrics import Metrics
from service.policies import PolicyBook
from service.redis.link import RedisLink
from service.redis.server import remembered_url
from service.settings import Settings
from service.versions.following import Following

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from retrieval.catalog import Catalog
    from retrieval.search import Searcher
    from service.archive.archive import Archive
    from service.archive.tail import Tail
    from service.chat.service import ChatService
    from service.cycles.reaper import Reaper
    from service.evaluation.runner import Runner
    from service.evaluation.runs import RunStore
    from service.feedback.answers import AnswerStore
    from service.feedback.judgements import Judgements
    from service.feedback.log import FeedbackLog
    from service.files.batches import BatchStore
    from service.jobs.enqueue import Ringer
    from service.jobs.sweep import Sweeper
    from service.metrics_peers import Peers
    from service.models import Models
    from service.overview.overview import Overview
    from service.privacy.consent import Consents
    from service.watch.seen import TrialsSeen
    from service.watch.tally import Tally

Loader = Callable[[Settings, "Catalog"], "Models"]
log = logging.getLogger(__name__)


class Container:
    """Everything one API process holds."""

    settings: Settings
    catalog: Catalog
    sweeper: Sweeper  # finds uploads and cycles that wait, and wakes a worker
    reaper: Reaper  # its eye for cycles; remembers what it saw
    eraser: Ringer  # wakes a worker to erase people; in a thread, one at a time
    keys: KeyStore
    sessions: SessionStore  # of browsers
    limits: RateLimits
    metrics: Metrics
    peers: Peers | None  # the processes that share our port, for their metrics
    link: RedisLink  # its `state` tells whether Redis is up
    redis: Redis  # decode_responses=False; fails fast while Redis is down
    answers: AnswerStore
    feedback: FeedbackLog
    judgements: Judgements  # what stands of it
    archive: Archive  # what is old and no more in Redis
    journal: Tail | None  # follows Redis into the home folder, from which it is rebuilt
    consents: Consents
    chat: ChatService
    overview: Overview
    runs: RunStore  # of the golden set
    runner: Runner  # does them in the background
    tally: Tally  # of what each version serves
    trials: TrialsSeen
    batches: BatchStore

    def __init__(self, settings: Settings, load: Loader | None = None) -> None:
        """Keep the settings; `open` makes the rest.

        Args:
            settings: The configuration of this process.
            load: Another way to load the heavy parts; by default `service.models.load_models`.
        """
        self.settings = settings
        self._load_models = load
        self.draining = False
        self.load_error: str | None = None
        self._models: Models | None = None
        self._following: Following | None = None
        self._loading: asyncio.Task[None] | None = None

    @property
    def searcher(self) -> Searcher:
        """The search; 503 while it loads."""
        if self._models is None:
            raise self._not_loaded("search")
        return self._models.searcher

    @property
    def policies(self) -> PolicyBook:
        """The policies; 503 while they load."""
        if self._models is None:
            raise self._not_loaded("policy")
        return self._models.policies

    @property
    def loaded(self) -> bool:
        """Tell whether the heavy parts are there."""
        return self._models is not None

    @property
    def following(self) -> Following | None:
        """What keeps the policies at what the registry says; None while they load, or where nothing does."""
        return self._following

    async def open(self) -> None:
        """Open the light parts and start to load the heavy ones."""
        from retrieval.catalog import Catalog
        from service.archive.places import open_archive, open_journal, open_tail
        from service.archive.reading import ArchivedRecord
        from service.chat.drain import on_stop_signal
        from service.chat.options import ChatOptions
        from service.chat.service import ChatService
        from service.cycles.reaper import Reaper
        from service.evaluation.runs import RunStore
        from service.evaluation.wiring import open_runner
        from service.feedback.answers import AnswerStore
        from service.feedback.judgements import Judgements
        from service.feedback.log import FeedbackLog
        from service.files.batches import BatchStore
        from service.jobs.enqueue import Ringer
        from service.jobs.sweep import Sweeper
        from service.metrics_peers import Peers
        from service.metrics_routes import own_metrics
        from service.overview.overview import Overview
        from service.privacy.consent import Consents
        from service.redis.blocking import connect
        from service.redis.checks import durability_problems
        from service.watch.seen import TrialsSeen
        from service.watch.tally import Tally

        settings = self.settings
        make_directory(settings.home)
        self.metrics = Metrics()
        self.limits = RateLimits(settings.requests_per_minute)
        self.catalog = await asyncio.to_thread(Catalog.open, settings.home, max_attempts=settings.ingest_attempts)
        self.keys = KeyStore(settings.home / "keys.db")
        self.sessions = SessionStore(settings.home / SESSIONS_FILE)
        self.batches = BatchStore(settings.home / "batches.db")
        self.link = RedisLink(
            self._redis_address,
            timeout_s=settings.redis_timeout_s,
            check=durability_problems,
            unsafe_ok=settings.redis_unsafe_ok,
        )
        self.redis = self.link.client
        self.archive = open_archive(settings)
        older = ArchivedRecord(self.redis, self.archive, open_journal(settings) if settings.journal else None)
        self.answers = AnswerStore(self.redis, older, min_replicas=settings.redis_min_replicas)
        self.feedback = FeedbackLog(self.redis, older, min_replicas=settings.redis_min_replicas)
        self.judgements = Judgements(self.redis, self.feedback, older)
        self.journal = open_tail(settings) if settings.journal else None
        self.consents = Consents(self.redis, default=settings.consent_default)
        self.tally = Tally(self.redis)
        self.trials = TrialsSeen(self.redis, settings)
        self.chat = ChatService(self, ChatOptions.of(settings))
        self.runs = RunStore.of(settings)
        self.runner = open_runner(self, self.runs)
        self.overview = Overview(self)
        await self.link.start()
        self.tally.start()
        self.trials.start()
        self.runner.start()
        ringer = Ringer(settings)
        self.eraser = Ringer(settings)
        self.reaper = Reaper(lambda: connect(settings, timeout_s=settings.redis_timeout_s), ringer.cycles)
        self.sweeper = Sweeper(
            self.catalog, settings.home / "indexes", ringer.documents, settings.sweep_interval_s, self.reaper
        )
        self.sweeper.start()
        if self.journal is not None:
            self.journal.start()
        several = settings.api_processes > 1
        self.peers = Peers(settings.home / "run" / "metrics", lambda: own_metrics(self)) if several else None
        if self.peers is not None:
            await self.peers.start()
        self._forget_signals = on_stop_signal(self.begin_draining, delay_s=settings.drain_s)
        self._loading = asyncio.create_task(self._load(), name="load-models")

    async def close(self) -> None:
        """Release everything; what was acknowledged is on disk already."""
        self.begin_draining()
        self._forget_signals()
        if self.peers is not None:
            await self.peers.close()
        await self.runner.close()
        await self.chat.close()
        if self._loading is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._loading  # a thread that imports torch cannot be interrupted
        if self._following is not None:
            await self._following.close()
        if self._models is not None:
            await asyncio.to_thread(self._models.close)
        await asyncio.to_thread(self.sweeper.close)
        if self.journal is not None:
            await asyncio.to_thread(self.journal.close)
        self.archive.close()
        self.reaper.close()
        await self.trials.close()
        await self.tally.close()
        await self.link.close()
        self.batches.close()
        self.sessions.close()
        self.keys.close()
        self.catalog.close()

    def begin_draining(self) -> None:
        """Answer `/readyz` with 503 and no new question; what is open may end. Again does nothing."""
        self.draining = True
        self.chat.begin_drain()

    def enqueue_ingest(self) -> None:
        """Wake the ingest worker without waiting; if that fails, the sweep finds the work."""
        self.sweeper.wake()

    def enqueue_training(self) -> None:
        """Have waiting cycles looked for, without waiting; if that fails, the next sweep finds them."""
        self.sweeper.wake()

    def _redis_address(self) -> str | None:
        configured = self.settings.redis_url
        return remembered_url(self.settings.home) if configured is None else configured.get_secret_value()

    async def _load(self) -> None:
        from service.models import load_models

        started = time.monotonic()
        try:
            self._models = await asyncio.to_thread(self._load_models or load_models, self.settings, self.catalog)
        except Exception as error:
            log.exception("the models did not load")
            self.load_error = f"{type(error).__name__}: {error}"
            return
        if (follower := self._models.follower) is not None:
            follower.counted = lambda outcome: self.metrics.version_loads_total.labels(outcome).inc()
            self._following = Following(follower, self.redis, self.settings.version_poll_s)
            self._following.start()
        log.info("ready after %.1f s", time.monotonic() - started)

    def _not_loaded(self, part: str) -> Exception:
        if self.load_error is not None:
            return unavailable(part, "the models did not load; the log of the API says why", retry_after_s=60)
        return unavailable(part, "the models are still loading", retry_after_s=5)


def container_of(request: Request) -> Container:
    """Give the container of the app that serves this request; use it with `Depends`."""
    container: Container = request.app.state.container
    return container
