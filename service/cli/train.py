"""`groundloop train ...`: the cycles of a running server, and training on a file, in a process of its own."""

from __future__ import annotations

import contextlib
import secrets
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli import cycles
from service.cli.connect import Home, settings_for, use_home
from service.cli.jobs_shown import LOG, Watching, data_of, status_of, told_of
from service.cli.output import Json, emit, emit_line, table

if TYPE_CHECKING:
    from training.pipeline.job import Job
    from training.pipeline.state import JobState

app = typer.Typer(no_args_is_help=True, help="Train: the cycles of a running server, or from a file of judged answers.")
_LOOK_S = 0.2

app.command()(cycles.start)
app.command("cycles")(cycles.show)
app.command()(cycles.cancel)


@app.command()
def run(
    records: Annotated[
        Path | None,
        typer.Option(
            "--records",
            help="Judged answers: what `groundloop feedback export --format records` writes, or TRL's preference or "
            "labelled JSONL (causal policy only).",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        str | None, typer.Option(help="Go on with a job that was stopped or killed: its name.", show_default=False)
    ] = None,
    policy: Annotated[str, typer.Option(help="What to train: extractive or causal.")] = "extractive",
    model: Annotated[str, typer.Option(help="Base of the causal policy: a name or a folder.")] = "",
    method: Annotated[str, typer.Option(help="auto, or some of sft,kto,dpo,ppo joined by commas.")] = "auto",
    min_judgements: Annotated[
        int, typer.Option(min=1, help="With fewer judgements that may be used, wait and say so.")
    ] = 200,
    golden: Annotated[
        Path | None, typer.Option(help="Golden set whose figures must not get worse.", show_default=False)
    ] = None,
    scope: Annotated[str, typer.Option(help="Whom it is for: shared, segment:<name> or collection:<id>.")] = "shared",
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same data, same version.")] = 0,
    options: Annotated[
        Path | None,
        typer.Option(
            "--options",
            help="TOML with a table for each stage to set otherwise: dataset, reward, update, ppo, gate. "
            "See docs/learning.md.",
            show_default=False,
        ),
    ] = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """Train a new version; it is published with its verdict and card, and serves only when you promote it."""
    from service.client.errors import Refused
    from training.pipeline.job import BadJob, write_job

    use_home(home)
    jobs = settings_for().home / "training"
    if (records is None) == (resume is None):
        raise Refused("give either --records FILE for a new job, or --resume NAME for one that was stopped")
    if resume is not None:
        directory = jobs / resume
        _check_resumable(directory)
    else:
        assert records is not None
        directory = jobs / f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"
        try:
            job = _job(records, policy, model, method, min_judgements, golden, scope, seed, options)
            write_job(directory, job)
        except BadJob as error:
            raise Refused(str(error)) from error
    state = _follow(directory, json)
    if json:
        emit_line(data_of(directory, state))
    else:
        typer.echo(told_of(directory, state, steps=False))  # they were shown one by one
    if state is None or state.status in ("failed", "stopped", "running"):  # running: it was killed
        raise typer.Exit(1)


@app.command()
def status(
    name: Annotated[str | None, typer.Argument(help="One job, with its steps.", show_default=False)] = None,
    home: Home = None,
    json: Json = False,
) -> None:
    """Show training jobs, the newest first; or one of them, step by step."""
    from service.client.errors import Refused
    from training.pipeline.state import read_state

    use_home(home)
    jobs = settings_for().home / "training"
    if name is not None:
        state = read_state(jobs / name)
        if state is None:
            raise Refused(f"there is no training job {name}: `groundloop train status` lists them")
        emit(data_of(jobs / name, state), told_of(jobs / name, state), json)
        return
    found = sorted((path.parent for path in jobs.glob("*/job.json")), reverse=True)
    states = [(directory, read_state(directory)) for directory in found]
    rows = [(d.name, status_of(s), s.step if s else "", (s.version or "") if s else "") for d, s in states]
    emit(
        {"object": "list", "data": [data_of(directory, state) for directory, state in states], "has_more": False},
        table(("job", "status", "step", "version"), rows) if rows else "No training job yet: `groundloop train run`.",
        json,
    )


def _job(
    records: Path,
    policy: str,
    model: str,
    method: str,
    min_judgements: int,
    golden: Path | None,
    scope: str,
    seed: int,
    options: Path | None,
) -> Job:
    import tomllib

    from service.client.errors import Refused
    from service.scopes import SHARED, Scope
    from training.pipeline.job import Job

    settings = settings_for()
    try:
        whom = Scope.parse(scope)
    except ValueError as error:
        raise Refused(str(error)) from error
    shared = settings.home / "registry" / policy
    for path in (records, golden, options):
        if path is not None and not path.is_file():
            raise Refused(f"there is no file {path}")
    try:
        stages = tomllib.loads(options.read_text("utf-8")) if options else {}
    except ValueError as error:  # of TOML, or of UTF-8
        raise Refused(f"{options} is not TOML: {error}") from error
    return Job(
        records=records.absolute(),
        registry=shared.with_name(policy + whom.suffix),
        scope=scope,
        shared=None if whom == SHARED else shared,
        policy=policy,  # type: ignore[arg-type]  # write_job checks it
        model=model or settings.causal_model,
        device=settings.device,
        encoder=settings.embedding_model,
        method=method,
        seed=seed,
        min_judgements=min_judgements,
        now=time.time(),
        golden=golden.absolute() if golden else None,
        cache=settings.encoder_cache or settings.home / "cache" / "encoders",
        options=stages,
    )


def _check_resumable(directory: Path) -> None:
    from service.client.errors import Clash, Refused
    from training.pipeline.job import BadJob, read_job
    from training.pipeline.state import alive, read_state

    if not directory.is_dir():
        raise Refused(f"there is no training job {directory.name}: `groundloop train status` lists them")
    try:
        read_job(directory)
    except BadJob as error:
        raise Refused(str(error)) from error
    state = read_state(directory)
    if state is not None and alive(state):
        raise Clash(f"process {state.pid} is at the job {directory.name}: `groundloop train status {directory.name}`")


def _follow(directory: Path, json: bool) -> JobState | None:
    """Run the job's process and show how it goes; Ctrl-C lets it stop at its next checkpoint."""
    from training.pipeline.state import read_state

    with (directory / LOG).open("ab") as out:
        child = subprocess.Popen(
            [sys.executable, "-m", "training.run", str(directory)], stdout=out, stderr=out, start_new_session=True
        )
    try:
        with Watching(json) as show:
            while child.poll() is None:
                show(read_state(directory))
                time.sleep(_LOOK_S)
    except KeyboardInterrupt:
        child.send_signal(signal.SIGTERM)
        typer.echo("stopping at the next checkpoint; Ctrl-C again leaves it to stop by itself", err=True)
        with contextlib.suppress(KeyboardInterrupt):
            child.wait()
    return read_state(directory)
