"""Reading and building need no model library: the service may do both."""

from __future__ import annotations

import subprocess
import sys

MODULES = ", ".join(
    f"training.{name}"
    for name in ("records.read", "records.trl", "datasets.build", "datasets.splits", "datasets.synthetic")
)


def test_importing_loads_no_model_library() -> None:
    code = f"import sys, {MODULES}; print(sorted({{'torch', 'transformers', 'sklearn', 'faiss'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
