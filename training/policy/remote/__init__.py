"""A model behind an OpenAI-compatible server as the policy. Importing it loads no model library."""

from training.policy.remote.calls import Patience
from training.policy.remote.policy import RemotePolicy

__all__ = ["Patience", "RemotePolicy"]
