"""A table on the screen and, when asked, in `bench/results/`: with the machine and the data it was measured on."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / "build" / "encoders"  # converted models, shared by the benchmarks
RESULTS = Path(__file__).resolve().parent / "results"
DATA = Path(os.environ.get("GROUNDLOOP_TEST_DATA", ROOT.parent / "shared" / "data"))


def arguments(description: str) -> argparse.ArgumentParser:
    """Give a parser that already knows `--save`."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", action="store_true", help="keep the table under bench/results/")
    return parser


def machine() -> str:
    """Describe the machine in one line: processor, cores, memory, Python."""
    processor = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            processor = line.split(":", 1)[1].strip()
            break
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{processor}, {os.cpu_count()} cores, {memory_gib:.0f} GiB, Python {platform.python_version()}"


def command(name: str) -> str:
    """Give the command of this run, with what differs from the defaults; a path of this machine is not kept."""
    given = [word for word in sys.argv[1:] if word != "--save"]
    pairs = zip(["", *given], given, strict=False)
    shown = ["PATH" if before.startswith("--peer-") else word for before, word in pairs]
    module = getattr(sys.modules["__main__"].__spec__, "name", None) or f"bench.{name}"
    return " ".join(["python -m", module, *shown])


def report(
    name: str,
    title: str,
    header: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    data: str,
    notes: Sequence[str] = (),
    save: bool = False,
) -> None:
    """Print one markdown table; with `save` also write it to `bench/results/<name>.md`."""
    lines = [
        f"# {title}",
        "",
        "| " + " | ".join(header) + " |",
        "|" + "---|" * len(header),
        *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows),
        "",
        *(f"* {note}" for note in notes),
        f"* Data: {data}",
        f"* Machine: {machine()}. {datetime.now(UTC):%Y-%m-%d}. Command: `{command(name)}`",
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    if save:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.md").write_text(text)


def percentile(values: Sequence[float], q: float) -> float:
    """Give the q-th percentile (0-100) by nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * q / 100))]
