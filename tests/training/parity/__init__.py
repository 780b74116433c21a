"""Our losses beside TRL's own code on the same tensors. Skipped where that release of TRL is not installed.

Two releases, since 1.13 removed PPO: extras `parity` (TRL 1.16) and `parity-ppo` (TRL 1.12).
"""
