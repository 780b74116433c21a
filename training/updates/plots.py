"""Line charts of a run's metrics as SVG, written by hand: a chart is some lines of text, a plotting library is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import isfinite
from pathlib import Path
from typing import Any

from retrieval.durable import make_directory, write_file_atomic
from training.updates.metrics import read_metrics

PLOTS = "plots"
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 640, 320, 64, 150, 36, 40
_COLOURS = ("#3b6fb6", "#c2572b", "#3f8f5f", "#8257a8", "#a8862b", "#5b6770")  # told apart without red and green
Points = Sequence[tuple[float, float]]
# One chart each: its name, its title, and (source, field, label) of its lines.
_CHARTS: tuple[tuple[str, str, tuple[tuple[str, str, str], ...]], ...] = (
    ("loss", "Loss", (("step", "loss", "training"), ("look", "loss", "held out"))),
    ("parts", "Loss by term", tuple(("step", f"loss_{name}", name) for name in ("dpo", "votes", "sft", "nll"))),
    (
        "accuracy",
        "Comparisons ordered as people did",
        (("step", "accuracy", "training"), ("look", "accuracy", "held out")),
    ),
    ("gains", "Nats gained over the base", (("look", "up_gain", "thumbs up"), ("look", "down_gain", "thumbs down"))),
    ("kl", "KL to the base, nats an answer", (("look", "kl", "own answers"),)),
    ("answers", "Words an answer", (("look", "words", "own answers"),)),
    ("reward", "Reward of own answers", (("look", "reward", "mean"), ("step", "reward", "training"))),
    ("gradient", "Norm of the gradient", (("step", "grad_norm", "before clipping"),)),
)


def write_plots(run_dir: Path) -> list[Path]:
    """Draw what the metrics of a run hold.

    Args:
        run_dir: Directory of the run.

    Returns:
        The charts; those without a single figure are left out.

    Raises:
        StorageFull: The disk refused a chart.
    """
    lines = read_metrics(run_dir)
    written = []
    for name, title, parts in _CHARTS:
        series = {label: points for source, field, label in parts if (points := _points(lines, source, field))}
        if series:
            make_directory(run_dir / PLOTS)
            path = run_dir / PLOTS / f"{name}.svg"
            write_file_atomic(path, line_chart(title, series).encode())
            written.append(path)
    return written


def line_chart(title: str, series: Mapping[str, Points], *, x_label: str = "step") -> str:
    """Draw lines.

    Args:
        title: Above the chart.
        series: (x, y) of each line by label, in order of x; what is not finite interrupts nothing and is left out.
        x_label: Below the chart.

    Returns:
        An SVG document that also reads well in dark mode.
    """
    every = [point for points in series.values() for point in points if isfinite(point[1])] or [(0.0, 0.0)]
    low_x, high_x = min(x for x, _ in every), max(x for x, _ in every)
    ticks = _ticks(min(y for _, y in every), max(y for _, y in every))
    low_y, high_y = ticks[0], ticks[-1]

    def at(x: float, y: float) -> tuple[float, float]:
        across = (x - low_x) / ((high_x - low_x) or 1.0)
        up = (y - low_y) / ((high_y - low_y) or 1.0)
        return _LEFT + across * (_WIDTH - _LEFT - _RIGHT), _HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(title)}" font-family="system-ui, sans-serif" font-size="12" fill="#5b6770">',
        f'<text x="{_LEFT}" y="22" font-size="15" font-weight="600">{escape(title)}</text>',
    ]
    for tick in ticks:
        _, y = at(low_x, tick)
        parts.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#9aa5ad" opacity=".4"/>'
        )
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_number(tick)}</text>')
    for x, anchor in {low_x: "start", high_x: "end"}.items():
        parts.append(
            f'<text x="{at(x, low_y)[0]:.1f}" y="{_HEIGHT - _BOTTOM + 20}" text-anchor="{anchor}">{_number(x)}</text>'
        )
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{_HEIGHT - 10}" text-anchor="middle">{escape(x_label)}</text>')
    for place, (label, points) in enumerate(series.items()):
        colour = _COLOURS[place % len(_COLOURS)]
        path = " ".join("{:.1f},{:.1f}".format(*at(x, y)) for x, y in points if isfinite(y))
        parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round"/>'
        )
        if len(points) <= 24:
            dots = path.split()
            parts += [f'<circle cx="{d.split(",")[0]}" cy="{d.split(",")[1]}" r="3" fill="{colour}"/>' for d in dots]
        y = _TOP + 8 + 20 * place
        parts.append(f'<circle cx="{_WIDTH - _RIGHT + 18}" cy="{y}" r="5" fill="{colour}"/>')
        last = _number(points[-1][1])
        parts.append(f'<text x="{_WIDTH - _RIGHT + 30}" y="{y + 4}">{escape(label)} {last}</text>')
    return "\n".join([*parts, "</svg>\n"])


def _points(lines: Sequence[Mapping[str, Any]], source: str, field: str) -> list[tuple[float, float]]:
    found = []
    for line in lines:
        if bool(line.get("look")) != (source == "look"):
            continue
        value = line.get(field, line.get("figures", {}).get(field) if source == "look" else None)
        if isinstance(value, int | float):
            found.append((float(line["step"]), float(value)))
    return found


def _ticks(low: float, high: float) -> list[float]:
    """Give about five round numbers that reach from below the lowest to above the highest."""
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** int(f"{span / 4:e}".split("e")[1])
    size = next(size * power for size in (1.0, 2.0, 5.0, 10.0) if size * power >= span / 4)
    first, last = int(low // size), int(-(-high // size))
    return [place * size for place in range(first, max(last, first + 1) + 1)]


def _number(value: float) -> str:
    if not isfinite(value):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
