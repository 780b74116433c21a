"""One PPO step for one long prompt (draw four answers, score them under reward, reference and critic, four epochs of
updates) against the last TRL that had PPO, 1.12.

TRL repeats the prompt for each answer in every one of these passes; here it is computed once in each. Run it with TRL:

python -m bench.ppo_step --peer-python ~/trl/bin/python --peer-path ~/trl-1.12
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from bench import stepping
from bench.report import report

if TYPE_CHECKING:
    from torch import Tensor

ANSWERS = 4
EPOCHS = 4  # TRL's default, and so are the next three
KL_COEFFICIENT = 0.05
VALUE_COEFFICIENT = 0.1
LEARNING_RATE = 3e-6


@dataclass
class Models:
    """What a PPO step needs; the adapter of the policy and all of the critic are trained."""

    policy: Any
    critic: Any
    reward: Any


def main() -> None:
    """Measure the step of each system."""
    options = stepping.options(__doc__ or "", rounds=3)
    prompt = [int(word[1:]) for word in stepping.texts(1, options.prompt, seed=1)[0].split()]
    steps: dict[str, Any] = {}
    notes = ["Without the peer."]
    with TemporaryDirectory() as folder:
        if options.peer_python:
            steps, notes = peer(options, prompt, Path(folder))
        steps["Groundloop, GAE with a critic"] = step(models(options.hidden), prompt, options.answer, critic=True)
        steps["Groundloop, leave-one-out"] = step(models(options.hidden), prompt, options.answer, critic=False)
        found = stepping.take_turns(steps, options.rounds)
    against = [name for name in steps if name.startswith("TRL")]
    tokens = options.prompt + ANSWERS * options.answer
    small = models(options.hidden).policy
    # Drawing, reference, reward and critic pass forward once; an epoch passes policy and critic forward and back.
    header, columns = stepping.gpu_columns(tokens, stepping.needed_flops(small, tokens, passes=4 + EPOCHS * (2 + 3)))
    report(
        "ppo_step",
        "One PPO step: four answers to one prompt, which is computed once a pass",
        ["step", "seconds", *(f"times as fast as {peer}" for peer in against), *header],
        [
            [name, f"{timed.median:.2f}", *(stepping.ratio(found, peer, name) for peer in against), *columns(timed)]
            for name, timed in found.items()
        ],
        data=f"a prompt of {options.prompt} random tokens, {ANSWERS} answers of {options.answer} at temperature 1",
        notes=[
            f"Models: {stepping.described(small)}, three of them (policy, critic, reward); LoRA r=8 on the policy's "
            "linear layers, the critic trained whole, float32, no gradient checkpointing.",
            f"A step is everything from the prompt to the last optimizer step: {EPOCHS} epochs. Processor seconds of "
            f"one thread, median of {options.rounds} rounds in turns, ratios with their range over the rounds.",
            "Leave-one-out takes the mean of the other answers' rewards as the baseline and has no critic to run.",
            *notes,
        ],
        save=options.save,
    )


def models(hidden: int) -> Models:
    """Make policy, critic and reward model, always the same."""
    from peft import get_peft_model

    policy = get_peft_model(stepping.small_model(hidden), stepping.lora())
    stepping.move_adapter(policy)
    critic, reward = (stepping.small_model(hidden, headed=False, seed=seed) for seed in (1, 2))
    return Models(policy, critic, reward.requires_grad_(False).eval())


def judged(these: Models, prompt: Sequence[int], answers: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor, Tensor]:
    """Give reference log-probabilities `(K, T)`, scores `(K,)` and values `(K, T)`."""
    import torch

    from training.scoring.score import answer_hidden, answer_logprobs, last_states

    with torch.no_grad():
        with these.policy.disable_adapter():
            reference, _ = answer_logprobs(these.policy, prompt, answers)
        scores = these.reward.score(last_states(*answer_hidden(these.reward, prompt, answers)))[:, 0].float()
        return reference, scores, values(these.critic, prompt, answers)


def values(critic: Any, prompt: Sequence[int], answers: Sequence[Sequence[int]]) -> Tensor:
    """Give the critic's value before each token, `(K, T)`."""
    from training.scoring.score import answer_hidden

    found: Tensor = critic.score(answer_hidden(critic, prompt, answers, before=True)[0]).squeeze(-1).float()
    return found


def step(these: Models, prompt: list[int], length: int, *, critic: bool) -> Any:
    """Make a step of ours."""
    import torch

    from training.losses import gae, leave_one_out, ppo_clip, value_clip_loss, whiten
    from training.policy.base import Sampling
    from training.scoring.rollout import draw
    from training.scoring.score import answer_hidden, answer_logprobs, last_states

    trained = [*these.policy.parameters(), *(these.critic.parameters() if critic else ())]
    optimizer = torch.optim.AdamW([p for p in trained if p.requires_grad], lr=LEARNING_RATE)
    these.policy.train()
    seeds = iter(range(1_000_000))

    def run() -> float:
        sampling = Sampling(temperature=1.0, max_tokens=length)
        drawn = draw(these.policy, prompt, ANSWERS, sampling, end_ids=(), seed=next(seeds))
        answers = [each.tokens for each in drawn]
        old = torch.tensor([each.logprobs for each in drawn], device=these.policy.device)
        mask = torch.ones_like(old, dtype=torch.bool)
        if critic:
            reference, scores, before = judged(these, prompt, answers)
            rewards = -KL_COEFFICIENT * (old - reference)
            rewards[:, -1] += scores
            advantages, returns = gae(before, rewards, mask)
            advantages = whiten(advantages, mask)
        else:
            with torch.no_grad():
                with these.policy.disable_adapter():
                    reference, _ = answer_logprobs(these.policy, prompt, answers)
                states = last_states(*answer_hidden(these.reward, prompt, answers))
                scores = these.reward.score(states)[:, 0].float()
            advantages = leave_one_out((scores - KL_COEFFICIENT * (old - reference).sum(-1))[None])[0]
        for _ in range(EPOCHS):
            loss = ppo_clip(answer_logprobs(these.policy, prompt, answers)[0], old, advantages, mask)
            if critic:
                now = values(these.critic, prompt, answers)
                loss = loss + VALUE_COEFFICIENT * value_clip_loss(now, before, returns, mask)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        return float(loss.detach())

    return run


def peer(options: Any, prompt: list[int], folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Make TRL's trainer and its step, and check that it computes what ours does."""
    import torch
    import trl
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl.experimental.ppo import PPOConfig, PPOTrainer

    these = models(options.hidden)
    settings = PPOConfig(
        output_dir=str(folder / "trl"),
        per_device_train_batch_size=ANSWERS,
        total_episodes=ANSWERS,
        num_ppo_epochs=EPOCHS,
        response_length=options.answer,
        temperature=1.0,
        num_sample_generations=0,
        bf16=torch.cuda.is_available(),
        gradient_checkpointing=False,
        save_strategy="no",
        report_to=[],
        use_cpu=not torch.cuda.is_available(),
        disable_tqdm=True,
    )
    trainer = PPOTrainer(
        args=settings,
        processing_class=stepping.small_tokenizer(folder / "tokenizer"),
        model=these.policy,
        ref_model=None,
        reward_model=these.reward,
        value_model=these.critic,
        train_dataset=Dataset.from_list([{"input_ids": prompt}] * ANSWERS),
    )
    trainer.remove_callback(PrinterCallback)
    apart = compared(trainer, these, prompt, options.answer)
    version = trl.__version__
    notes = [
        f"TRL {version}: `PPOTrainer.train` for {ANSWERS} episodes; its settings but for `temperature`, `bf16=False` "
        "and `gradient_checkpointing=False`. On the same answers its log-probabilities, reference, values and scores "
        f"and ours differ by at most {apart:.1e}."
    ]

    def run() -> float:
        trainer.train()
        return 0.0

    return {f"TRL {version}": run}, notes


def compared(trainer: Any, these: Models, prompt: list[int], length: int) -> float:
    """Give how far what TRL computes for some answers is from what we do, at most."""
    import torch
    from trl.experimental.ppo.ppo_trainer import forward, get_reward, selective_log_softmax

    from training.scoring.score import answer_logprobs

    torch.manual_seed(5)
    responses = torch.randint(3, stepping.WORDS, (ANSWERS, length), device=these.policy.device)
    whole = torch.cat([torch.tensor(prompt, device=responses.device).expand(ANSWERS, -1), responses], 1)
    start = len(prompt)
    with torch.no_grad():
        output, value = forward(trainer.model, whole, 0)
        score = get_reward(these.reward, whole, 0, start)[1]
        with trainer.null_ref_context():
            base = forward(these.policy, whole, 0)
        theirs = [
            *(selective_log_softmax(each.logits[:, start - 1 : -1], responses) for each in (output, base)),
            score,
            value[:, start - 1 : -1].squeeze(-1),
        ]
        answers = responses.tolist()
        ours = [answer_logprobs(these.policy, prompt, answers)[0], *judged(these, prompt, answers)]
    return max(float((a.float() - b).abs().max()) for a, b in zip(theirs, ours, strict=True))


if __name__ == "__main__":
    main()
