"""What the command line and the worker's parent import must not bring a model library along."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "module",
    ["training.policy.base", "training.citations", "training.policy.extractive", "training.policy.remote"],
)
def test_importing_loads_no_model_library(module: str) -> None:
    code = f"import sys, {module}; print(sorted({{'torch', 'transformers', 'peft', 'faiss'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
