"""Files that only grow, torn and damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.durable import FrameWriter, read_frames, write_frames

RECORDS = [b"", b"one", b"\x00" * 5000, "zwei ☂".encode()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "segment"
    with FrameWriter(path) as writer:
        writer.append(RECORDS[:2])
        writer.append(RECORDS[2:])
        assert writer.size_bytes == path.stat().st_size
    return path


def test_records_come_back_in_order(path: Path) -> None:
    assert list(read_frames(path)) == RECORDS


def test_every_torn_end_gives_whole_records_only(path: Path) -> None:
    data = path.read_bytes()
    for size in [*range(10, 60), *range(len(data) - 30, len(data))]:
        path.write_bytes(data[:size])
        found = list(read_frames(path))
        assert found == RECORDS[: len(found)]
        assert len(found) < len(RECORDS)


def test_a_flipped_bit_ends_the_reading(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(bytes(data))
    assert list(read_frames(path)) == RECORDS[:2]


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"something else")
    with pytest.raises(ValueError, match="no file of frames"):
        list(read_frames(tmp_path / "x"))


def test_a_name_is_taken_once(path: Path) -> None:
    with pytest.raises(FileExistsError):
        FrameWriter(path)


def test_a_writer_notices_that_its_file_was_replaced(path: Path, tmp_path: Path) -> None:
    with FrameWriter(tmp_path / "two") as writer:
        assert writer.is_current()
        assert write_frames(tmp_path / "two", RECORDS) == 4
        assert not writer.is_current()
        (tmp_path / "two").unlink()
        assert not writer.is_current()


def test_a_rewrite_that_fails_leaves_the_old(path: Path) -> None:
    def broken() -> object:
        yield b"new"
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write_frames(path, broken())  # type: ignore[arg-type]
    assert list(read_frames(path)) == RECORDS
    assert [one.name for one in path.parent.iterdir()] == ["segment"]
