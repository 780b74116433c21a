"""The stages that make something: snapshot, data, reward models, the update. Each takes what is there already."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from retrieval.durable import publish_directory
from training.datasets.evidence import evidence_marks
from training.datasets.examples import Counts, Example
from training.pipeline.configured import configured
from training.pipeline.job import DATA, PEOPLE, BadJob, Job
from training.pipeline.learn import update
from training.pipeline.policies import LORA
from training.pipeline.series import SeriesLog
from training.pipeline.workspace import (
    ADAPTER,
    JUDGE,
    QUERY,
    RECORDS,
    REWARD,
    SNAPSHOT,
    UPDATE,
    UPDATE_RESULT,
    Waiting,
    Workspace,
)
from training.query.fit import fit, with_vectors
from training.records.read import ReadRecords, read_records
from training.records.trl import read_trl
from training.records.write import record_lines
from training.reward.config import RewardConfig
from training.reward.errors import NotEnoughToLearn
from training.reward.features.describe import Describer
from training.reward.report import Measurable, report_reward
from training.reward.train import train_reward
from training.updates.choose import Choice, Floors, check_asked, choose, judgements
from training.updates.loop import NothingToTrain, UpdateResult
from training.updates.ppo_config import PPOConfig

DATA_TEXT = "data.md"
JUDGE_HEADS = 16  # the more, the better its own doubt is known, and the more it can show
LEAST_MARKS = 50  # on fewer the query adapter is not worth a look


def take_snapshot(work: Workspace) -> str:
    """Copy the usable records, so that nothing that happens to the file later matters."""
    if not work.has(SNAPSHOT):
        found = _read(work.job)

        def fill(target: Path) -> None:
            with (target / RECORDS).open("wb") as out:
                out.writelines(record_lines(found.records))

        reasons = dict(Counter(one.reason for one in found.rejected))
        publish_directory(work.directory, SNAPSHOT, fill, metadata={"refused": found.refused, "reasons": reasons})
    return f"{len(work.records)} records, {work.snapshot.metadata['refused']} lines refused"


def describe_data(work: Workspace) -> str:
    """Write the data card, and wait where the data does not carry training."""
    card = work.built.card
    work.write(DATA, {**card.as_dict(), "fate": dict(card.fate), "parts": work.parts.as_dict()})
    work.write(DATA_TEXT, card.markdown())
    judging = [record.record_id for record in work.records if work.parts.judges(record.voter)]
    work.write(PEOPLE, {**work.built.people.as_dict(), "judging": judging})
    counts = Counts.of(work.built.examples)
    floors = Floors(judgements=work.job.min_judgements)
    choice = choose(counts, floors=floors) if work.auto else check_asked(work.job.methods, counts, floors)
    if choice.waits:
        raise Waiting(f"waiting for data: {choice}{_left_out(work)}")
    if focus := work.job.focus:
        said = judgements(Counts.of([one for one in work.built.examples if focus.holds(one.prompt)]))
        if said < work.job.min_judgements:
            raise Waiting(f"waiting for data: {said} of {work.job.min_judgements} judgements of {focus}")
    shares = ", ".join(f"{number} {name}" for name, number in work.parts.as_dict().items())
    return f"{counts.examples} prompts of {counts.voters} voters: {shares}"


def _left_out(work: Workspace) -> str:
    """Name the commonest reasons for which judgements do not count, where there are any."""
    counted = sorted(work.built.card.left_out.items(), key=lambda item: -item[1])[:3]
    return " (left out: " + ", ".join(f"{count} {reason}" for reason, count in counted) + ")" if counted else ""


def train_rewards(work: Workspace) -> str:
    """Train the reward model that the policy may follow, and the judges of the gate from other voters."""
    describer = Describer(work.contest.encoder)
    jobs = [(REWARD, work.parts.train)]
    jobs += [(f"{JUDGE}-{number}", fold.learned) for number, fold in enumerate(work.folds)]
    for place, (name, examples) in enumerate(jobs):
        work.progress(place / len(jobs))
        if work.has(name):
            continue
        config = work.rewarding if name == REWARD else _judging(work)
        try:
            curve = SeriesLog(work.directory, "reward", x="step", part="" if name == REWARD else name)
            encoder = work.contest.encoder
            model = train_reward(
                examples,
                config,
                encoder=encoder,
                describer=describer,
                record=curve.add,
                held_out=work.parts.quality if name == REWARD else (),
            )
        except NotEnoughToLearn as error:
            raise Waiting(f"waiting for data for the {name} model: {error}") from error
        work.publish(name, model.files())
    log = SeriesLog(work.directory, "reward", x="judgement", part="held out")
    measured: dict[str, tuple[Measurable, Sequence[Example]]] = {
        REWARD: (work.reward_model, work.parts.train),
        JUDGE: (work.judge, work.parts.judge),
    }
    for name, (made, learned) in measured.items():
        report = report_reward(made, work.parts.quality)
        work.write(f"{name}.json", report.as_dict())
        known = [figures.accuracy for figures in (report.pairs, report.votes) if figures is not None]
        if known:
            log.add(f"{name} accuracy", judgements(Counts.of(learned)), max(known, key=lambda one: one.n).value)
    return f"base {work.rewarding.base}, {work.rewarding.heads} heads; {len(work.folds)} judges of {JUDGE_HEADS}"


def _judging(work: Workspace) -> RewardConfig:
    """Train judges as strongly held back as the training voters' data asked for: choosing it anew for each of them
    takes most of the time, and says nothing about anybody's taste.
    """
    facts = work.reward_model.facts
    held_back = {name: facts[name] for name in ("precision", "semantic") if name in facts}
    return replace(work.rewarding, heads=max(work.rewarding.heads, JUDGE_HEADS), **held_back)


def update_policy(work: Workspace) -> str:
    """Train the policy from its base with the whole window."""
    if not work.has(ADAPTER):
        choice = _choice(work)
        if choice.waits:
            raise Waiting(f"waiting for data: {choice}")
        work.call_others()
        result = train_together(work, choice)
        work.write(UPDATE_RESULT, {**result.as_dict(), "reasons": list(choice.reasons)})
        provenance = {"records": work.digest, "seed": work.job.seed, "method": result.method}
        work.publish(ADAPTER, work.contest.candidate.adapter_files(provenance))
    told = work.read(UPDATE_RESULT)
    return f"{told['method']}, {told['steps']} steps" + (f"; {told['stopped']}" if told["stopped"] else "")


def train_together(work: Workspace, choice: Choice | None = None) -> UpdateResult:
    """Train in all processes of the job; each takes its share of every step.

    Args:
        work: The job as this process sees it; snapshot and reward models are there.
        choice: Of methods; the same data give every process the same one.

    Returns:
        How it ended.

    Raises:
        Waiting: Nothing can be trained on.
        Interrupted: The job was asked to stop.
    """
    choice = choice or _choice(work)
    options = work.job.option("update")
    try:
        return update(
            work.contest.candidate,
            work.parts.train,
            choice.methods,
            auto=work.auto,
            encoder=work.contest.encoder,
            reward=work.reward_model,
            run_dir=work.directory / UPDATE,
            held_out=work.parts.quality,
            options={name: value for name, value in options.items() if name not in LORA},
            ppo=configured(PPOConfig, work.job.option("ppo"), "ppo"),
            seed=work.job.seed,
            grounded=work.grounded,
            progress=lambda at: work.progress(at.step / max(at.steps, 1)),
            stopped=work.stopped,
            devices=work.devices,
        )
    except NothingToTrain as error:
        raise Waiting(f"waiting for data: {error}") from error


def update_retrieval(work: Workspace) -> str:
    """Learn to move questions from marks on evidence; the gate looks at voters and sources that were left out."""
    marks = evidence_marks(work.records, work.dataset, now=work.job.now, focus=work.job.focus)
    learned = [mark for mark in marks if not work.parts.judges(mark.voter)]
    if len(learned) < LEAST_MARKS:
        return f"{len(learned)} of {LEAST_MARKS} marks on evidence"
    if not work.has(QUERY):
        adapter = fit(with_vectors(learned, work.contest.encoder), work.contest.encoder.model_name)
        work.publish(QUERY, adapter.files())
    return f"{len(learned)} marks on evidence"


def _choice(work: Workspace) -> Choice:
    counts = Counts.of(work.parts.train)
    if not work.auto:
        return check_asked(work.job.methods, counts, Floors(judgements=1, voters=1))
    report = work.read(f"{REWARD}.json")
    accuracy = report["pairs"]["accuracy"]["low"] if report.get("pairs") else None
    return choose(counts, reward_accuracy_low=accuracy, floors=Floors(judgements=1, voters=1))


def _read(job: Job) -> ReadRecords:
    """Read records, or TRL's files, whichever the first line looks like."""
    try:
        with job.records.open("rb") as lines:
            first = lines.readline(1_000_000)
    except OSError as error:
        raise BadJob(f"{job.records} cannot be read: {error.strerror}") from error
    try:
        names = json.loads(first)
    except (ValueError, RecursionError):
        names = None  # the reader of records says what is wrong with it
    if isinstance(names, dict) and {"chosen", "completion"} & names.keys():
        if job.policy != "causal":
            raise BadJob("TRL's preference files show no passages, so only the causal policy can learn from them")
        return read_trl(job.records, judged_at=job.now)
    return read_records(job.records)
