"""The policies of a job: the base that is trained, and the champion it is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.embed import load_embedder
from training.pipeline.configured import configured
from training.pipeline.job import BadJob, Job
from training.pipeline.memory import RememberingEmbedder
from training.policy.base import Answer, Policy, Prompt
from training.policy.extractive import ExtractivePolicy, Prior, load_residual
from training.policy.extractive.weights import base_name
from training.registry.registry import Registry
from training.registry.versions import BASES, Version

if TYPE_CHECKING:
    from training.updates.trainable import Trainable


LORA = ("rank", "alpha", "dropout", "modules")


@dataclass(frozen=True)
class Contest:
    """Who learns and who holds the title."""

    candidate: Trainable
    policy: Policy  # the candidate as it answers; shares its weights
    champion: Policy
    champion_name: str
    encoder: RememberingEmbedder
    base: str  # name of the base model, as the card has it

    def judged(self, adapter: Path) -> Policy:
        """Give the candidate with the weights that lie on disk: what is judged is what will serve."""
        from safetensors.torch import load_file

        if isinstance(self.policy, ExtractivePolicy):
            stored = load_residual(adapter).tensors()
            for name, weights in self.policy.residual.tensors().items():
                weights[:] = stored[name]
        else:
            from peft import set_peft_model_state_dict

            set_peft_model_state_dict(self.candidate.module, load_file(adapter / "adapter_model.safetensors"))
        return self.policy

    def distance(self, prompt: Prompt, answer: Answer) -> float:
        """Give the nats by which the candidate's answer is likelier under it than under its base: one draw of the
        divergence.
        """
        import torch

        group = self.candidate.prepare(prompt, [answer])
        with torch.no_grad():
            ours, mask = self.candidate.logprobs(group)
            base, _ = self.candidate.reference_logprobs(group)
        return float(((ours - base) * mask).sum())

    def distance_from_champion(self, prompt: Prompt, answer: Answer) -> float:
        """Give the nats by which the candidate's answer is likelier under it than under the champion."""
        import torch

        group = self.candidate.prepare(prompt, [answer])
        with torch.no_grad():
            ours, mask = self.candidate.logprobs(group)
            theirs = self.champion.logprobs([prompt], [group.answers[0]])
        return float((ours * mask).sum()) - float(theirs.sum())

    def close(self) -> None:
        """Release the models."""
        self.policy.close()
        self.champion.close()


def open_contest(job: Job, options: dict[str, Any], device: str) -> Contest:
    """Load the base as a policy to train, and the champion beside it.

    Args:
        job: Which policy, base and registry.
        options: Settings of the update; those in `LORA` shape the adapter of a causal model.
        device: Where a causal model runs.

    Returns:
        Both, with one encoder between them.

    Raises:
        BadJob: The champion belongs to another kind of policy or another base.
    """
    encoder = RememberingEmbedder(load_embedder(job.encoder, cache_dir=job.cache))
    champion = _champion(job)
    base = base_name(job.encoder, job.start) if job.policy == "extractive" else job.model
    if champion is not None and (champion.kind != job.policy or champion.card.base != base):
        raise BadJob(
            f"the champion {champion.name} is a {champion.kind} policy on {champion.card.base}, and this job trains "
            f"{job.policy} on {base}: use another registry, or roll back"
        )
    make = _extractive if job.policy == "extractive" else _causal
    return make(job, encoder, champion, base, options, device)


def _champion(job: Job) -> Version | None:
    """Give what serves the job's scope now: its own champion, else the shared one; None while the base serves."""
    for root in (job.registry, job.shared):
        serving = Registry(root, kind=job.policy).champion().version if root else None
        if serving is not None and serving.path is not None:
            return serving
    return None


def _extractive(
    job: Job, encoder: RememberingEmbedder, champion: Version | None, base: str, options: dict[str, Any], device: str
) -> Contest:
    from training.updates.extractive import ExtractiveTrainable

    prior = Prior.for_encoder(job.encoder, job.start)
    policy = ExtractivePolicy(encoder, version="candidate", prior=prior)
    learned = load_residual(champion.adapter) if champion and champion.adapter else None
    name = champion.name if champion else BASES["extractive"]
    holder = ExtractivePolicy(encoder, version=name, residual=learned, prior=prior)
    return Contest(ExtractiveTrainable(policy), policy, holder, name, encoder, base)


def _causal(
    job: Job, encoder: RememberingEmbedder, champion: Version | None, base: str, options: dict[str, Any], device: str
) -> Contest:
    from training.policy.causal import CausalLMPolicy
    from training.scoring.reference import ReferenceCache
    from training.updates.causal import CausalTrainable, LoraSettings
    from training.updates.config import UpdateConfig

    config = UpdateConfig.for_policy(
        "causal", **{"seed": job.seed, **{n: v for n, v in options.items() if n not in LORA}}
    )
    lora = configured(LoraSettings, {name: value for name, value in options.items() if name in LORA}, "update")
    policy = CausalLMPolicy.load(job.model, version="candidate", device=device)
    adapter: Path | None = champion.adapter if champion else None
    name = champion.name if champion else BASES["causal"]
    holder = CausalLMPolicy.load(job.model, adapter=adapter, version=name, device=device)
    cache = ReferenceCache(job.cache / "reference") if job.cache else None
    trainable = CausalTrainable.from_config(policy, config, lora, cache=cache)
    return Contest(trainable, policy, holder, name, encoder, base)
