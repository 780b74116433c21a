"""Benchmarks: each prints one markdown table, and keeps it under `bench/results/` with `--save`. None asserts on time."""
