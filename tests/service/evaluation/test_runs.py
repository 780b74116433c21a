"""Runs as files: found again, whole, and no more of them than are kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from service.evaluation import runs
from service.evaluation.runs import Run, RunStore
from tests.service.evaluation.world import many


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


def _rows(store: RunStore, run: Run, *ids: str) -> None:
    with store.writer(run) as writer:
        writer.append(f'{{"row": {{"id": "{one}"}}, "passages": [{{"text": "{one}"}}]}}'.encode() for one in ids)


def test_a_run_is_found_again_as_it_was_written(store: RunStore) -> None:
    run = store.create(many(2), 2, "sha", "v1")
    assert store.get(run.id) == run
    assert store.golden(run) == many(2)
    told = replace(run, state="completed", figures=({"name": "correct", "value": 1.0},), latency_ms={"p50": 3.0})
    store.write(told)
    assert store.get(run.id) == told
    store.write_failing(told, [{"id": "q"}])
    assert (store.failing(told), store.cancelled(told)) == ([{"id": "q"}], False)
    store.cancel(told)
    assert store.cancelled(told)


@pytest.mark.parametrize("name", ["", "..", "eval_", "../../etc", "eval_" + "0" * 20, "eval_" + "g" * 20])
def test_what_is_no_run_is_not_found(store: RunStore, name: str) -> None:
    store.create(many(1), 1, "sha")
    assert store.get(name) is None


def test_rows_of_several_processes_are_read_in_order_and_once(store: RunStore) -> None:
    run = store.create(many(3), 3, "sha")
    _rows(store, run, "q0", "q1")
    (file,) = (path for path in (store._folder / run.id).iterdir() if path.name.startswith("rows-"))
    file.write_bytes(file.read_bytes()[:-3])  # torn by a kill
    _rows(store, run, "q1", "q0", "q2")
    assert [line["row"]["id"] for line in store.rows(run)] == ["q0", "q1", "q2"]


def test_the_passages_of_the_last_whole_run_over_a_set(store: RunStore) -> None:
    old, new, other = (store.create(many(1), 1, sha) for sha in ("a", "a", "b"))
    for run in (old, new, other):
        _rows(store, run, f"q-{run.id}")
    assert store.found_passages("a") == {}
    store.write(replace(old, state="completed"))
    assert list(store.found_passages("a")) == [f"q-{old.id}"]
    store.write(replace(new, state="completed"))
    assert list(store.found_passages("a")) == [f"q-{new.id}"]


def test_old_runs_go_and_unfinished_ones_stay(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "KEPT", 3)
    made = [store.create(many(1), 1, "sha") for _ in range(2)]
    store.write(replace(made[0], state="failed"))
    made += [store.create(many(1), 1, "sha") for _ in range(4)]
    for run in made[2:]:
        store.write(replace(run, state="completed"))
    last = store.create(many(1), 1, "sha")
    assert {run.id for run in store.newest()} == {run.id for run in (made[1], *made[4:], last)}
