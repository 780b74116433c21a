"""Everything about an update that can be set, with the values that suit each policy."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

Method = Literal["sft", "kto", "dpo", "ppo"]
VoteLoss = Literal["kto", "noisy_vote"]
METHODS: tuple[Method, ...] = get_args(Method)


class BadConfig(ValueError):
    """A setting that can never work; the message says what would."""


@dataclass(frozen=True, slots=True)
class UpdateConfig:
    """How a policy is updated. Weights, rates and limits are per optimiser step unless a name says otherwise."""

    methods: tuple[Method, ...] = ("sft", "kto", "dpo")  # what is minimised together; ppo stands alone
    epochs: float = 1.0  # passes over the examples; a part of one is allowed
    steps: int = 0  # optimiser steps; 0 lets `epochs` decide
    groups_per_step: int = 16  # prompts in one optimiser step, over all processes; 0 takes all
    groups_at_once: int = 1  # prompts scored together, as far as memory allows; 0 takes all of a step
    learning_rate: float = 2e-5  # highest
    schedule: Literal["cosine", "constant"] = "cosine"  # after the warm-up; cosine ends at a tenth
    warmup: float = 0.1  # share of the steps in which the rate rises from 0
    adam_betas: tuple[float, float] = (0.9, 0.999)  # decay of Adam's averages
    max_grad_norm: float = 1.0  # gradients are scaled down to it; 0 for never
    l2: float = 0.0  # times the squared distance of the weights from the base, where the policy has one
    beta: float = 0.1  # inverse temperature of the reward beta log(pi / base) that DPO and votes imply
    label_smoothing: float = 0.0  # s of cDPO: no pull beyond a certainty of 1 - s
    flip_rate: float = 0.0  # share of judgements taken to be wrong, of which the likelihood knows
    length_normalised: bool = False  # DPO on log-ratios per action; beta is then about 5
    relative_to_base: bool = True  # False compares the policy's own log-probabilities, without the base
    vote_loss: VoteLoss = "kto"  # what thumbs minimise
    tie_weight: float = 0.5  # of a tie against a decided comparison; ties pull the two answers together
    sft_weight: float = 1.0  # of answers to imitate
    vote_weight: float = 1.0  # of thumbs
    dpo_weight: float = 1.0  # of comparisons
    nll_weight: float = 0.0  # of imitating the preferred answer of each comparison, beside DPO: against forgetting
    kl_budget: float = 8.0  # nats an answer from the base; training stops beyond it
    max_length_growth: float = 0.5  # of the policy's own answers over those at the start; training stops beyond it
    max_abstention_growth: float = 0.3  # rise in the share of its answers that abstain or are empty, likewise
    evaluate_every: float = 0.25  # passes over the examples between two looks at held-out examples
    evaluate_prompts: int = 16  # prompts answered at each look, for KL, length and abstention
    evaluate_tokens: int = 256  # longest such answer, tokens
    keep: Literal["best", "last"] = "best"  # which weights stay: of the lowest held-out loss, or the last good ones
    checkpoint_every: int = 20  # optimiser steps
    precision: Literal["fp32", "bf16"] = "fp32"  # causal: bf16 computes in mixed precision; what learns stays fp32
    gradient_checkpointing: bool = False  # causal: computes activations again instead of keeping them
    seed: int = 0  # of the order, the adapter's first weights and the answers drawn at evaluations

    def __post_init__(self) -> None:
        """Refuse what can never work."""
        unknown = [method for method in self.methods if method not in METHODS]
        if unknown or not self.methods or len(set(self.methods)) < len(self.methods):
            raise BadConfig(f"methods are some of {', '.join(METHODS)}, each once, not {self.methods!r}")
        if "ppo" in self.methods and len(self.methods) > 1:
            raise BadConfig("ppo writes its own answers and cannot be mixed with other methods")
        for name in ("epochs", "learning_rate", "evaluate_every", "kl_budget", "beta"):
            if not getattr(self, name) > 0:
                raise BadConfig(f"{name} must be above 0, not {getattr(self, name)!r}")
        for name in ("steps", "groups_per_step", "groups_at_once", "max_grad_norm", "l2", "seed", "evaluate_prompts"):
            if not getattr(self, name) >= 0:
                raise BadConfig(f"{name} must be 0 or more, not {getattr(self, name)!r}")
        for name in ("sft_weight", "vote_weight", "dpo_weight", "nll_weight", "tie_weight"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise BadConfig(f"{name} must be 0 or more, not {getattr(self, name)!r}")
        for name in ("label_smoothing", "flip_rate"):
            if not 0 <= getattr(self, name) < 0.5:
                raise BadConfig(f"{name} must be in [0, 0.5), not {getattr(self, name)!r}")
        if not 0 <= self.warmup < 1 or self.checkpoint_every < 1:
            raise BadConfig("warmup must be in [0, 1) and checkpoint_every at least 1")

    @classmethod
    def for_policy(cls, kind: str, **changes: Any) -> UpdateConfig:
        """Give the settings that suit a policy.

        Args:
            kind: "extractive" or "causal".
            **changes: Settings by name that shall differ.

        Returns:
            The settings.

        Raises:
            BadConfig: There is no such policy or setting, or a value can never work.
        """
        if kind not in _PRESETS:
            raise BadConfig(f"a policy that trains is {' or '.join(_PRESETS)}, not {kind!r}")
        try:
            return replace(_PRESETS[kind], **_typed(changes))
        except TypeError as error:
            raise BadConfig(f"no such setting of an update: {error}") from error

    def as_dict(self) -> dict[str, Any]:
        """Give every setting by name, as JSON holds it."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def learning_rate(config: UpdateConfig, step: int, steps: int) -> float:
    """Give the rate of a step.

    Args:
        config: Highest rate, warm-up and schedule.
        step: From 0.
        steps: Of the whole run.

    Returns:
        The rate; never 0.
    """
    from math import cos, pi

    rising = round(config.warmup * steps)
    if step < rising:
        return config.learning_rate * (step + 1) / (rising + 1)
    if config.schedule == "constant":
        return config.learning_rate
    done = (step - rising) / max(steps - rising, 1)
    return config.learning_rate * (0.1 + 0.9 * (1 + cos(pi * done)) / 2)


def _typed(changes: dict[str, Any]) -> dict[str, Any]:
    """Take lists, which is what JSON has, for tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in changes.items()}


# The residual is some thirty numbers: all examples fit into one step, the L2 penalty does what early stopping and a KL
# penalty do elsewhere, and a likelihood that knows of wrong labels keeps confident priors from being bent to fit them.
# LoRA: Schulman and Thinking Machines 2025, "LoRA Without Regret"; beta, smoothing and NLL from cDPO and Llama 3.
_PRESETS = {
    "extractive": UpdateConfig(
        epochs=150,
        groups_per_step=0,
        groups_at_once=0,
        learning_rate=0.05,
        warmup=0.05,
        max_grad_norm=0.0,
        l2=0.02,
        beta=1.0,
        flip_rate=0.25,
        vote_loss="noisy_vote",
        evaluate_every=15,
        evaluate_prompts=32,
        max_length_growth=1.0,  # from one sentence to two
        checkpoint_every=50,
    ),
    "causal": UpdateConfig(label_smoothing=0.1, nll_weight=0.2),
}
