"""Every option of a training job, as docs/training-options.md lists them: `python -m training.pipeline.options`.

The comment behind a field is its documentation, here as for whoever reads the code.
"""

from __future__ import annotations

import inspect
import re
import sys
from dataclasses import fields, is_dataclass
from typing import Any

from training.datasets.config import DatasetConfig
from training.gate.config import GateConfig
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
