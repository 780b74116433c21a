"""`groundloop evaluate` as a shell sees it, against a served chat."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from service.cli.evaluate import evaluate
from service.cli.group import TellingGroup
from tests.service.chat.world import QuotingPolicy, Served, World

GOLDEN = [
    {"question": "How many days of vacation do employees get?", "answers": ["30 days"], "documents": ["chk_1.md"]},
    {"question": "When does the office in Berlin open?", "contains": [["8 am", "8:00"]], "documents": ["chk_2.md"]},
    {"question": "Is there an unanswerable question about vacation?", "unanswerable": True},
    {"question": "Can you invent something about the office?", "answers": ["nothing"], "segment": "en"},
]


class SecondSentence(QuotingPolicy):
    """Quotes the second sentence."""

    version = "quoting-2"

    def sample(self, prompts, n, sampling, *, cancelled=None):  # type: ignore[no-untyped-def]
        """Give the second sentence."""
        return [[self._answer(prompt, 1, sampling)] * n for prompt in prompts]


@pytest.fixture
def world(tmp_path: Path, redis_url: str) -> World:
    return World(tmp_path / "home", redis_url, [QuotingPolicy(), SecondSentence()])


@pytest.fixture
def served(world: World) -> Iterator[Served]:
    with Served(world.app()) as server:
        yield server


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    path = tmp_path / "golden.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in GOLDEN))
    return path


def run(*arguments: str) -> tuple[int, str, str]:
    app = typer.Typer(cls=TellingGroup)
    app.command("evaluate")(evaluate)
    app.command("other")(lambda: None)  # a group, as in the program
    result = CliRunner().invoke(app, ["evaluate", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def test_it_measures_the_answers_of_a_running_server(served: Served, world: World, golden: Path) -> None:
    to = ["--url", served.url.removesuffix("/v1"), "--key", world.key]
    code, out, err = run("--golden", str(golden), *to, "--json")
    assert (code, err) == (0, "")
    [found] = json.loads(out)["evaluations"]
    assert (found["version"], found["questions"], found["failed"]) == ("quoting-1", 4, 0)
    assert [row["figures"].get("correct") for row in found["rows"]] == [1.0, 1.0, 1.0, 0.0]
    assert found["figures"]["correct"]["value"] == 0.75
    assert found["figures"]["abstention_f1"]["value"] == 1.0
    assert found["rows"][0]["figures"]["citation_precision"] == 1.0
    assert found["rows"][0]["figures"]["cites_expected"] == 1.0
    assert found["rows"][3]["figures"]["citation_recall"] == 0.0
    assert found["rows"][0]["latency_ms"] > 0
    _, out, _ = run("-g", str(golden), *to)
    assert "quoting-1: 4 questions" in out


def test_two_versions_are_compared_and_everything_is_kept(
    served: Served, world: World, golden: Path, tmp_path: Path
) -> None:
    to = ["--url", served.url.removesuffix("/v1"), "--key", world.key]
    kept = tmp_path / "result.json"
    code, out, _ = run("-g", str(golden), "--version", "quoting-1", "--compare", "quoting-2", "--out", str(kept), *to)
    assert code == 0
    assert "quoting-2 minus quoting-1: 2 answers changed" in out
    assert "95 % interval" in out
    data = json.loads(kept.read_text())
    assert data["comparison"]["differences"]["correct"]["value"] == -0.5
    assert [change["verdict"] for change in data["comparison"]["changes"]] == ["worse", "worse"]


def test_a_wrong_file_version_or_key_is_refused_before_anything_is_measured(
    served: Served, world: World, golden: Path, tmp_path: Path
) -> None:
    to = ["--url", served.url.removesuffix("/v1"), "--key", world.key]
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"question": "fine"}\n{"qestion": "typo"}\n')
    code, out, err = run("-g", str(broken), *to)
    assert (code, out) == (1, "")
    assert "broken.jsonl:2" in err
    assert run("-g", str(golden), "--version", "nobody", *to)[0] == 1
    assert run("-g", str(golden), *to[:2], "--key", "gl_wrong")[0] == 1
    assert run("-g", str(golden), "--url", "http://127.0.0.1:1", "--key", "x")[0] == 3
