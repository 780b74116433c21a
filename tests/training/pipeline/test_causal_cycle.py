"""A causal policy goes the whole way too: its adapter is trained, judged as it lies on disk, and published."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.embed import HashingEmbedder
from tests.training.pipeline.world import NOW, judge, questions
from tests.training.tiny_causal import make_tiny_causal
from training.pipeline.cycle import run_cycle
from training.pipeline.job import Job, write_job
from training.policy.extractive import ExtractivePolicy, Prior
from training.records.write import record_lines
from training.registry.registry import Registry

pytestmark = pytest.mark.slow
OPTIONS = {
    "reward": {"precision": 100.0, "semantic": 0.0, "heads": 4, "floors": {"judgements": 4, "each_side": 1}},
    "update": {"rank": 4, "groups_per_step": 4, "evaluate_prompts": 1, "evaluate_tokens": 4, "epochs": 0.5},
}


@pytest.mark.timeout(900)
def test_records_become_an_adapter(tmp_path: Path) -> None:
    judged = judge(questions(30), ExtractivePolicy(HashingEmbedder(), prior=Prior.similarity()))
    (tmp_path / "records.jsonl").write_bytes(b"".join(record_lines(judged)))
    make_tiny_causal(tmp_path / "model", context_tokens=1024)
    job = Job(
        records=tmp_path / "records.jsonl",
        registry=tmp_path / "registry",
        policy="causal",
        model=str(tmp_path / "model"),
        encoder="hashing",
        device="cpu",
        method="kto,dpo",
        min_judgements=10,
        now=NOW,
        cache=tmp_path / "cache",
        options=OPTIONS,
    )
    write_job(tmp_path / "job", job)
    state = run_cycle(tmp_path / "job", job)
    assert state.status == "refused", state.reason  # thirty judgements cannot show anything
    version = Registry(job.registry, kind="causal").open(state.version or "")
    assert version.card.method == "kto+dpo"
    assert {"adapter/adapter_model.safetensors", "adapter/adapter_config.json"} <= set(version.files)
