"""What a TOML file says becomes a stage's settings, or an error that says what would be right."""

from __future__ import annotations

import pytest

from training.datasets.config import DatasetConfig
from training.gate.config import GateConfig
from training.pipeline.configured import configured
from training.pipeline.job import BadJob
from training.reward.config import LoraConfig, RewardConfig


def test_tables_inside_make_the_settings_inside() -> None:
    made = configured(RewardConfig, {"heads": 6, "precisions": [1.0, 2.0], "lora": {"rank": 4}}, "reward")
    assert (made.heads, made.precisions, made.lora) == (6, (1.0, 2.0), LoraConfig(rank=4))


def test_lists_become_what_the_default_is() -> None:
    made = configured(DatasetConfig, {"excluded_voters": ["key:a", "key:a"]}, "dataset")
    assert made.excluded_voters == frozenset({"key:a"})


@pytest.mark.parametrize(
    ("kind", "options", "told"),
    [
        (GateConfig, {"min_prompt": 3}, r"\[gate\] has no options min_prompt; it has .*min_prompts"),
        (RewardConfig, {"lora": {"depth": 3}}, r"\[reward.lora\] has no options depth"),
        (RewardConfig, {"heads": "many"}, r"\[reward\] heads .*valid integer"),
        (RewardConfig, {"lora": 3}, r"\[reward\] lora .*dictionary"),
        (RewardConfig, {"heads": 2}, r"\[reward\] an ensemble of 2 heads"),
        (DatasetConfig, {"half_life_days": -1.0}, r"\[dataset\] half_life_days must be positive"),
    ],
)
def test_what_cannot_work_is_told(kind: type, options: dict[str, object], told: str) -> None:
    with pytest.raises(BadJob, match=told):
        configured(kind, options, "gate" if kind is GateConfig else kind.__name__.removesuffix("Config").lower())
