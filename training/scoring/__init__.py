"""Log-probabilities of several answers to one long prompt, the prompt computed once."""
