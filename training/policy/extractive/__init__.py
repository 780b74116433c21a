"""The embedded policy, which answers in the documents' own words. Importing it loads no model library."""

from training.policy.extractive.policy import ExtractivePolicy
from training.policy.extractive.weights import Prior, Residual, adapter_files, load_residual

__all__ = ["ExtractivePolicy", "Prior", "Residual", "adapter_files", "load_residual"]
