"""Reads a folder of real documents in the sandbox and prints one table: what completed, what failed, how well.

Where a folder has `sources/` and `groundtruth/` side by side (docling's layout), the words of our text are compared
with those of the expected Markdown: F1 over the two bags of words, marks of the markup left out.

    python -m bench.parse_docs [--data FOLDER] [--worst 10] [--save]
"""

from __future__ import annotations

import argparse
import re
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from retrieval.chunk import chunk_document
from retrieval.errors import ParseError
from retrieval.parse import ParserSandbox
from retrieval.types import ParsedDocument

ROOT = Path(__file__).resolve().parent.parent
_IGNORED_FOLDERS = {"groundtruth"}
# Pictures, formulas and escapes of the expected Markdown, which no text extraction could give.
_MARKUP = re.compile(r"<!--.*?-->|!\[[^\]]*\]\([^)]*\)|\]\([^)\s]*\)|</?\w+[^>]*>|&\w+;|\\(?=[_*#\[\]])", re.DOTALL)
_WORD = re.compile(r"\w+")


@dataclass
class Row:
    """What became of the files of one format."""

    files: int = 0
    completed: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    characters: int = 0
    chunks: int = 0
    scores: list[tuple[float, str]] = field(default_factory=list)


def word_f1(ours: str, expected: str) -> float:
    """Give F1 over the two bags of words, 0 to 1."""
    left, right = (Counter(_WORD.findall(_MARKUP.sub(" ", text).lower())) for text in (ours, expected))
    shared = sum((left & right).values())
    total = sum(left.values()) + sum(right.values())
    return 2 * shared / total if total else 1.0


def expected_text(path: Path) -> str | None:
    """Give the expected conversion of a source file, when there is one."""
    folder = path.parent.parent / "groundtruth"
    for name in (f"{path.name}.md", f"{path.stem}.md"):
        if path.parent.name == "sources" and (folder / name).is_file():
            return (folder / name).read_text(encoding="utf-8")
    return None


def visible(document: ParsedDocument) -> str:
    """Give the text of the blocks, which is what can be found and cited."""
    return "\n".join(document.text[block.start : block.end] for block in document.blocks)


def measure(data: Path) -> dict[str, Row]:
    """Read every file under a folder."""
    rows: dict[str, Row] = defaultdict(Row)
    with ParserSandbox() as sandbox:
        for path in sorted(data.rglob("*")):
            if not path.is_file() or _IGNORED_FOLDERS & set(path.relative_to(data).parts):
                continue
            row = rows[path.suffix.lower() or "none"]
            row.files += 1
            began = time.perf_counter()
            try:
                document = sandbox.parse(path, path.name)
            except ParseError as error:
                row.failed[error.code] += 1
                continue
            finally:
                row.seconds += time.perf_counter() - began
            row.completed += 1
            row.characters += len(document.text)
            row.chunks += len(chunk_document(document))
            expected = expected_text(path)
            if expected is not None:
                row.scores.append((word_f1(visible(document), expected), path.name))
    return rows


def table(rows: dict[str, Row]) -> str:
    """Give the result as a Markdown table."""
    lines = [
        "| format | files | completed | failed, by code | seconds | characters | chunks | compared | word F1 | least |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, row in sorted(rows.items(), key=lambda item: -item[1].files):
        failed = ", ".join(f"{code} {count}" for code, count in sorted(row.failed.items())) or "–"
        scores = [score for score, _ in row.scores]
        mean = f"{sum(scores) / len(scores):.3f}" if scores else "–"
        least = f"{min(scores):.3f}" if scores else "–"
        lines.append(
            f"| {name} | {row.files} | {row.completed} | {failed} | {row.seconds:.1f} | {row.characters:,}"
            f" | {row.chunks:,} | {len(scores)} | {mean} | {least} |"
        )
    everything = list(rows.values())
    scores = [score for row in everything for score, _ in row.scores]
    mean = f"{sum(scores) / len(scores):.3f}" if scores else "–"
    lines.append(
        f"| all | {sum(r.files for r in everything)} | {sum(r.completed for r in everything)}"
        f" | {sum(r.failed.total() for r in everything)} | {sum(r.seconds for r in everything):.1f}"
        f" | {sum(r.characters for r in everything):,} | {sum(r.chunks for r in everything):,}"
        f" | {len(scores)} | {mean} | |"
    )
    return "\n".join(lines)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=ROOT.parent / "shared" / "data" / "docs", help="folder of documents"
    )
    parser.add_argument("--worst", type=int, default=0, help="also name so many files with the least agreement")
    parser.add_argument("--save", action="store_true", help="keep the table in bench/results/parse_docs.md")
    options = parser.parse_args()
    rows = measure(options.data)
    result = table(rows)
    print(result)
    worst = sorted(score for row in rows.values() for score in row.scores)[: options.worst]
    for score, name in worst:
        print(f"{score:.3f} {name}")
    if options.save:
        target = ROOT / "bench" / "results" / "parse_docs.md"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(f"# Reading real documents\n\nMade by `python -m bench.parse_docs --save`.\n\n{result}\n")


if __name__ == "__main__":
    main()
