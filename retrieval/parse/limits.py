"""What a parser may use. The sandbox turns the first group into kernel limits, the parsers obey the second."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ParseLimits:
    """Limits on one parsed file; every one of them ends in a `ParseError` that says which was passed.

    Attributes:
        memory_bytes: Address space of the sandbox child. pdfium asks for 1.05 GB on a 1.4 kB bomb.
        cpu_s: CPU seconds for one file.
        wall_s: Wall-clock seconds for one file, start of the child included.
        files_per_child: A child is replaced after so many files, so that leaks in native parsers stay small.
        max_file_bytes: Largest file that is opened at all.
        max_text_chars: Largest extracted text.
        max_pages: Largest number of PDF pages.
        max_stream_bytes: Largest decompressed page content inside a PDF.
        max_members: Most members of a zip-based format (DOCX, PPTX, XLSX, EPUB).
        max_ratio: Largest compression ratio of one zip member.
        ratio_floor_bytes: Members smaller than this, unpacked, are not held to the ratio.
        max_unpacked_bytes: Largest sum of the unpacked zip members.
        max_cells: Most cells read from a spreadsheet.
    """

    memory_bytes: int = 1 << 30
    cpu_s: int = 60
    wall_s: float = 90.0
    files_per_child: int = 200
    max_file_bytes: int = 512 << 20
    max_text_chars: int = 20_000_000
    max_pages: int = 5_000
    max_stream_bytes: int = 50 << 20
    max_members: int = 2_000
    max_ratio: int = 100
    ratio_floor_bytes: int = 1 << 20
    max_unpacked_bytes: int = 200 << 20
    max_cells: int = 2_000_000
