"""Training steps side by side: one small model with random weights, the peer's trainer and ours taking turns in one
process, in processor seconds of one thread, so that a busy machine slows all alike.

With `--peer-python` the benchmark runs itself again under that interpreter, which has the peer, torch, transformers and
peft, and sees this repository. On a GPU the same steps are timed by the clock, with memory and the share of the chip's
arithmetic they reach.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.report import ROOT, arguments

_INSIDE = "GROUNDLOOP_BENCH_INSIDE"
WORDS = 4096
PEAKS = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L4": 121e12, "4090": 165e12}  # bf16 FLOP/s, dense


def options(description: str, *, prompt: int = 2000, answer: int = 200, rounds: int = 5) -> argparse.Namespace:
    """Read the arguments of a step benchmark; under a peer's interpreter, go on there and do not return."""
    parser = arguments(description)
    parser.add_argument("--peer-python", help="interpreter of an environment with the peer system")
    parser.add_argument("--peer-path", help="a folder that this environment should see first")
    parser.add_argument("--prompt", type=int, default=prompt, help="tokens of the prompt")
    parser.add_argument("--answer", type=int, default=answer, help="tokens of each answer")
    parser.add_argument("--hidden", type=int, default=256, help="width of the model")
    parser.add_argument("--rounds", type=int, default=rounds)
    given = parser.parse_args()
    if given.peer_python and not os.environ.get(_INSIDE):
        again(given.peer_python, given.peer_path)
    import torch

    torch.set_num_threads(1)
    return given


def again(python: str, path: str | None) -> None:
    """Run this benchmark again under another interpreter, in place of this process."""
    name = sys.modules["__main__"].__spec__
    assert name is not None
    seen = [*([path] if path else []), str(ROOT)]
    quiet = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "TRL_EXPERIMENTAL_SILENCE": "1"}
    still = {
        "OMP_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        _INSIDE: "1",
        "HF_DATASETS_DISABLE_CACHING": "1",
    }
    environment = {**os.environ, **quiet, **still, "PYTHONPATH": os.pathsep.join(seen)}
    os.chdir(ROOT)
    os.execve(python, [python, "-m", name.name, *sys.argv[1:]], environment)


def small_model(hidden: int, *, headed: bool = True, seed: int = 0, layers: int = 4) -> Any:
    """Make a Qwen2 of four layers: a causal LM, or a reward model with one score."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM, Qwen2ForSequenceClassification

    torch.manual_seed(seed)
    config = Qwen2Config(
        vocab_size=WORDS,
        hidden_size=hidden,
        intermediate_size=hidden * 11 // 4,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 64,
        num_key_value_heads=max(hidden // 256, 1),
        max_position_embeddings=8192,
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        num_labels=1,
    )
    made = (Qwen2ForCausalLM if headed else Qwen2ForSequenceClassification)(config)
    if torch.cuda.is_available():
        made = made.to("cuda", torch.bfloat16)
    return made


def lora(task: str = "CAUSAL_LM") -> Any:
    """Give the LoRA settings of all steps: rank 8 on every linear layer, no dropout."""
    from peft import LoraConfig

    return LoraConfig(r=8, lora_alpha=16, lora_dropout=0.0, target_modules="all-linear", task_type=task)


def move_adapter(model: Any) -> None:
    """Move the adapter away from zero, so that the loss is not log 2 whatever the code does."""
    import torch

    torch.manual_seed(7)
    for name, weights in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weights, std=0.05)


def small_tokenizer(folder: Path) -> Any:
    """Make a tokenizer whose tokens are words, so that lengths are exact."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = {"<pad>": 0, "<bos>": 1, "<eos>": 2, **{f"w{number}": number for number in range(3, WORDS)}}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<pad>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<bos>", eos_token="<eos>")
    made.save_pretrained(folder)
    return made


def texts(count: int, tokens: int, *, seed: int) -> list[str]:
    """Give random texts of some tokens."""
    source = random.Random(seed)
    return [" ".join(f"w{source.randrange(3, WORDS)}" for _ in range(tokens)) for _ in range(count)]


@dataclass
class Timed:
    """What the steps of one kind cost."""

    seconds: list[float] = field(default_factory=list)  # of the processor; by the clock on a GPU
    results: list[float] = field(default_factory=list)
    peak_bytes: int = 0

    @property
    def median(self) -> float:
        """Middle of the seconds."""
        return statistics.median(self.seconds)


def take_turns(steps: Mapping[str, Callable[[], float]], rounds: int, *, warm: bool = False) -> dict[str, Timed]:
    """Run each step once for warmth unless they are warm, then all in turns, starting with another one each round."""
    import torch

    on_gpu = torch.cuda.is_available()
    clock = time.perf_counter if on_gpu else time.process_time
    found = {name: Timed() for name in steps}
    names = list(steps)
    for round_ in range(warm, rounds + 1):
        for name in names[round_ % len(names) :] + names[: round_ % len(names)]:
            gc.collect()
            if on_gpu:
                torch.cuda.synchronize()
                torch.cuda.reset_peak_memory_stats()
            started = clock()
            result = steps[name]()
            if on_gpu:
                torch.cuda.synchronize()
            spent = clock() - started
            if round_:
                found[name].seconds.append(spent)
                found[name].results.append(result)
                if on_gpu:
                    found[name].peak_bytes = max(found[name].peak_bytes, torch.cuda.max_memory_allocated())
    return found


def ratio(found: Mapping[str, Timed], slow: str, fast: str) -> str:
    """Give how many times faster one is, by the medians, with the range over the rounds."""
    each = [a / b for a, b in zip(found[slow].seconds, found[fast].seconds, strict=True)]
    return f"{found[slow].median / found[fast].median:.2f} ({min(each):.2f} to {max(each):.2f})"


def gpu_columns(tokens: int, forward_backward: float) -> tuple[list[str], Callable[[Timed], list[str]]]:
    """Give further columns on a GPU, none without.

    `tokens` is what a step learns from, counted once however often it is computed; `forward_backward` the arithmetic
    that this needs, so sharing shows as a higher share of the peak.
    """
    import torch

    if not torch.cuda.is_available():
        return [], lambda timed: []
    peak = next((flops for name, flops in PEAKS.items() if name in torch.cuda.get_device_name()), None)

    def columns(timed: Timed) -> list[str]:
        share = f"{forward_backward / timed.median / peak:.1%}" if peak else "unknown chip"
        return [f"{tokens / timed.median:,.0f}", f"{timed.peak_bytes / 2**30:.2f}", share]

    return ["tokens/s", "peak GiB", "share of peak"], columns


def needed_flops(model: Any, tokens: int, *, passes: float) -> float:
    """Give the arithmetic of passing tokens through a model: 2 a weight and token forward, `passes` times that."""
    weights = sum(p.numel() for name, p in model.named_parameters() if "embed" not in name and "lora" not in name)
    return 2.0 * weights * tokens * passes


def same_gradient(model: Any, steps: Sequence[Callable[[], float]]) -> float:
    """Give how far the gradients of the steps are apart at most, relative to the first."""
    import torch

    vectors = []
    for step in steps:
        step()
        trained = [p for p in model.parameters() if p.requires_grad]
        vectors.append(torch.cat([(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in trained]))
    first = vectors[0].float()
    return max(float((v.float() - first).norm() / first.norm()) for v in vectors[1:])


def described(model: Any) -> str:
    """Describe a model in a few words."""
    config = model.config
    weights = sum(p.numel() for name, p in model.named_parameters() if "lora" not in name) / 1e6
    return f"Qwen2, {weights:.1f} M weights, hidden {config.hidden_size}, {config.num_hidden_layers} layers, random"


def peer_note(what: str) -> list[str]:
    """Name the peer's version and settings where it ran."""
    try:
        import trl
    except ImportError:
        return ["Without the peer."]
    return [
        f"TRL {trl.__version__}: `{what}`, which repeats the prompt; its settings but for `max_length=None`, "
        "`bf16=False` and `gradient_checkpointing=False`, so that both compute the same."
    ]


def rows_of(
    found: Mapping[str, Timed],
    losses: Mapping[str, float],
    against: Sequence[str],
    columns: Callable[[Timed], list[str]],
) -> list[list[str]]:
    """Give the lines of a table of steps: name, seconds, loss, and how many times as fast as each peer."""
    return [
        [
            name,
            f"{timed.median:.2f}",
            f"{losses[name]:.5f}",
            *(ratio(found, peer, name) for peer in against),
            *columns(timed),
        ]
        for name, timed in found.items()
    ]
