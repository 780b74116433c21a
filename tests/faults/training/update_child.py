"""Processes to kill: each trains the embedded policy on made-up judgements, and says how far it is.

Run as `python -m tests.faults.training.update_child`, a run's directory on every line of standard input; at the end of
a run the weights lie in its learned.json.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

from retrieval.durable import write_file_atomic
from retrieval.embed import HashingEmbedder
from tests.training.conftest import make_prompt
from training.datasets.examples import Example, Pair, Thumb
from training.policy.base import Sampling
from training.policy.extractive import ExtractivePolicy, Prior
from training.updates.config import UpdateConfig
from training.updates.extractive import ExtractiveTrainable
from training.updates.loop import Progress, train_policy

CONFIG = UpdateConfig.for_policy(
    "extractive",
    methods=("dpo", "kto"),
    groups_per_step=3,
    epochs=8,
    checkpoint_every=2,
    evaluate_every=0.5,
    evaluate_prompts=4,
)


def judged(trainable: ExtractiveTrainable, count: int = 16) -> list[Example]:
    """Make prompts whose shortest answer is liked."""
    made = []
    for number in range(count):
        prompt = make_prompt(f"When are refunds of order {number} paid?")
        (answers,) = trainable.sample([prompt], 3, Sampling(seed=number))
        answers = sorted(answers, key=lambda one: len(one.text))
        example = Example(f"p{number}", prompt, tuple(answers))
        pair, thumb = Pair(0, 2, "first", 1.0, f"v{number}"), Thumb(1, number % 2 == 0, 0.5, f"w{number}")
        made.append(replace(example, pairs=(pair,), thumbs=(thumb,)))
    return made


def train(run_dir: Path, *, pause_s: float = 0.0) -> dict[str, list[float]]:
    """Train to the end and give the weights.

    Args:
        run_dir: For checkpoints and metrics.
        pause_s: After every step, so that there is time to be killed in.

    Returns:
        The weights by name.
    """
    trainable = ExtractiveTrainable(ExtractivePolicy(HashingEmbedder(), prior=Prior.similarity()))
    examples = judged(trainable)

    def tell(progress: Progress) -> None:
        print(f"step {progress.step}", flush=True)
        time.sleep(pause_s)

    train_policy(trainable, examples[:12], CONFIG, run_dir=run_dir, held_out=examples[12:], progress=tell)
    return {name: leaf.detach().tolist() for name, leaf in trainable.parameters().items()}


def main() -> None:
    """Fork a training for every line: fresh processes without waiting for imports. Says its pid, steps and exit."""
    for line in sys.stdin:
        run_dir = Path(line.strip())
        pid = os.fork()
        if pid == 0:
            print(f"pid {os.getpid()}", flush=True)
            write_file_atomic(run_dir / "learned.json", json.dumps(train(run_dir, pause_s=0.01)).encode())
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        print(f"exit {os.waitstatus_to_exitcode(status)}", flush=True)


if __name__ == "__main__":
    main()
