"""Cycles of learning: their rows in Redis, and the processes that do them."""
