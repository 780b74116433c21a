"""The metrics of a run, and charts of them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.updates.metrics import METRICS, MetricsLog, read_metrics
from training.updates.plots import _number, _ticks, line_chart, write_plots

SVG = "{http://www.w3.org/2000/svg}"


def test_metrics_are_there_at_once_and_a_half_line_is_none(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path)
    log.add({"step": 1, "loss": 0.5})
    log.add({"step": 2, "loss": float("nan")})
    with (tmp_path / METRICS).open("ab") as stream:
        stream.write(b'{"step": 3, "lo')
    assert [(line["step"], line["loss"]) for line in read_metrics(tmp_path)] == [(1, 0.5), (2, None)]
    MetricsLog(tmp_path, steps=1).add({"step": 2, "loss": 0.4})
    assert [(line["step"], line["loss"]) for line in read_metrics(tmp_path)] == [(1, 0.5), (2, 0.4)]
    MetricsLog(tmp_path)
    assert read_metrics(tmp_path) == []


def test_without_a_run_there_are_no_metrics(tmp_path: Path) -> None:
    assert read_metrics(tmp_path / "none") == []
    assert write_plots(tmp_path / "none") == []


def test_charts_hold_what_was_measured(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path)
    log.add({"look": True, "step": 0, "loss": 0.7, "kl": 0.0, "words": 20.0, "figures": {"accuracy": 0.5}})
    for step in range(1, 5):
        log.add({"step": step, "loss": 0.7 / step, "loss_dpo": 0.6, "accuracy": 0.6, "grad_norm": 1.0})
    log.add({"look": True, "step": 4, "loss": 0.3, "kl": 0.4, "words": 21.0, "figures": {"accuracy": 0.9}})
    names = [path.stem for path in write_plots(tmp_path)]
    assert names == ["loss", "parts", "accuracy", "kl", "answers", "gradient"]
    root = ElementTree.parse(tmp_path / "plots" / "loss.svg").getroot()
    lines = [line.attrib["points"].split() for line in root.iter(f"{SVG}polyline")]
    assert [len(line) for line in lines] == [4, 2]
    heights = [float(point.split(",")[1]) for point in lines[0]]
    assert heights == sorted(heights)  # downwards on the screen
    labels = [text.text for text in root.iter(f"{SVG}text")]
    assert "training 0.175" in labels
    assert "held out 0.3" in labels


def test_a_chart_survives_strange_values_and_names() -> None:
    chart = line_chart("a < b & c", {"<x>": [(0, 1.0), (1, float("nan")), (2, 1.0)], "flat": [(0, 0.0)]})
    root = ElementTree.fromstring(chart)
    assert len(next(root.iter(f"{SVG}polyline")).attrib["points"].split()) == 2
    ElementTree.fromstring(line_chart("nothing", {"none": [(0, float("inf"))]}))


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_few_round_and_reach_round_everything(low: float, span: float) -> None:
    high = low + span
    ticks = _ticks(low, high)
    slack = 1e-6 * (abs(high) + abs(low) + 1)
    assert ticks[0] <= low + slack
    assert ticks[-1] >= high - slack
    assert 2 <= len(ticks) <= 8
    assert all(first < second for first, second in pairwise(ticks))


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.1752, "0.175"), (12.0, "12"), (1234.5, "1234"), (0.00042, "0.00042"), (-3.14159, "-3.14")],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert _number(value) == text
