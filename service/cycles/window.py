"""How far back a snapshot reads: what the data set would drop for its age need not be read."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from service.settings import Settings
from training.datasets.config import DatasetConfig
from training.pipeline.configured import configured
from training.pipeline.job import BadJob

Options = Mapping[str, Mapping[str, Any]]


def stage_options(settings: Settings) -> Options:
    """Read the options of a cycle's stages; the settings of new voters hold where the file has none.

    Args:
        settings: Name the file, and say how new voters are treated.

    Returns:
        By stage and name.

    Raises:
        BadJob: The file cannot be read, or is not TOML.
    """
    options: dict[str, Any] = {}
    try:
        if settings.train_options is not None:
            options = tomllib.loads(settings.train_options.read_text("utf-8"))
    except OSError as error:
        raise BadJob(f"{settings.train_options} cannot be read: {error.strerror}") from error
    except ValueError as error:  # of TOML, or of UTF-8
        raise BadJob(f"{settings.train_options} is not TOML: {error}") from error
    if settings.quarantine_hours:
        known = options.get("dataset", {})
        new = {
            "quarantine_days": settings.quarantine_hours / 24,
            "quarantine_agreements": settings.quarantine_agreements,
        }
        options["dataset"] = new | known if isinstance(known, dict) else known
    return options


def dataset_config(settings: Settings) -> DatasetConfig:
    """Give the settings of the data set as a cycle will have them.

    Args:
        settings: Name the options, and how new voters are treated.

    Returns:
        The settings.

    Raises:
        BadJob: The options cannot be read, or make no sense.
    """
    return configured(DatasetConfig, stage_options(settings).get("dataset", {}), "dataset")
