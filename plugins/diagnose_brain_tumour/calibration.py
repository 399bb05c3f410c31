"""From what the networks answer to probabilities that hold, with the interval that they hold within.

Everything is fitted on slices that the networks were not trained on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, logit, softmax

Floats = NDArray[np.float64]
GRID = np.linspace(0.3, 1, 29)  # probabilities of the likeliest type that intervals are kept for
NEIGHBOURS, DRAWS = 90, 200  # slices of a block around a probability; of the bootstrap, in each block
CLIP = 1e-4


@dataclass(frozen=True)
class Calibration:
    """How answers become probabilities.

    Attributes
    ----------
    temperature
        of the logits of the types (Guo et al., ICML 2017)
    slope, offset
        of the log odds of the finder's score (Platt 1999): that the box lies on a tumour
    low, high
        [29]: of slices whose likeliest type has a probability of GRID, the share in which it is right lies between
        them in 90 of 100 groups of slices
    """

    temperature: float
    slope: float
    offset: float
    low: Floats
    high: Floats

    def types(self, logits: Floats) -> Floats:
        """Probabilities [..., 3] of the types, given that it is one of them."""
        return np.asarray(softmax(logits / self.temperature, -1))

    def presence(self, score: Floats) -> Floats:
        """Probability that what was found is a tumour."""
        return np.asarray(expit(self.slope * logit(np.clip(score, CLIP, 1 - CLIP)) + self.offset))

    def interval(self, probability: float) -> tuple[float, float]:
        """Of the probability of the likeliest type."""
        low, high = (float(np.interp(probability, GRID, bound)) for bound in (self.low, self.high))
        return min(low, probability), max(high, probability)


def fit_temperature(logits: Floats, types: NDArray[np.int64], weights: Floats) -> float:
    """The temperature with the smallest weighted log loss."""

    def log_loss(log_temperature: Floats) -> float:
        logs = log_softmax(logits / np.exp(log_temperature[0]), 1)
        return -float((weights * logs[np.arange(len(types)), types]).sum() / weights.sum())

    return float(np.exp(minimize(log_loss, [0.0], method="Nelder-Mead").x[0]))


def fit_presence(score: Floats, right: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and offset of the log odds."""
    odds = logit(np.clip(score, CLIP, 1 - CLIP))

    def log_loss(values: Floats) -> float:
        margin = (values[0] * odds + values[1]) * np.where(right, 1, -1)
        return float(np.logaddexp(0, -margin).mean())

    slope, offset = minimize(log_loss, [1.0, 0.0], method="Nelder-Mead").x
    return float(slope), float(offset)


def fit_interval(
    probability: Floats, right: NDArray[np.bool_], runs: NDArray[np.int64], blocks: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """The 5th and 95th percentile, on GRID, of the share that is right among slices of about such a probability.

    A bootstrap in two steps: a block of patients, as another hospital would bring it, then in it runs of consecutive
    numbers (about a patient each); never slices.
    """
    rng = np.random.default_rng(0)
    low, high = np.empty(len(GRID)), np.empty(len(GRID))
    for n, p in enumerate(GRID):
        shares = []
        for block in np.unique(blocks):
            rows = np.flatnonzero(blocks == block)
            near = rows[np.argsort(np.abs(probability[rows] - p), kind="stable")[:NEIGHBOURS]]
            names, group = np.unique(runs[near], return_inverse=True)
            hits, sizes = np.bincount(group, right[near]), np.bincount(group)
            drawn = rng.integers(len(names), size=(DRAWS, len(names)))
            shares.append(hits[drawn].sum(1) / sizes[drawn].sum(1))
        low[n], high[n] = np.percentile(np.concatenate(shares), (5, 95))
    return low, high


def expected_calibration_error(probability: Floats, right: NDArray[np.bool_], bins: int = 10) -> float:
    """Of the likeliest type, in bins of equal width (Naeini et al., AAAI 2015)."""
    which = np.minimum((probability * bins).astype(int), bins - 1)
    gaps = [abs(float((right[which == n] - probability[which == n]).sum())) for n in range(bins)]
    return sum(gaps) / len(probability)
