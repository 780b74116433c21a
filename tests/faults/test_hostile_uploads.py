"""Files made to hurt: each fails with a reason within ten seconds, inside its gigabyte, and the next file is read."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from retrieval.errors import ParseError
from retrieval.parse import ParserSandbox
from tests.retrieval.parse import make

pytestmark = [pytest.mark.fault, pytest.mark.timeout(60)]

GIGABYTE = 1 << 30
HUNG_S = 60.0  # a bound against hanging, not a speed
PARENT_GROWTH = 50 << 20


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ParserSandbox]:
    with ParserSandbox() as made:
        yield made


def pdf_objects(path: Path, objects: list[bytes]) -> Path:
    """Write a PDF whose first object is the catalog."""
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    path.write_bytes(bytes(out))
    return path


def page_with(stream: bytes, filters: bytes) -> list[bytes]:
    return [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R>>",
        b"<</Length %d/Filter%s>>\nstream\n%s\nendstream" % (len(stream), filters, stream),
    ]


def flate_bomb(path: Path) -> Path:
    import zlib

    # Deflated twice: a gigabyte of zeros in a few kilobytes.
    return pdf_objects(path, page_with(zlib.compress(make.zeros_stream(GIGABYTE), 9), b"[/FlateDecode/FlateDecode]"))


def form_bomb(path: Path) -> Path:
    """Hide the bomb from a look at the pages' own contents: in a form that the page draws."""
    import zlib

    bomb = zlib.compress(make.zeros_stream(GIGABYTE), 9)
    draw = b"/X Do"
    objects = page_with(draw, b"[]")
    objects[2] = objects[2].replace(b"/Contents", b"/Resources<</XObject<</X 5 0 R>>>>/Contents")
    head = b"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Length %d/Filter[/FlateDecode/FlateDecode]>>\nstream\n" % len(
        bomb
    )
    return pdf_objects(path, [*objects, head + bomb + b"\nendstream"])


def many_pages(path: Path) -> Path:
    count = 10_000
    kids = b" ".join(b"%d 0 R" % (number + 3) for number in range(count))
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"
    catalog, pages = b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, count)
    return pdf_objects(path, [catalog, pages, *[page] * count])


def ring_of_pages(path: Path) -> Path:
    return pdf_objects(path, [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 99>>"])


def word_package(document: bytes, **more: bytes) -> dict[str, bytes]:
    return {"[Content_Types].xml": b"<Types/>", "word/document.xml": document, **more}


def word_bomb(path: Path) -> Path:
    return make.zip_of(path, word_package(b"<w:document>" + b"<w:p/>" * (30 << 20) + b"</w:document>"))


def wide_word(path: Path) -> Path:
    """Stay under the ratio with text that does not repeat, and hold more elements than the memory does."""
    import random

    chooser = random.Random(1)
    body = "".join(f"<p><r><t>{chooser.random()}</t></r></p>" for _ in range(2_500_000))
    return make.zip_of(path, word_package(f"<document>{body}</document>".encode()))


def deep_word(path: Path) -> Path:
    return make.zip_of(path, word_package(b"<document>" + b"<p>" * 100_000 + b"</p>" * 100_000 + b"</document>"))


def entity_bomb(path: Path) -> Path:
    lines = b'<!ENTITY a "aaaaaaaaaa">' + b"".join(
        b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)
    )
    return make.zip_of(
        path, word_package(b"<!DOCTYPE w [" + lines + b"]><document><p><r><t>&j;</t></r></p></document>")
    )


def outside_entity(path: Path) -> Path:
    secret = path.with_suffix(".secret")
    secret.write_text("TOP SECRET")
    text = f'<!DOCTYPE w [<!ENTITY x SYSTEM "file://{secret}">]><document><p><r><t>&x;</t></r></p></document>'
    return make.zip_of(path, word_package(text.encode("utf-16")))


def sheet_bomb(path: Path) -> Path:
    row = b'<row><c t="inlineStr"><is><t>x</t></is></c></row>'
    sheet = b"<worksheet><sheetData>" + row * 3_000_000 + b"</sheetData></worksheet>"
    return make.zip_of(
        path, {"[Content_Types].xml": b"<Types/>", "xl/worksheets/sheet1.xml": sheet, "xl/workbook.xml": b"<w/>"}
    )


def zip_slip(path: Path) -> Path:
    return make.zip_of(path, word_package(b"<document/>", **{"../../../../tmp/escaped": b"x"}))


def nested_zip(path: Path) -> Path:
    inner = make.zip_of(path.with_suffix(".inner"), {"zeros": b"\0" * (900 << 20)})
    for _ in range(3):
        inner = make.zip_of(path.with_suffix(".outer"), {f"{n}.zip": inner.read_bytes() for n in range(8)})
    package = word_package(b"<document/>", **{"word/embeddings/deep.zip": inner.read_bytes()})
    return make.zip_of(path, package)


def lying_zip(path: Path) -> Path:
    """Say in the directory that a member of 300 MB has ten bytes."""
    make.zip_of(path, word_package(b" " * (300 << 20)))
    with zipfile.ZipFile(path) as archive:
        real = archive.getinfo("word/document.xml").file_size
    data = path.read_bytes().replace(real.to_bytes(4, "little"), (10).to_bytes(4, "little"))
    path.write_bytes(data)
    return path


def many_members(path: Path) -> Path:
    return make.zip_of(path, word_package(b"<document/>", **{f"word/{n}.bin": b"" for n in range(70_000)}))


def encrypted_pdf(path: Path) -> Path:
    return make.pdf(path, [[(90.0, "secret", 9)]], password="x")


def polyglot(path: Path) -> Path:
    make.pdf(path, [[(90.0, "x", 9)]])
    archive = make.zip_of(path.with_suffix(".zip"), {"a": b"b"})
    path.write_bytes(path.read_bytes() + archive.read_bytes())
    return path


def deep_json(path: Path) -> Path:
    path.write_bytes(b"[" * 5_000_000)
    return path


def huge_number(path: Path) -> Path:
    path.write_text("[" + "9" * 5_000_000 + "]")
    return path


def wide_json(path: Path) -> Path:
    path.write_bytes(b"[" + b"{}," * 20_000_000 + b"{}]")
    return path


def endless_line(path: Path) -> Path:
    path.write_bytes(b"a" * (100 << 20))
    return path


def hostile_markdown(path: Path) -> Path:
    path.write_text("[" * 50_000 + "a" + "](" * 50_000 + "\n" + "> " * 20_000 + "x\n" + "*a " * 100_000)
    return path


def hostile_html(path: Path) -> Path:
    path.write_text("<table><tr><td>" * 30_000 + "<ul><li>" * 30_000 + "<a><b><i>" * 30_000)
    return path


def deep_mail(path: Path) -> Path:
    head = "From: a@b.c\nSubject: x\nMIME-Version: 1.0\n"
    parts = "".join(f'Content-Type: multipart/mixed; boundary="{n}"\n\n--{n}\n' for n in range(3_000))
    path.write_text(head + parts)
    return path


def noise(path: Path) -> Path:
    import random

    path.write_bytes(b"%PDF-1.7\n" + random.Random(3).randbytes(2 << 20))
    return path


FAILING: list[tuple[str, Callable[[Path], Path], set[str]]] = [
    ("bomb.pdf", flate_bomb, {"file_too_large", "resource_limit"}),
    ("pages.pdf", many_pages, {"file_too_large"}),
    ("ring.pdf", ring_of_pages, {"invalid_file", "empty_file", "file_too_large"}),
    ("noise.pdf", noise, {"invalid_file"}),
    ("locked.pdf", encrypted_pdf, {"encrypted_file"}),
    ("both.pdf", polyglot, {"invalid_file"}),
    ("bomb.docx", word_bomb, {"file_too_large"}),
    ("wide.docx", wide_word, {"file_too_large", "resource_limit"}),
    ("deep.docx", deep_word, {"invalid_file", "empty_file"}),
    ("entities.docx", entity_bomb, {"invalid_file"}),
    ("outside.docx", outside_entity, {"invalid_file", "empty_file"}),
    ("slip.docx", zip_slip, {"invalid_file"}),
    ("nested.docx", nested_zip, {"empty_file", "file_too_large"}),
    ("lying.docx", lying_zip, {"invalid_file", "file_too_large"}),
    ("members.docx", many_members, {"file_too_large"}),
    ("bomb.xlsx", sheet_bomb, {"file_too_large", "invalid_file"}),
    ("deep.json", deep_json, {"invalid_file"}),
    ("wide.json", wide_json, {"empty_file", "resource_limit", "file_too_large"}),
    ("line.txt", endless_line, {"file_too_large"}),
]
ODD: list[tuple[str, Callable[[Path], Path]]] = [
    ("form.pdf", form_bomb),
    ("number.json", huge_number),
    ("hostile.md", hostile_markdown),
    ("hostile.html", hostile_html),
    ("deep.eml", deep_mail),
]


class Watch:
    """The most memory that the child had, by the kernel's own count, and the time a file took."""

    def __init__(self, sandbox: ParserSandbox, path: Path) -> None:
        self.error: ParseError | None = None
        before = psutil.Process().memory_info().rss
        began = time.monotonic()
        try:
            sandbox.parse(path, path.name)
        except ParseError as error:
            self.error = error
        self.seconds = time.monotonic() - began
        self.parent_growth = psutil.Process().memory_info().rss - before
        self.child_peak = max((_peak(child) for child in psutil.Process().children()), default=0)


def _peak(child: psutil.Process) -> int:
    status = Path(f"/proc/{child.pid}/status").read_text()
    return next((int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM")), 0)


def _still_works(sandbox: ParserSandbox, folder: Path) -> None:
    (folder / "after.txt").write_text("Still here.")
    assert sandbox.parse(folder / "after.txt", "after.txt").text == "Still here.\n"


@pytest.mark.parametrize(("name", "build", "codes"), FAILING, ids=[name for name, _, _ in FAILING])
def test_fails_with_a_reason(
    sandbox: ParserSandbox, tmp_path: Path, name: str, build: Callable[[Path], Path], codes: set[str]
) -> None:
    path = build(tmp_path / name)
    watched = Watch(sandbox, path)
    assert watched.error is not None
    assert watched.error.code in codes
    assert str(watched.error).endswith((".", ")"))
    assert "TOP SECRET" not in str(watched.error)
    assert watched.seconds <= HUNG_S
    assert watched.child_peak <= GIGABYTE
    assert watched.parent_growth <= PARENT_GROWTH
    _still_works(sandbox, tmp_path)


@pytest.mark.parametrize(("name", "build"), ODD, ids=[name for name, _ in ODD])
def test_ends_either_way(sandbox: ParserSandbox, tmp_path: Path, name: str, build: Callable[[Path], Path]) -> None:
    watched = Watch(sandbox, build(tmp_path / name))
    assert watched.seconds <= HUNG_S
    assert watched.child_peak <= GIGABYTE
    assert watched.parent_growth <= PARENT_GROWTH
    _still_works(sandbox, tmp_path)


def test_nothing_was_written_outside() -> None:
    assert not Path("/tmp/escaped").exists()


def test_json_that_is_only_wide_is_read(sandbox: ParserSandbox, tmp_path: Path) -> None:
    path = tmp_path / "fine.json"
    path.write_text(json.dumps([{"n": n} for n in range(20_000)]))
    assert len(sandbox.parse(path, "fine.json").blocks) == 20_000
