"""The limited child: real processes, real kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from retrieval.errors import ParseError
from retrieval.parse import ParseLimits, ParserSandbox, parse_file
from retrieval.parse.wire import WireError, decode, encode, pack_document, unpack_document, unpack_error
from tests.retrieval.parse import make


@pytest.fixture
def sandbox() -> Iterator[ParserSandbox]:
    with ParserSandbox(ParseLimits(wall_s=30)) as made:
        yield made


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "sandbox_child" in " ".join(child.cmdline())]


def test_gives_what_the_parser_gives(sandbox: ParserSandbox, tmp_path: Path) -> None:
    path = make.docx(tmp_path / "a.docx")
    assert sandbox.parse(path, "a.docx") == parse_file(path, "a.docx", ParseLimits())


def test_one_child_reads_many_files_and_an_honest_refusal_keeps_it(sandbox: ParserSandbox, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Hello.")
    (tmp_path / "b.txt").write_text("")
    sandbox.parse(tmp_path / "a.txt", "a.txt")
    (child,) = children()
    with pytest.raises(ParseError) as caught:
        sandbox.parse(tmp_path / "b.txt", "b.txt")
    assert caught.value.code == "empty_file"
    sandbox.parse(tmp_path / "a.txt", "a.txt")
    assert [one.pid for one in children()] == [child.pid]


def test_a_killed_child_costs_nothing_when_idle(sandbox: ParserSandbox, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Hello.")
    sandbox.parse(tmp_path / "a.txt", "a.txt")
    (child,) = children()
    child.kill()
    psutil.wait_procs([child], timeout=5)
    assert sandbox.parse(tmp_path / "a.txt", "a.txt").text == "Hello.\n"


def test_a_child_killed_at_work_fails_that_file_alone(sandbox: ParserSandbox, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Hello.")
    sandbox.parse(tmp_path / "a.txt", "a.txt")
    (child,) = children()
    child.suspend()
    threading.Timer(0.2, child.kill).start()
    with pytest.raises(ParseError) as caught:
        sandbox.parse(tmp_path / "a.txt", "a.txt")
    assert caught.value.code == "resource_limit"
    assert sandbox.parse(tmp_path / "a.txt", "a.txt").text == "Hello.\n"


def test_wall_clock_limit(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Hello.")
    with ParserSandbox(ParseLimits(wall_s=3)) as sandbox:
        sandbox.parse(tmp_path / "a.txt", "a.txt")
        children()[0].suspend()
        with pytest.raises(ParseError, match="longer than 3 s") as caught:
            sandbox.parse(tmp_path / "a.txt", "a.txt")
        assert caught.value.code == "resource_limit"
        assert sandbox.parse(tmp_path / "a.txt", "a.txt").text == "Hello.\n"


def test_memory_limit_fails_the_file_and_the_next_one_is_read(tmp_path: Path) -> None:
    (tmp_path / "big.csv").write_text("word,word\n" * 2_000_000)
    (tmp_path / "a.txt").write_text("Hello.")
    with ParserSandbox(
        ParseLimits(memory_bytes=160 << 20, wall_s=30, max_cells=10**9, max_text_chars=10**9)
    ) as sandbox:
        with pytest.raises(ParseError) as caught:
            sandbox.parse(tmp_path / "big.csv", "big.csv")
        assert caught.value.code == "resource_limit"
        assert sandbox.parse(tmp_path / "a.txt", "a.txt").text == "Hello.\n"


@pytest.mark.slow
def test_cpu_limit_counts_per_file(tmp_path: Path) -> None:
    (tmp_path / "big.csv").write_text("word,word\n" * 4_000_000)
    (tmp_path / "a.txt").write_text("Hello.")
    limits = ParseLimits(cpu_s=1, wall_s=60, max_cells=10**9, max_text_chars=10**9, memory_bytes=4 << 30)
    with ParserSandbox(limits) as sandbox:
        with pytest.raises(ParseError, match="of computing") as caught:
            sandbox.parse(tmp_path / "big.csv", "big.csv")
        assert caught.value.code == "resource_limit"
        assert sandbox.parse(tmp_path / "a.txt", "a.txt").text == "Hello.\n"


def test_a_child_is_replaced_after_its_share_of_files(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Hello.")
    with ParserSandbox(ParseLimits(files_per_child=2)) as sandbox:
        sandbox.parse(tmp_path / "a.txt", "a.txt")
        first = children()
        sandbox.parse(tmp_path / "a.txt", "a.txt")
        sandbox.parse(tmp_path / "a.txt", "a.txt")
        assert children() != first


def test_threads_share_one_sandbox(sandbox: ParserSandbox, tmp_path: Path) -> None:
    got: dict[int, str] = {}

    def work(number: int) -> None:
        path = tmp_path / f"{number}.txt"
        path.write_text(f"I am {number}.")
        got[number] = sandbox.parse(path, "a.txt").text.strip()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == {number: f"I am {number}." for number in range(8)}


def test_close_ends_the_child_and_later_calls_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Hello.")
    sandbox = ParserSandbox()
    sandbox.parse(tmp_path / "a.txt", "a.txt")
    sandbox.close()
    sandbox.close()
    assert children() == []
    with pytest.raises(RuntimeError):
        sandbox.parse(tmp_path / "a.txt", "a.txt")


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal")
def test_the_child_dies_with_a_killed_parent(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Hello.")
    program = (
        "import sys, time, psutil; from pathlib import Path; from retrieval.parse import ParserSandbox\n"
        f"s = ParserSandbox(); s.parse(Path({str(tmp_path / 'a.txt')!r}), 'a.txt')\n"
        "print(psutil.Process().children()[0].pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    pytest.fail("the child outlived its parent")


def test_parsers_load_no_heavy_library() -> None:
    program = (
        "import sys, retrieval.parse, retrieval.chunk\n"
        "heavy = {'torch', 'faiss', 'transformers', 'pypdf', 'pypdfium2', 'lxml', 'trafilatura', 'numpy', 'openpyxl'}\n"
        "bad = heavy & set(sys.modules)\n"
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    "change",
    [
        {"text": 5},
        {"blocks": [[0, 0, 999, 0, None]]},
        {"blocks": [[0, 3, 3, 0, None]]},
        {"blocks": [[9, 0, 1, 0, None]]},
        {"blocks": [[0, 2, 4, 0, None], [0, 1, 3, 0, None]]},
        {"metadata": []},
    ],
)
def test_a_lying_child_is_not_believed(tmp_path: Path, change: dict[str, object]) -> None:
    (tmp_path / "a.txt").write_text("Hello.")
    packed = pack_document(parse_file(tmp_path / "a.txt", "a.txt", ParseLimits()))
    assert unpack_document(decode(encode(packed)[8:])).text == "Hello.\n"
    with pytest.raises(WireError):
        unpack_document({**packed, **change})
    assert unpack_error({"code": "made_up", "message": "x"}).code == "invalid_file"
    with pytest.raises(WireError):
        decode(b"[1]")
