"""How a reward model is trained. Every number has its reason beside it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

FEATURES = "features"  # the base that needs no model beside the shared sentence encoder


@dataclass(frozen=True, slots=True)
class Floors:
    """What there must be at least before anything is trained."""

    judgements: int = 20  # decided comparisons and thumbs together
    voters: int = 2  # one person's taste is not what people prefer
    each_side: int = 3  # thumbs only: of the rarer of up and down


@dataclass(frozen=True, slots=True)
class LoraConfig:
    """The training of a transformer base, by LoRA (Hu et al. 2021, arXiv 2106.09685)."""

    rank: int = 8  # of the low-rank update of each linear layer
    alpha: int = 16  # the update is scaled by alpha / rank
    learning_rate: float = 1e-4  # causal base; an encoder of 20 M parameters takes `encoder_learning_rate`
    encoder_learning_rate: float = 5e-4  # small encoders move less at the same rate
    epochs: int = 1  # a second one over few comparisons does no better (Gao et al. 2022, arXiv 2210.10760)
    batch: int = 8  # prompts a step, each with all its answers
    warmup: float = 0.1  # share of the steps
    clip: float = 1.0  # norm of the gradient
    most_tokens: int = 256  # of question, answer and evidence together (encoder), of the answer (causal)
    device: str = "cpu"  # where the base runs, as torch names it: "cuda"


@dataclass(frozen=True, slots=True)
class RewardConfig:
    """What kind of model, how many heads, how strongly it is held back."""

    base: str = FEATURES  # or the name of a sentence encoder or of a causal LM
    kind: str = "auto"  # "encoder" or "causal" where the name of the base does not tell
    heads: int = 8  # on bootstraps of the judgements; their spread is the uncertainty; at least 4
    seed: int = 0  # of the bootstraps, the folds and the adapter's first weights
    precision: float | None = None  # of the normal prior of a weight over standardised features; unset: chosen
    precisions: tuple[float, ...] = (30.0, 100.0, 300.0)  # ... among these, by cross-validation over prompts
    semantic: float | None = None  # the same for products of question and answer vectors, many and weak; 0: none
    semantics: tuple[float, ...] = (0.0, 1000.0, 3000.0)  # ... chosen among these
    voter_precision: float = 1.0  # voters differ by about one logit
    position_precision: float = 4.0  # of the pull of a place on the screen: about half a logit
    segments: bool = False  # learn how each segment differs from everybody
    segment_precision: float = 300.0  # of a segment's own difference: it must be earned by many judgements
    label_smoothing: float = 0.0  # s: no pull beyond a certainty of 1 - s
    flip_rate: float = 0.0  # share of judgements taken to be wrong, of which the likelihood knows
    clip: float = 4.0  # standard deviations; what lies further out says no more
    folds: int = 3  # of the inner cross-validation
    floors: Floors = Floors()
    lora: LoraConfig = LoraConfig()

    def __post_init__(self) -> None:
        """Refuse what cannot be trained.

        Raises:
            ValueError: Fewer than four heads, or a precision that is not positive.
        """
        if self.heads < 4:
            raise ValueError(f"an ensemble of {self.heads} heads does not measure its own uncertainty: 4 at least")
        if self.precision is not None and self.precision <= 0:
            raise ValueError("precision must be positive")
        if self.kind not in ("auto", "encoder", "causal"):
            raise ValueError(f"kind must be auto, encoder or causal, not {self.kind!r}")

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON holds it."""
        return asdict(self)
