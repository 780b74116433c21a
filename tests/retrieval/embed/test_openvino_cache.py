"""The cache of converted encoders: made once, however many start together; made anew when damaged or outdated."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from retrieval.embed import openvino_cache
from retrieval.embed.openvino_cache import converted
from retrieval.embed.openvino_convert import MODEL, ConversionFailed, convert_apart


class Converter:
    """Writes something small, and counts."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, folder: Path, target: Path) -> None:
        self.calls += 1
        (target / MODEL).write_text(f"model {self.calls}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a model folder with weights of a kind."""
    made = tmp_path / "model"
    made.mkdir()
    (made / "config.json").write_text("{}")
    (made / "model.safetensors").write_bytes(b"weights")
    return made


def read(folder: Path, cache: Path | None, convert: Converter) -> str:
    with converted(folder, cache, convert=convert) as model:
        return model.read_text()


def test_it_is_converted_once(folder: Path, tmp_path: Path) -> None:
    convert = Converter()
    assert [read(folder, tmp_path / "cache", convert) for _ in range(3)] == ["model 1"] * 3


def test_what_is_damaged_is_made_anew_and_the_old_one_goes(folder: Path, tmp_path: Path) -> None:
    convert, cache = Converter(), tmp_path / "cache"
    read(folder, cache, convert)
    (kept,) = cache.rglob(MODEL)
    kept.write_text("Model 1")
    assert read(folder, cache, convert) == "model 2"
    assert read(folder, cache, convert) == "model 2"
    assert len(list(cache.rglob(MODEL))) == 1


def test_other_weights_or_another_version_are_another_encoder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    convert, cache = Converter(), tmp_path / "cache"
    read(folder, cache, convert)
    monkeypatch.setattr(openvino_cache, "FORMAT", 999)
    assert read(folder, cache, convert) == "model 2"
    (folder / "model.safetensors").write_bytes(b"others")
    assert read(folder, cache, convert) == "model 3"


@pytest.mark.parametrize("cache", ["file/cache", None], ids=["cannot be written", "none"])
def test_without_a_cache_each_start_converts_and_leaves_nothing(
    folder: Path, tmp_path: Path, cache: str | None
) -> None:
    (tmp_path / "file").touch()  # not a permission: the tests may run as root
    convert, where = Converter(), tmp_path / cache if cache else None
    with converted(folder, where, convert=convert) as model:
        assert model.read_text() == "model 1"
    assert not model.exists()
    assert read(folder, where, convert) == "model 2"


def test_processes_that_start_together_convert_once(folder: Path, tmp_path: Path) -> None:
    script = f"""
import pathlib, time
from retrieval.embed.openvino_cache import converted
def convert(folder, target):
    with open({str(tmp_path / "log")!r}, "a") as log:
        log.write("converted\\n")
    time.sleep(0.5)
    (target / {MODEL!r}).write_text("model")
with converted(pathlib.Path({str(folder)!r}), pathlib.Path({str(tmp_path / "cache")!r}), convert=convert) as model:
    assert model.read_text() == "model"
"""
    racing = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(3)]
    assert [process.wait(60) for process in racing] == [0, 0, 0]
    assert (tmp_path / "log").read_text() == "converted\n"


@pytest.mark.slow
def test_a_model_that_cannot_be_converted_says_why(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConversionFailed, match="cannot convert"):
        convert_apart(folder, tmp_path)
