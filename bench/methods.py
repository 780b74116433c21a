"""Does each method move what it should? SFT, KTO, DPO and PPO on a tiny Qwen2-style checkpoint made on the spot.

The checkpoint has random weights, a real tokenizer and a real chat template. Readers prefer answers that state the
fact and cite it to answers that state another one. Everything is looked at on prompts that were not trained on: nats
an action of an answer to imitate (SFT); by how many nats more than the base the policy tells answers that people liked
from those they did not (KTO); how often it sets the preferred one above the other (DPO); and the share of even tokens
in answers that it draws (PPO with a reward that is known exactly, so that nothing but the method is measured).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from bench.report import arguments, report
from tests.training.conftest import make_prompt
from tests.training.tiny_causal import make_tiny_causal
from training.datasets.examples import Example, Pair, Target, Thumb
from training.policy.base import Answer, Prompt, Sampling
from training.policy.causal import CausalLMPolicy
from training.reward.base import Scores
from training.updates.causal import CausalTrainable, LoraSettings
from training.updates.config import UpdateConfig
from training.updates.loop import UpdateResult, train_policy
from training.updates.ppo import train_ppo
from training.updates.ppo_config import PPOConfig, ppo_update
from training.updates.rewards import RewardMix

TRAINED, HELD_OUT = 24, 12
PLACES = ("Bergen", "Oslo", "Turku", "Malmo", "Aarhus", "Tampere")
LORA = LoraSettings(rank=8, alpha=16)
FIGURES: dict[str, tuple[str, Callable[[dict[str, float]], float]]] = {
    "sft": ("nats an action of the right answer", lambda found: found["target_nll"]),
    "kto": ("nats gained by liked answers over disliked ones", lambda found: found["up_gain"] - found["down_gain"]),
    "dpo": ("preferred answers above the others, against the base", lambda found: found["accuracy"]),
}
BUDGET = 8.0  # nats an answer


class EvenTokens:
    """Likes answers of even tokens."""

    version = "even-tokens"

    def score(self, prompts: Sequence[Prompt], answers: Sequence[Sequence[Answer]]) -> list[Scores]:
        """Give four heads that agree: four logits between no even token and nothing else."""
        return [Scores(np.repeat([[4 * _even(answer)] for answer in group], 4, axis=1)) for group in answers]


def main() -> None:
    """Train with each method from the same checkpoint, print the table."""
    parser = arguments(__doc__ or "")
    options = parser.parse_args()
    methods: dict[str, Callable[[CausalTrainable, Path], list[Any]]] = {
        "SFT": lambda model, where: _judged("sft", model, where),
        "KTO": lambda model, where: _judged("kto", model, where),
        "DPO": lambda model, where: _judged("dpo", model, where),
        "PPO": _ppo,
    }
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = make_tiny_causal(Path(folder) / "model")
        for name, train in methods.items():
            policy = CausalLMPolicy.load(str(checkpoint), version="tiny", device="cpu")
            started = perf_counter()
            rows.append([name, *train(CausalTrainable(policy, LORA), Path(folder) / name)])
            rows[-1].append(f"{perf_counter() - started:.0f}")
            policy.close()
    report(
        "methods",
        "Each method moves what it should",
        ["method", "looked at on held-out prompts", "before", "after", "nats from the base", "steps", "seconds"],
        rows,
        data=f"{TRAINED} judged prompts of the benchmark's own, {HELD_OUT} held out",
        notes=[
            "Qwen2 architecture, 2 layers, hidden 64, random weights; LoRA rank 8. It learns form, not facts.",
            f"Training stops when its own answers are {BUDGET:.0f} nats from the base; the last good weights stay.",
        ],
        save=options.save,
    )


def _judged(method: str, model: CausalTrainable, where: Path) -> list[Any]:
    config = UpdateConfig.for_policy(
        "causal",
        methods=(method,),
        learning_rate=2e-3,
        epochs=2,
        groups_per_step=4,
        kl_budget=BUDGET,
        max_length_growth=9.0,
        evaluate_prompts=4,
        evaluate_tokens=24,
    )
    result = train_policy(model, _examples(0, TRAINED), config, run_dir=where, held_out=_examples(TRAINED, HELD_OUT))
    said, figure = FIGURES[method]
    before, after = (figure(result.metrics[when]["figures"]) for when in ("start", "kept"))
    return [said, f"{before:.3f}", f"{after:.3f}", *_end(result)]


def _ppo(model: CausalTrainable, where: Path) -> list[Any]:
    held_out = [example.prompt for example in _examples(TRAINED, HELD_OUT)]
    before = _own(model, held_out)
    update = ppo_update(
        "causal",
        steps=30,
        groups_per_step=8,
        learning_rate=2e-3,
        kl_budget=BUDGET,
        evaluate_prompts=4,
        evaluate_tokens=12,
        evaluate_every=1.0,
        max_length_growth=9.0,
    )
    ppo = PPOConfig(rollouts=8, max_tokens=12, mix=RewardMix(length=0.0, unfinished=0.0))
    result = train_ppo(model, _examples(0, TRAINED), EvenTokens(), update, ppo, run_dir=where)
    return ["even tokens among those it draws", f"{before:.3f}", f"{_own(model, held_out):.3f}", *_end(result)]


def _end(result: UpdateResult) -> list[str]:
    stopped = f" ({result.stopped})" if result.stopped else ""
    return [f"{result.metrics['kept']['kl']:.2f}", f"{result.kept} of {result.steps}{stopped}"]


def _own(model: CausalTrainable, prompts: Sequence[Prompt]) -> float:
    sampling = Sampling(temperature=1.0, max_tokens=12, seed=7)
    return float(np.mean([_even(answer) for prompt in prompts for answer in model.draw(prompt, 8, sampling)]))


def _even(answer: Answer) -> float:
    return sum(token % 2 == 0 for token in answer.actions) / max(len(answer.actions), 1)


def _examples(start: int, count: int) -> list[Example]:
    made = []
    for number in range(start, start + count):
        here, elsewhere = (PLACES[(number + step) % len(PLACES)] for step in (0, 1))
        texts = (f"Order {number} is sent from {here}.", "Parcels are insured. The desk answers within two hours.")
        answers = tuple(
            Answer(text, "elsewhere", "stop", Sampling(), None, 0)
            for text in (f"Order {number} is sent from {here}. [1]", f"I think that it might be {elsewhere} or so.")
        )
        made.append(
            Example(
                f"p{number}",
                make_prompt(f"From where is order {number} sent?", texts),
                answers,
                pairs=(Pair(0, 1, "first", 1.0, f"voter-{number % 7}"),),
                thumbs=(Thumb(0, True, 1.0, f"voter-{number % 7}"), Thumb(1, False, 1.0, f"voter-{number % 5}")),
                targets=(Target(0, 1.0, voter=f"voter-{number % 7}"),),
            )
        )
    return made


if __name__ == "__main__":
    main()
