"""`groundloop evaluate`"""

from __future__ import annotations

import json as jsonlib
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.connect import Key, Url, server_for
from service.cli.output import Json, emit, table

if TYPE_CHECKING:
    from service.client.http import Server
    from training.evaluation.evaluation import Evaluation
    from training.evaluation.golden import GoldenQuestion
    from training.evaluation.groundedness import SupportScorer
    from training.evaluation.row import Told

HEADERS = ("figure", "value", "95 % interval", "questions")


def evaluate(
    golden: Annotated[
        Path, typer.Option("--golden", "-g", help="Golden questions, one JSON object a line.", show_default=False)
    ],
    version: Annotated[
        str | None, typer.Option("--version", "-v", help="Version to ask; the one that serves by default.")
    ] = None,
    compare: Annotated[
        str | None, typer.Option("--compare", help="Also ask this version; shows how it differs from the first.")
    ] = None,
    collection: Annotated[
        list[str] | None,
        typer.Option("--collection", "-c", help="Name or id; may be repeated; all that you may read by default."),
    ] = None,
    groundedness: Annotated[
        bool, typer.Option("--groundedness", help="Also check free text against the passages; loads an encoder here.")
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File for all results, as JSON.")] = None,
    url: Url = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Ask golden questions and measure the answers.

    A line of the file: {"question": "How many days of vacation?", "answers": ["30 days"], "documents": ["hr.pdf"]} or
    {"question": "Who won in 1931?", "unanswerable": true}. Intervals respect questions about one document.

    groundloop evaluate --golden golden.jsonl

    groundloop evaluate --golden golden.jsonl --compare v7 --out result.json
    """
    from service.client.errors import Refused
    from service.client.ingest import find_collection
    from training.evaluation.comparison import compare as side_by_side
    from training.evaluation.golden import GoldenError, read_golden

    try:
        questions = read_golden(golden)
    except GoldenError as error:
        raise Refused(str(error)) from error
    if any(question.passages is not None for question in questions):
        typer.echo("note: the server searches its own documents; `passages` of the file are not used", err=True)
    with server_for(url, key) as server:
        ids = [find_collection(server, name) for name in collection or ()]
        if None in ids:
            missing = (collection or [])[ids.index(None)]
            raise Refused(f"there is no collection {missing}: `groundloop collections list` shows them")
        scorer = _load_scorer() if groundedness else None
        found = [_run(server, questions, version, ids, scorer)]
        if compare is not None:
            found.append(_run(server, questions, compare, ids, scorer))
    data: dict[str, Any] = {"evaluations": [one.as_dict() for one in found]}
    shown = [_shown(one) for one in found]
    if compare is not None:
        difference = side_by_side(*found)
        data["comparison"] = difference.as_dict()
        heading = f"{difference.candidate} minus {difference.champion}: {len(difference.changes)} answers changed"
        shown.append(f"{heading}\n{table(('figure', 'difference', *HEADERS[2:]), difference.lines())}")
    if out is not None:
        from retrieval.durable import write_file_atomic

        try:
            write_file_atomic(out, (jsonlib.dumps(data, ensure_ascii=False, indent=1) + "\n").encode())
        except OSError as error:
            raise Refused(f"{out} cannot be written: {error.strerror or error}") from error
    emit(data, "\n\n".join(shown), json)


def _load_scorer() -> SupportScorer:
    from training.evaluation.groundedness import Groundedness

    return Groundedness.load()


def _run(
    server: Server,
    questions: Sequence[GoldenQuestion],
    version: str | None,
    collections: Sequence[str | None],
    scorer: SupportScorer | None,
) -> Evaluation:
    """Ask every question, with a bar on a terminal."""
    from rich.console import Console
    from rich.progress import track

    from service.client.errors import ClientError
    from training.evaluation.evaluation import Evaluation
    from training.evaluation.row import Row, Told, measure

    console = Console(stderr=True)
    model = "groundloop" if version is None else f"groundloop@{version.removeprefix('groundloop@')}"
    answered_by, rows = version or "", list[Row]()
    for question in track(
        questions, f"asking {model}", console=console, transient=True, disable=not console.is_terminal
    ):
        try:
            told, answered_by = _ask(server, question, model, collections)
        except ClientError as error:
            if not rows:  # nothing works: a bad key, no such version, no server
                raise
            told = Told("", (), abstained=False, latency_ms=0.0, error=str(error))
        rows.append(measure(question, told, scorer))
    return Evaluation(answered_by, tuple(rows))


def _ask(server: Server, question: GoldenQuestion, model: str, collections: Sequence[str | None]) -> tuple[Told, str]:
    """Give the answer to a question, and the version that gave it."""
    from training.evaluation.row import Told

    messages = [{"role": turn.role, "content": turn.text} for turn in question.history]
    body: dict[str, Any] = {"model": model, "messages": [*messages, {"role": "user", "content": question.question}]}
    if collections:
        body["collections"] = list(collections)
    started = perf_counter()
    answer = server.call("POST", "/v1/chat/completions", body=body)
    spent = (perf_counter() - started) * 1000
    message = answer["choices"][0]["message"]
    context = message["context"]
    told = Told(message["content"], _passages(context), abstained=bool(context["abstained"]), latency_ms=spent)
    return told, str(answer["model"]).rpartition("@")[2]


def _passages(context: dict[str, Any]) -> tuple[Any, ...]:
    from training.policy.base import ShownPassage

    return tuple(
        ShownPassage(
            number=one["number"],
            chunk_id=one["chunk_id"],
            document_id=one["document_id"],
            title=one["title"],
            text=one["content"],
            score=one["score"],
            filename=one["filepath"],
            start=one["start_index"],
            page_start=one["page_start"],
            page_end=one["page_end"],
        )
        for one in context["retrieved"]
    )


def _shown(evaluation: Evaluation) -> str:
    failed = f", {evaluation.failed} without an answer" if evaluation.failed else ""
    heading = f"{evaluation.version}: {len(evaluation.rows)} questions{failed}"
    return f"{heading}\n{table(HEADERS, list(evaluation.lines()))}"
