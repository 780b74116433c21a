"""Versions for other servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval import durable
from tests.training.registry.making import card, published
from tests.training.tiny_causal import add_tiny_adapter, make_tiny_causal
from training.policy.extractive import load_residual
from training.registry import BASE, Registry, Version
from training.registry.export import NotExported, export_version


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "registry")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_causal(tmp_path_factory.mktemp("tiny") / "base")


@pytest.fixture
def causal(registry: Registry, checkpoint: Path, tmp_path: Path) -> Version:
    adapter = add_tiny_adapter(checkpoint, tmp_path / "adapter")
    return registry.publish({"adapter": adapter}, card(kind="causal", base=str(checkpoint), verdict=None))


@pytest.mark.slow
def test_a_merged_model_answers_as_base_and_adapter_do(causal: Version, checkpoint: Path, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    before = {path: path.stat().st_mtime_ns for path in tmp_path.joinpath("registry").rglob("*")}
    written = export_version(causal, tmp_path / "out")
    assert written.form == "merged"
    assert written.logits_error is not None
    assert written.logits_error < 1e-4
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= set(written.files)
    assert not any("adapter" in name for name in written.files)
    durable.verify_directory(tmp_path / "out")
    assert {path: path.stat().st_mtime_ns for path in tmp_path.joinpath("registry").rglob("*")} == before

    ids = AutoTokenizer.from_pretrained(tmp_path / "out")("Refunds are paid", return_tensors="pt").input_ids
    with torch.inference_mode():
        merged = AutoModelForCausalLM.from_pretrained(tmp_path / "out")(input_ids=ids).logits
        plain = AutoModelForCausalLM.from_pretrained(checkpoint)(input_ids=ids).logits
    assert not torch.allclose(merged, plain, atol=1e-2)  # the adapter is in it


@pytest.mark.slow
def test_the_adapter_alone_keeps_its_layout(causal: Version, tmp_path: Path) -> None:
    written = export_version(causal, tmp_path / "out", adapter_only=True)
    assert (written.form, written.logits_error) == ("adapter", None)
    assert {"adapter_config.json", "adapter_model.safetensors"} <= set(written.files)


def test_an_extractive_version_is_its_adapter(registry: Registry, tmp_path: Path) -> None:
    version = published(registry, 4)
    written = export_version(version, tmp_path / "out")
    assert written.form == "extractive"
    assert version.adapter is not None
    assert (load_residual(tmp_path / "out").pointer == load_residual(version.adapter).pointer).all()


def test_what_exists_is_not_overwritten(registry: Registry, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(NotExported, match="exists"):
        export_version(published(registry), tmp_path / "out")


def test_the_shipped_start_has_nothing_to_export(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(NotExported, match="nothing learned|nothing to export"):
        export_version(registry.open(BASE), tmp_path / "out")


@pytest.mark.slow
def test_a_merge_that_changes_the_answers_leaves_nothing(
    causal: Version, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.registry import export

    monkeypatch.setattr(export, "_EXACT", -1.0)
    with pytest.raises(NotExported, match="differently"):
        export_version(causal, tmp_path / "out")
    assert not (tmp_path / "out").exists()
