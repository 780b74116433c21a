"""Figures with intervals. numpy alone: no models, no records.

estimate     a figure and its interval
bootstrap    means, paired differences, win rates, anything; clustered
rates        score interval of a plain rate
calibration  AUC, Brier score, calibration error, temperature
slope        one figure over another
"""

from training.statistics.bootstrap import bootstrap, mean_estimate, paired_difference, win_rate, wins
from training.statistics.calibration import auc, brier, ece, fit_temperature
from training.statistics.estimate import Estimate, unknown
from training.statistics.rates import rate
from training.statistics.slope import slope

__all__ = [
    "Estimate",
    "auc",
    "bootstrap",
    "brier",
    "ece",
    "fit_temperature",
    "mean_estimate",
    "paired_difference",
    "rate",
    "slope",
    "unknown",
    "win_rate",
    "wins",
]
