"""Who judges: what is known of each voter, and whose judgements an operator keeps out of training."""
