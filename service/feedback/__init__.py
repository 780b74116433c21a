"""The record of what was answered and how people judged it, kept in Redis."""
