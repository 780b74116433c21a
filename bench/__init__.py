"""Benchmarks: each prints one markdown table, kept under `bench/results/` with `--save`. None asserts on time."""
