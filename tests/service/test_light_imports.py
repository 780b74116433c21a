"""Celery's parent process and the command line never import what is heavy: the pool forks, and `--help` is quick."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "faiss", "transformers", "sentence_transformers", "tantivy", "openvino")
BLOCKER = f"""
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {HEAVY!r}:
            raise AssertionError(name + " was imported")
sys.meta_path.insert(0, Blocked())
"""


@pytest.mark.parametrize(
    "module",
    [
        "service.jobs.celery_app",
        "service.jobs.tasks",
        "service.jobs.drain",
        "service.jobs.enqueue",
        "service.jobs.worker",
        "service.jobs.ingest_process",
        "service.cycles.process",
        "service.cycles.child",
        "service.cycles.schedule",
        "service.jobs.reaping",
        "service.watch.run",
        "training.registry.registry",
        "service.up.run",
        "service.doctor",
        "service.cli",
        "service.cli.train",
        "service.cli.versions",
        "service.cli.evaluate",
    ],
)
def test_imports_nothing_heavy(module: str) -> None:
    result = subprocess.run([sys.executable, "-c", f"{BLOCKER}\nimport {module}"], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_building_the_celery_app_imports_nothing_heavy() -> None:
    build = (
        "from service.jobs.celery_app import create_celery\n"
        "from service.settings import load_settings\n"
        "app = create_celery(load_settings(redis_url='redis://127.0.0.1:1/0'))\n"
        "assert {'ingest.drain', 'ingest.sweep', 'train.cycle', 'train.check'} <= set(app.tasks)\n"
    )
    result = subprocess.run([sys.executable, "-c", BLOCKER + build], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_help_imports_only_the_command_line() -> None:
    script = (
        "import sys\nfrom typer.testing import CliRunner\nfrom service.cli import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "late = {'pydantic', 'httpx', 'celery', 'redis', 'numpy', 'fastapi', 'sqlite3'} & set(sys.modules)\n"
        "assert not late, late\n"
    )
    result = subprocess.run([sys.executable, "-c", BLOCKER + script], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
