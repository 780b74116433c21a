"""What the stages of a job share: its directory, and what can be computed again from what lies there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from retrieval.durable import Manifest, publish_directory, read_manifest, write_file_atomic
from training.datasets.build import Built, build_examples
from training.datasets.config import DatasetConfig
from training.datasets.impressions import example_of, read_impressions
from training.datasets.propensity import Impression
from training.pipeline.configured import configured
from training.pipeline.job import Job
from training.pipeline.judges import FoldedJudge
from training.pipeline.parts import Fold, Parts, divide, folds
from training.pipeline.policies import Contest, open_contest
from training.policy.base import never
from training.records.read import read_records
from training.records.types import Record
from training.registry.fences import Fence
from training.reward.config import RewardConfig
from training.reward.model import TrainedReward
from training.reward.store import load_reward
from training.updates.devices import Devices
from training.updates.rewards import Grounded

SNAPSHOT, RECORDS = "snapshot", "records.jsonl"
REWARD, JUDGE = "reward", "judge"
JUDGES = 4
UPDATE, UPDATE_RESULT = "update", "update.json"
ADAPTER, QUERY = "adapter", "query"
WHOLE, WHOLE_VERDICT = "adapter-whole", "verdict-whole.json"  # of a candidate that learned from the whole window


class Waiting(Exception):
    """The data does not carry training yet; the message says what is missing and how much."""


@dataclass
class Workspace:
    """One job's directory. Not thread-safe."""

    directory: Path
    job: Job
    progress: Callable[[float], None] = lambda done: None
    stopped: Callable[[], bool] = never
    devices: Devices = field(default_factory=Devices)
    fence: Fence | None = None  # the attempt at the job, where there may be several
    waited_for: bool = True  # other processes wait to be told whether there is something to train

    def call_others(self, *, train: bool = True) -> None:
        """Tell the other processes of the job, once, whether to train along."""
        if self.waited_for:
            self.waited_for = False
            self.devices.from_first(train)

    @property
    def auto(self) -> bool:
        """Whether the data chooses the methods."""
        return self.job.methods == ("auto",)

    @cached_property
    def snapshot(self) -> Manifest:
        """The snapshot as it was taken."""
        return read_manifest(self.directory / SNAPSHOT)

    @property
    def digest(self) -> str:
        """SHA-256 of the records of the snapshot."""
        return self.snapshot.files[RECORDS].sha256

    @cached_property
    def records(self) -> tuple[Record, ...]:
        """The records of the snapshot."""
        return read_records(self.directory / SNAPSHOT / RECORDS).records

    @cached_property
    def dataset(self) -> DatasetConfig:
        """Settings of the data."""
        return configured(DatasetConfig, self.job.option("dataset"), "dataset")

    @cached_property
    def rewarding(self) -> RewardConfig:
        """Settings of the reward models."""
        return configured(RewardConfig, self.job.option("reward"), "reward")

    @cached_property
    def built(self) -> Built:
        """The examples and their card."""
        refused = int(self.snapshot.metadata["refused"])
        return build_examples(
            self.records,
            self.dataset,
            now=self.job.now,
            impressions=self.impressions,
            unreadable=refused,
            focus=self.job.focus,
        )

    @cached_property
    def impressions(self) -> tuple[Impression, ...]:
        """What was served, as far as it is known and was not erased since."""
        served = self.job.served
        return read_impressions(served) if served is not None and served.exists() else ()

    @cached_property
    def parts(self) -> Parts:
        """Who learns from what."""
        served = [example_of(seen) for seen in self.impressions]
        return divide(self.built.examples, served=served, seed=self.job.seed, focus=self.job.focus)

    @cached_property
    def contest(self) -> Contest:
        """The models."""
        device = str(self.devices.device) if self.job.device == "auto" else self.job.device
        return open_contest(self.job, self.job.option("update"), device)

    @cached_property
    def folds(self) -> tuple[Fold, ...]:
        """What each judge learns from, and is asked about."""
        return folds(self.parts, JUDGES)

    @cached_property
    def reward_model(self) -> TrainedReward:
        """The reward model that the policy may follow."""
        return load_reward(self.directory / REWARD, self.contest.encoder)

    @cached_property
    def judge(self) -> FoldedJudge:
        """The judges of the gate."""
        models = [load_reward(self.directory / f"{JUDGE}-{n}", self.contest.encoder) for n in range(len(self.folds))]
        return FoldedJudge.of(models, self.folds)

    @cached_property
    def grounded(self) -> Grounded | None:
        """What tells how well an answer is supported; None for the embedded policy, whose answers are verbatim."""
        if self.job.policy == "extractive":
            return None
        from training.evaluation.groundedness import Groundedness

        return Groundedness.load(self.contest.encoder).of_answer

    def has(self, name: str) -> bool:
        """Tell whether a stage left its result."""
        return (self.directory / name).exists()

    def publish(self, name: str, files: Mapping[str, bytes], **metadata: Any) -> None:
        """Leave a result of several files, whole or not at all."""

        def fill(target: Path) -> None:
            for path, content in files.items():
                (target / path).write_bytes(content)

        publish_directory(self.directory, name, fill, metadata=metadata)

    def write(self, name: str, content: object) -> None:
        """Leave a result of one file: JSON, or text as it is."""
        text = content if isinstance(content, str) else json.dumps(content, indent=1)
        write_file_atomic(self.directory / name, text.encode(), mode=0o600)

    def read(self, name: str) -> Any:
        """Read a result of one JSON file."""
        return json.loads((self.directory / name).read_text())

    def close(self) -> None:
        """Release the models."""
        if "contest" in self.__dict__:
            self.contest.close()
