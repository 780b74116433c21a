"""A causal language model as the policy. Importing this package loads torch; the model comes with
`CausalLMPolicy.load`.
"""

from training.policy.causal.policy import CausalLMPolicy

__all__ = ["CausalLMPolicy"]
