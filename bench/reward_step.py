"""One step of a reward model (two pairs with long prompts, LoRA and a score head) against TRL's, loss and gradient the
same.

python -m bench.reward_step --peer-python ~/trl/bin/python
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench import stepping
from bench.report import report

PAIRS = 2


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
    against = [name for name in steps if name.startswith("TRL")]
    rows = stepping.rows_of(found, losses, against, columns)
    report(
        "reward_step",
        "One step of a reward model: the prompt computed once for its two answers",
        ["step", "seconds", "loss", *(f"times as fast as {peer}" for peer in against), *header],
        rows,
        data=f"{PAIRS} pairs of random tokens, prompts of {options.prompt}, answers of {options.answer}",
        notes=[
            f"Model: {stepping.described(model)}; LoRA r=8 on all linear layers and a score head, float32, no gradient "
            "checkpointing.",
            "A step is loss and backward pass. Processor seconds of one thread, median of "
            f"{options.rounds} rounds in turns, ratios with their range over the rounds.",
            f"Losses differ by at most {spread:.1e}, gradients by {apart:.1e} of their norm.",
            *stepping.peer_note("RewardTrainer.compute_loss"),
        ],
        save=options.save,
    )


def prepare(options: Any, folder: Path) -> tuple[Any, dict[str, Any]]:
    """Make the model and the steps that it takes."""
    import torch
    from peft import get_peft_model

    from training.losses import bradley_terry
    from training.scoring.concatenation import batch, batch_states
    from training.scoring.score import answer_hidden, last_states

    tokenizer = stepping.small_tokenizer(folder / "tokenizer")
    prompts = stepping.texts(PAIRS, options.prompt, seed=1)
    answers = stepping.texts(2 * PAIRS, options.answer - 1, seed=2)  # and the end token
    chosen, rejected = answers[:PAIRS], answers[PAIRS:]
    end = tokenizer.eos_token_id
    groups = [
        (tokenizer(p)["input_ids"], [[*tokenizer(c)["input_ids"], end], [*tokenizer(r)["input_ids"], end]])
        for p, c, r in zip(prompts, chosen, rejected, strict=True)
    ]
    steps: dict[str, Any] = {}
    base = stepping.small_model(options.hidden, headed=False)
    if options.peer_python:
        data = [
            {"prompt": p, "chosen": f" {c}", "rejected": f" {r}"}
            for p, c, r in zip(prompts, chosen, rejected, strict=True)
        ]
        model, steps = peer(base, tokenizer, data, folder, groups)
    else:
        model = get_peft_model(base, stepping.lora("SEQ_CLS"))
        stepping.move_adapter(model)
    model.train()
    head = model.get_base_model().score

    def repeated(prompt: list[int], pair: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        rows = batch([prompt] * len(pair), pair, base.device)
        return batch_states(base.get_decoder(), rows, before=False), rows.mask

    def ours(states: Any) -> float:
        model.zero_grad()
        total = 0.0
        for prompt, pair in groups:
            rewards = head(last_states(*states(prompt, pair))).squeeze(-1)  # (2,)
            target = torch.ones(1, device=rewards.device)
            loss = bradley_terry(rewards[:1], rewards[1:], target) / PAIRS
            loss.backward()
            total += loss.item()
        return total

    steps["Groundloop, prompt repeated"] = partial(ours, repeated)
    steps["Groundloop"] = partial(ours, partial(answer_hidden, model))
    return model, steps


def peer(
    base: Any, tokenizer: Any, data: list[dict[str, str]], folder: Path, groups: list[tuple[list[int], list[list[int]]]]
) -> tuple[Any, dict[str, Any]]:
    """Make TRL's trainer around the model, and its step."""
    import torch
    from datasets import Dataset
    from trl import RewardConfig, RewardTrainer

    settings = RewardConfig(
        output_dir=str(folder / "trl"),
        per_device_train_batch_size=PAIRS,
        max_length=None,
        bf16=torch.cuda.is_available(),
        gradient_checkpointing=False,
        report_to=[],
        use_cpu=not torch.cuda.is_available(),
        disable_tqdm=True,
    )
    trainer = RewardTrainer(
        base,
        args=settings,
        train_dataset=Dataset.from_list(data),
        processing_class=tokenizer,
        peft_config=stepping.lora("SEQ_CLS"),
    )
    model = trainer.model
    stepping.move_adapter(model)
    batch = next(iter(trainer.get_train_dataloader()))
    expected = sorted([*prompt, *answer] for prompt, pair in groups for answer in pair)
    assert sorted(batch["input_ids"].tolist()) == expected

    def step() -> float:
        model.zero_grad()
        loss = trainer.compute_loss(model, dict(batch))
        loss.backward()
        return float(loss.item())

    return model, {"TRL": step}


if __name__ == "__main__":
    main()
