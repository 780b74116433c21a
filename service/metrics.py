"""What Prometheus may know.

One registry a process; routes and pipelines count here, gauges of state are read when scraped.
"""

from __future__ import annotations

from threading import Lock

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)

FAST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.4, 0.6, 1.0, 2.5, 5.0, 10.0)
SLOW = (0.025, 0.05, 0.1, 0.15, 0.25, 0.4, 0.6, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


class Metrics:
    """The instruments of one process. Thread-safe. Nothing here is labelled by user, key, question or document."""

    def __init__(self) -> None:
        """Make a registry of its own, so that two containers in one process do not collide."""
        self.registry = CollectorRegistry()
        self.reading = Lock()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self.requests_total = self._counter("http_requests", "HTTP requests", ("method", "route", "status"))
        self.request_seconds = self._histogram(
            "http_request_seconds", "Time to the end of the response", FAST, ("route",)
        )
        self.answers_total = self._counter(
            "answers", "Answers by outcome: grounded, abstained, error, cancelled", ("outcome",)
        )
        self.ttft_seconds = self._histogram("ttft_seconds", "Time from the request to the first piece of text", SLOW)
        self.answer_seconds = self._histogram("answer_seconds", "Time from the request to the end of the answer", SLOW)
        self.tokens_total = self._counter("tokens", "Tokens by kind: prompt, completion", ("kind",))
        self.retrieval_seconds = self._histogram(
            "retrieval_latency_seconds", "Time by stage of retrieval", FAST, ("stage",)
        )
        self.unrecorded_total = self._counter(
            "answers_unrecorded", "Answers that were served while the record was down"
        )
        self.pairs_total = self._counter("pairs", "Prompts answered twice, by why: trial, learn", ("why",))
        self.feedback_total = self._counter("feedback", "Acknowledged feedback", ("label", "reason"))
        self.queue_depth = self._gauge("admission_queue_depth", "Questions waiting for their turn")
        self.running = self._gauge("admission_running", "Answers in the making")
        self.rejected_total = self._counter("admission_rejected", "Questions turned away", ("reason",))
        self.sse_open = self._gauge("sse_open", "Open answer streams")
        self.uploads_bytes_total = self._counter("upload_bytes", "Bytes of acknowledged uploads")
        self.index_generation = self._gauge("index_generation", "Published index generation", ("collection",))
        self.index_vectors = self._gauge("index_vectors", "Vectors in the index", ("collection",))
        self.index_tombstones_ratio = self._gauge(
            "index_tombstones_ratio", "Share of removed vectors still in it", ("collection",)
        )
        self.model_version_info = self._gauge(
            "model_version_info", "1 for each loaded policy", ("version", "routed", "scope", "role")
        )
        self.version_loads_total = self._counter(
            "version_loads", "Versions by outcome: loaded, failed; and swapped, what serves was replaced", ("outcome",)
        )
        self.version_leases = self._gauge("version_leases", "Requests that hold what serves, or served")
        self.versions_draining = self._gauge("versions_draining", "Replaced versions that open answers still use")
        self.version_problems = self._gauge("version_problems", "Versions that should serve and do not load")
        self.documents_pending = self._gauge("documents_pending", "Documents waiting for or in ingestion")
        self.last_sweep_age = self._gauge(
            "last_sweep_age_seconds", "Time since a scheduled sweep ran in a worker; NaN when none ever did"
        )
        self.journal_behind = self._gauge(
            "journal_behind_seconds",
            "Longest time for which the journal may lack what Redis holds; NaN where another process keeps it",
        )
        self.cycles_unfinished = self._gauge("cycles_unfinished", "Cycles of learning that wait or run", ("state",))
        self.cycle_lease_age = self._gauge(
            "cycle_lease_age_seconds",
            "Time since the stalest lease of a cycle was renewed; NaN while nobody works on one",
        )
        self.trial_judgements = self._gauge(
            "trial_judgements", "Judgements that a trial is decided on", ("scope", "candidate")
        )
        self.trial_evidence = self._gauge(
            "trial_evidence", "Logarithm of the evidence for a promotion", ("scope", "candidate")
        )
        self.trial_evidence_needed = self._gauge(
            "trial_evidence_needed",
            "Logarithm of the evidence at which a candidate is promoted",
            ("scope", "candidate"),
        )
        self.trial_net_share = self._gauge(
            "trial_net_share", "Prompts won less prompts lost, of those on which the two differ", ("scope", "candidate")
        )
        self.watch_decisions = self._gauge("watch_decisions", "Decisions of the watch ever, by kind", ("action",))
        self.redis_memory = self._gauge("redis_memory_bytes", "Memory that Redis uses; NaN while it is away")
        self.last_archive_age = self._gauge(
            "last_archive_age_seconds",
            "Time since what is old was last moved to the archive; NaN when it never was, or Redis is away",
        )
        self.disk_free = self._gauge("disk_free_bytes", "Room on the disk of the home folder")
        self.disk_size = self._gauge("disk_size_bytes", "Size of the disk of the home folder")
        self.part_up = self._gauge("part_up", "1 for a part that is ready", ("part",))

    def _counter(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Counter:
        return Counter(name, text, labels, namespace="groundloop", registry=self.registry)

    def _gauge(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Gauge:
        return Gauge(name, text, labels, namespace="groundloop", registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], labels: tuple[str, ...] = ()) -> Histogram:
        return Histogram(name, text, labels, namespace="groundloop", registry=self.registry, buckets=buckets)
