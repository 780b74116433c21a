"""From records to weighted examples: what may be learned from, how much each counts, what is kept apart."""
