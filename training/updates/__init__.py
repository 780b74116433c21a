"""Policy updates: SFT, KTO, DPO and PPO, the same code for every trainable policy."""
