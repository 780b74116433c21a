"""Files of records that are broken, huge or not records at all: a typed error that says what would be right."""

from __future__ import annotations

import gzip
import json
import os
import tracemalloc
from itertools import repeat
from pathlib import Path

import pytest

from tests.training.datasets.samples import make_vote
from training.records.errors import NoRecords, RecordsTooLarge, RecordsUnreadable
from training.records.limits import Limits
from training.records.read import read_records
from training.records.write import record_lines


def good_lines(count: int) -> list[bytes]:
    """Write so many votes."""
    return list(record_lines(make_vote("up", prompt_id=f"p{number}") for number in range(count)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give where to write."""
    return tmp_path / "records.jsonl"


UNREADABLE = {
    "gzip": gzip.compress(b"".join(good_lines(1))),
    "binary": bytes(range(256)) * 16,
    "UTF-16": b"".join(good_lines(1)).decode().encode("utf-16"),
    "zip": b"PK\x03\x04rest",
    "parquet": b"PAR1rest",
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_is_no_text_is_unreadable_and_says_what_to_give(path: Path, name: str) -> None:
    path.write_bytes(UNREADABLE[name])

    with pytest.raises(RecordsUnreadable, match="give JSON Lines: one JSON object a line, UTF-8"):
        read_records(path)


def test_no_file_and_a_directory_are_unreadable(path: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordsUnreadable, match="No such file"):
        read_records(path)
    with pytest.raises(RecordsUnreadable, match="is a directory"):
        read_records(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_unreadable(path: Path) -> None:
    path.write_bytes(good_lines(1)[0])
    path.chmod(0)

    with pytest.raises(RecordsUnreadable, match="Permission denied"):
        read_records(path)


@pytest.mark.parametrize("content", [b"", b"\n \n\r\n", b"\xef\xbb\xbf"])
def test_an_empty_file_holds_no_records(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(NoRecords, match="there is no line to read; each line must be a JSON object as `groundloop"):
        read_records(path)


def test_a_file_of_other_things_says_what_is_wrong_with_the_first(path: Path) -> None:
    path.write_text("\n".join(json.dumps({"prompt": "secret", "chosen": "a"}) for _ in range(5)))

    with pytest.raises(NoRecords, match="none of 5 lines can be used; line 1: record_id: field required") as caught:
        read_records(path)
    assert "secret" not in str(caught.value)


def test_a_truncated_file_loses_its_last_line_only(path: Path) -> None:
    path.write_bytes(b"".join(good_lines(3))[:-40])
    read = read_records(path)

    assert len(read.records) == 2
    assert [bad.line for bad in read.rejected] == [3]


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + b"".join(line.rstrip() + b"\r\n" for line in good_lines(2)))

    assert len(read_records(path).records) == 2


def test_a_file_over_its_limits_is_too_large_before_it_is_read(path: Path) -> None:
    with path.open("wb") as opened:
        opened.write(b"{}")
        opened.truncate(20 * 2**30)  # sparse: nothing of it is on the disk

    with pytest.raises(RecordsTooLarge, match=r"21,474,836,480 bytes, and 8,589,934,592 bytes may be read at once"):
        read_records(path)
    path.write_bytes(b"".join(good_lines(4)))
    with pytest.raises(RecordsTooLarge, match="3 lines may be read at once"):
        read_records(path, Limits(lines=3))


def test_endless_lines_end() -> None:
    with pytest.raises(RecordsTooLarge, match="1,000 bytes"):
        read_records(repeat(b"{}\n"), Limits(file_bytes=1_000))


def test_a_huge_line_is_refused_in_little_memory(path: Path) -> None:
    with path.open("wb") as opened:
        opened.write(good_lines(1)[0])
        opened.write(b"x" * 50 * 2**20 + b"\n")
        opened.write(good_lines(2)[1])
    tracemalloc.start()
    read = read_records(path, Limits(line_bytes=2**20))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(read.records) == 2
    assert [(bad.line, bad.reason) for bad in read.rejected] == [(2, "longer than 1,048,576 bytes")]
    assert peak < 8 * 2**20


def test_many_bad_lines_are_counted_and_not_all_kept() -> None:
    read = read_records([b"nonsense"] * 5_000 + good_lines(1), Limits(listed=10))

    assert (len(read.records), len(read.rejected), read.refused) == (1, 10, 5_000)
