"""Every option of a training job: checked before the first stage, and listed in docs/training-options.md, which
`python -m training.pipeline.options` writes.

The comment behind a field is its documentation, here as for whoever reads the code.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from training.datasets.config import DatasetConfig
from training.evaluation.golden import read_golden
from training.gate.config import GateConfig
from training.pipeline.configured import configured
from training.pipeline.job import BadJob, Job
from training.pipeline.policies import LORA
from training.reward.config import RewardConfig
from training.updates.config import UpdateConfig
from training.updates.pointing import PointingConfig
from training.updates.ppo_config import PPOConfig

SECTIONS: dict[str, tuple[tuple[str, type[Any]], ...]] = {
    "dataset": (("What counts, and how much", DatasetConfig),),
    "reward": (("The reward model and the judge", RewardConfig),),
    "update": (
        ("Any policy", UpdateConfig),
        ("The embedded policy with `method = auto`, besides", PointingConfig),
    ),
    "ppo": (("PPO", PPOConfig),),
    "gate": (("Thresholds and floors", GateConfig),),
}
_LINE = re.compile(r"^    (\w+): [^#\n]*?= ([^#\n]+?)[ \t]*(?:# (.+))?$", re.M)
_HEAD = """# Options of a training job

`groundloop train run --options FILE` takes a TOML file with a table for each stage, such as

```toml
[update]
learning_rate = 1e-5

[gate]
min_prompts = 200
```

What is not named keeps its default. Under `[update]`, `rank`, `alpha` and `dropout` shape the causal policy's adapter.
This page is written by `python -m training.pipeline.options`.
"""


def check_options(job: Job) -> None:
    """Refuse before the first stage what a later one could not work with, perhaps hours from now.

    Args:
        job: With options as the operator wrote them.

    Raises:
        BadJob: An option does not exist, or cannot work; or the golden set holds nothing that training can ask.
        GoldenError: The golden set cannot be read.
    """
    for stage, kind in (("dataset", DatasetConfig), ("reward", RewardConfig), ("ppo", PPOConfig), ("gate", GateConfig)):
        configured(kind, job.option(stage), stage)
    _check_update(job, job.option("update"))
    if job.golden is not None and all(one.passages is None for one in read_golden(job.golden)):
        raise BadJob(f"no question of {job.golden} has passages of its own; training has nothing to search in")


def _check_update(job: Job, options: Mapping[str, Any]) -> None:
    if "methods" in options:
        raise BadJob("[update] methods are not an option: the job says which (--method)")
    if job.policy == "causal":
        from training.updates.causal import LoraSettings  # imports transformers

        configured(LoraSettings, {name: value for name, value in options.items() if name in LORA}, "update")
        options = {name: value for name, value in options.items() if name not in LORA}
    elif job.methods == ("auto",):
        special = pointing_options(options)
        configured(PointingConfig, special, "update")
        options = {name: value for name, value in options.items() if name not in special or name == "flip_rate"}
    configured(UpdateConfig, options, "update")


def pointing_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Give those of the update's options that are of the embedded policy's own likelihoods."""
    return {name: value for name, value in options.items() if name in PointingConfig.__slots__}


def page() -> str:
    """Give the page."""
    parts = [_HEAD]
    for section, kinds in SECTIONS.items():
        parts.append(f"\n## `[{section}]`\n")
        for title, kind in kinds:
            parts += [f"\n{title}:\n\n| option | default | meaning |\n|---|---|---|\n", *_rows(kind)]
    return "".join(parts)


def _rows(kind: type[Any], inside: str = "") -> list[str]:
    told = {name: (default, comment or "") for name, default, comment in _LINE.findall(inspect.getsource(kind))}
    rows = []
    for one in fields(kind):
        if is_dataclass(one.default):
            rows += _rows(type(one.default), f"{one.name}.")
            continue
        _, comment = told.get(one.name, ("", ""))
        default = "unset" if one.default is None else f"`{_toml(one.default)}`"
        rows.append(f"| `{inside}{one.name}` | {default} | {comment.replace('|', '/')} |\n")
    return rows


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | frozenset):
        return f"[{', '.join(map(_toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


if __name__ == "__main__":
    sys.stdout.write(page())
