"""The curves of a cycle's training, from its folder, as far as this machine sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, Field

from service.cycles.cycle import Cycle
from training.pipeline.series import Series, read_series


class SeriesOut(BaseModel):
    """One curve."""

    name: str = Field(description="Such as `loss`, `held_out_loss`, `kl` or `judge-1 loss`.")
    step: str = Field(description="The step of the cycle.")
    unit: str = Field(description="Of y; empty where it has none.")
    x: str = Field(description="What x counts: step, prompt or judgement.")
    points: list[tuple[float, float]] = Field(description="At most 1,000, in order of x.")

    @classmethod
    def of(cls, series: Series) -> Self:
        """Show a curve."""
        return cls(name=series.name, step=series.step, unit=series.unit, x=series.x, points=list(series.points))


class SeriesList(BaseModel):
    """The curves of a cycle."""

    object: Literal["list"] = "list"
    data: list[SeriesOut]


def curves_of(cycle: Cycle) -> SeriesList:
    """Read the curves of a cycle, also while it runs. Blocking.

    Args:
        cycle: Whose.

    Returns:
        Its curves; none before it has any, or where its folder is somewhere else or gone.
    """
    found = read_series(Path(cycle.directory)) if cycle.directory else []
    return SeriesList(data=[SeriesOut.of(one) for one in found])
