"""PowerPoint presentations: one page a slide; its title is a heading, then text, tables, charts and speaker notes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from retrieval.parse.archive import SafeZip
from retrieval.parse.builder import DocumentBuilder
from retrieval.parse.limits import ParseLimits
from retrieval.parse.ooxml import core_properties
from retrieval.types import ParsedDocument

_MAX_DEPTH = 20


def parse_pptx(path: Path, limits: ParseLimits) -> ParsedDocument:
    """Read a presentation.

    Args:
        path: The file.
        limits: What it may use.

    Returns:
        The document; `page` is the number of the slide. Hidden slides are left out.

    Raises:
        ParseError: When it is damaged, too large, encrypted or empty.
    """
    with SafeZip(path, limits) as archive:
        properties = core_properties(archive)

    from pptx import Presentation

    builder = DocumentBuilder(limits.max_text_chars)
    for number, slide in enumerate(Presentation(str(path)).slides, 1):
        if slide.element.get("show") == "0":
            continue
        title = slide.shapes.title
        titled = title is not None and title.text_frame.text.strip()
        if titled or builder:  # without a heading of its own, a slide would stand under the one before
            builder.add("heading", title.text_frame.text if titled else f"Slide {number}", level=1, page=number)
        for shape in _flatten(slide.shapes, 0):
            if title is None or shape.shape_id != title.shape_id:
                _shape(builder, shape, number)
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            builder.add("paragraph", slide.notes_slide.notes_text_frame.text, page=number)
    title_text = properties.get("title", "")
    # The title PowerPoint fills in by itself says nothing about the slides.
    return builder.build(title="" if title_text == "PowerPoint Presentation" else title_text, metadata=properties)


def _flatten(shapes: Iterable[Any], depth: int) -> Iterator[Any]:
    """Give every shape, those in groups among them, from top to bottom and left to right."""
    found: list[Any] = []
    for shape in shapes:
        if hasattr(shape, "shapes") and depth < _MAX_DEPTH:
            found.extend(_flatten(shape.shapes, depth + 1))
        else:
            found.append(shape)
    yield from found


def _shape(builder: DocumentBuilder, shape: Any, page: int) -> None:
    if getattr(shape, "has_table", False):
        builder.add_table(([cell.text for cell in row.cells] for row in shape.table.rows), page=page)
    elif getattr(shape, "has_chart", False):
        builder.add_table(_chart_rows(shape.chart), page=page)
    elif getattr(shape, "has_text_frame", False):
        paragraphs = [p for p in shape.text_frame.paragraphs if p.text.strip()]
        # A body of several points is a list even where the bullets come from the slide's layout.
        if len(paragraphs) > 1:
            builder.add("list", "\n".join("- " + " ".join(p.text.split()) for p in paragraphs), page=page)
        else:
            builder.add("paragraph", "\n".join(p.text for p in paragraphs), page=page)


def _chart_rows(chart: Any) -> Iterator[list[str]]:
    try:
        if chart.has_title and chart.chart_title.has_text_frame:
            yield [chart.chart_title.text_frame.text]
        plot = chart.plots[0]
        series = list(plot.series)
        yield ["", *(str(one.name) for one in series)]
        for row, category in enumerate(plot.categories):
            values = (one.values[row] if row < len(one.values) else None for one in series)
            yield [str(category), *("" if value is None else f"{value:g}" for value in values)]
    except (ValueError, KeyError, IndexError, AttributeError):
        return  # a kind of chart that python-pptx does not know: its slide's text is still read
