"""One DPO step (two pairs with long prompts, LoRA) against TRL's, loss and gradient the same.

TRL repeats the prompt for the chosen and the rejected answer; here it is computed once. Run it with TRL:

python -m bench.dpo_step --peer-python ~/trl/bin/python
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from bench import stepping
from bench.report import report

if TYPE_CHECKING:
    from torch import Tensor

BETA = 0.1
PAIRS = 2
Ids = list[int]
Score = Callable[[Ids, list[Ids]], "Tensor"]


def main() -> None:
    """Measure the step of each system."""
    options = stepping.options(__doc__ or "")
    with TemporaryDirectory() as folder:
        model, steps = prepare(options, Path(folder))
        apart = stepping.same_gradient(model, list(steps.values()))
        found = stepping.take_turns(steps, options.rounds, warm=True)
    losses = {name: timed.results[0] for name, timed in found.items()}
    spread = max(losses.values()) - min(losses.values())
    tokens = PAIRS * (options.prompt + 2 * options.answer)
    header, columns = stepping.gpu_columns(tokens, stepping.needed_flops(model, tokens, passes=2))
    assert spread < 1e-4 or header, losses
    alone = found["Groundloop, prompt repeated, reference kept"].median / found["Groundloop, reference kept"].median
    against = [name for name in steps if name.startswith("TRL")]
    rows = stepping.rows_of(found, losses, against, columns)
    report(
        "dpo_step",
        "One DPO step: the prompt computed once for its two answers",
        ["step", "seconds", "loss", *(f"times as fast as {peer}" for peer in against), *header],
        rows,
        data=f"{PAIRS} pairs of random tokens, prompts of {options.prompt}, answers of {options.answer}",
        notes=[
            f"Model: {stepping.described(model)}; LoRA r=8 on all linear layers, float32, no gradient checkpointing.",
            "A step is loss and backward pass. Processor seconds of one thread, median of "
            f"{options.rounds} rounds in turns, ratios with their range over the rounds.",
            f"Losses differ by at most {spread:.1e}, gradients by {apart:.1e} of their norm.",
            f"Sharing the prompt alone makes the step {alone:.2f} times as fast, against the same code with the prompt "
            "repeated. The rest of the distance to TRL was not taken apart; one known difference is that off a GPU TRL "
            "passes every position through the LM head, and we only the answers'.",
            *stepping.peer_note("DPOTrainer.compute_loss"),
        ],
        save=options.save,
    )


def prepare(options: Any, folder: Path) -> tuple[Any, dict[str, Any]]:
    """Make the model and the steps that it takes."""
    import torch
    from peft import get_peft_model

    from training.losses import dpo
    from training.scoring.concatenation import batch_logprobs
    from training.scoring.reference import ReferenceCache, reference_key, weights_digest
    from training.scoring.score import answer_logprobs

    tokenizer = stepping.small_tokenizer(folder / "tokenizer")
    prompts = stepping.texts(PAIRS, options.prompt, seed=1)
    answers = stepping.texts(2 * PAIRS, options.answer - 1, seed=2)  # and the end token
    chosen, rejected = answers[:PAIRS], answers[PAIRS:]
    steps: dict[str, Any] = {}
    base = stepping.small_model(options.hidden)
    if options.peer_python:
        data = [
            {"prompt": p, "chosen": f" {c}", "rejected": f" {r}"}
            for p, c, r in zip(prompts, chosen, rejected, strict=True)
        ]
        model, steps = peer(base, tokenizer, data, folder)
    else:
        model = get_peft_model(base, stepping.lora())
        stepping.move_adapter(model)
    model.train()
    end = tokenizer.eos_token_id
    groups = [
        (tokenizer(p)["input_ids"], [[*tokenizer(c)["input_ids"], end], [*tokenizer(r)["input_ids"], end]])
        for p, c, r in zip(prompts, chosen, rejected, strict=True)
    ]
    cache = ReferenceCache(folder / "reference")
    digest = weights_digest(model)
    dtype = str(base.dtype)
    keys = [reference_key(digest, prompt, pair, temperature=1.0, dtype=dtype) for prompt, pair in groups]

    def reference(prompt: Ids, pair: list[Ids]) -> Tensor:
        with torch.no_grad(), model.disable_adapter():
            return answer_logprobs(model, prompt, pair)[0]

    def ours(score: Score, *, kept: bool) -> float:
        model.zero_grad()
        total = 0.0
        for key, (prompt, pair) in zip(keys, groups, strict=True):
            ref = cache.get_or_compute(key, partial(reference, prompt, pair)) if kept else reference(prompt, pair)
            sums = score(prompt, pair).sum(-1)  # (2,)
            refs = ref.to(sums.device).sum(-1)
            loss = dpo(sums[:1], sums[1:], refs[:1], refs[1:], beta=BETA) / PAIRS
            loss.backward()
            total += loss.item()
        return total

    def repeated(prompt: Ids, pair: list[Ids]) -> Tensor:
        return batch_logprobs(model, [prompt] * len(pair), pair)

    def shared(prompt: Ids, pair: list[Ids]) -> Tensor:
        return answer_logprobs(model, prompt, pair)[0]

    steps["Groundloop, prompt repeated, reference kept"] = partial(ours, repeated, kept=True)
    steps["Groundloop, reference computed"] = partial(ours, shared, kept=False)
    steps["Groundloop, reference kept"] = partial(ours, shared, kept=True)
    return model, steps


def peer(base: Any, tokenizer: Any, data: list[dict[str, str]], folder: Path) -> tuple[Any, dict[str, Any]]:
    """Make TRL's trainer around the model, and its two steps."""
    import torch
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    settings = DPOConfig(
        output_dir=str(folder / "trl"),
        per_device_train_batch_size=PAIRS,
        max_length=None,
        bf16=torch.cuda.is_available(),
        gradient_checkpointing=False,
        beta=BETA,
        report_to=[],
        use_cpu=not torch.cuda.is_available(),
        disable_tqdm=True,
    )
    trainer = DPOTrainer(
        base,
        args=settings,
        train_dataset=Dataset.from_list(data),
        processing_class=tokenizer,
        peft_config=stepping.lora(),
    )
    model = trainer.model
    stepping.move_adapter(model)
    batch = next(iter(trainer.get_train_dataloader()))
    assert batch["input_ids"].shape[0] == 2 * PAIRS, batch["input_ids"].shape
    ref_chosen, ref_rejected = trainer.compute_ref_log_probs(model, batch)
    kept = {**batch, "ref_chosen_logps": ref_chosen, "ref_rejected_logps": ref_rejected}

    def step(inputs: dict[str, Any], precomputed: bool) -> float:
        model.zero_grad()
        trainer.precompute_ref_logps = precomputed  # what `precompute_ref_log_probs=True` sets
        loss = trainer.compute_loss(model, dict(inputs))
        loss.backward()
        return float(loss.item())

    return model, {
        "TRL": lambda: step(batch, precomputed=False),
        "TRL, reference kept": lambda: step(kept, precomputed=True),
    }


if __name__ == "__main__":
    main()
