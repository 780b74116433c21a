"""Log-probabilities of answers under a causal LM: the long prompt is computed once for its K answers.

`score.py` is what the trainers call; `reference.py` keeps what the base model said; `rollout.py` draws fresh answers.
Importing the package is light; its modules load torch.
"""
