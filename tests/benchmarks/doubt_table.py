"""How well a doubt is told: rank correlation, what its flags catch, and the calibration of the probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

POOR, GOOD = 0.5, 0.8  # Dice: below the one a structure has to be flagged, above the other it should not be
BINS = 15  # of probabilities
HEAD = (
    "| images | structures | Spearman | flagged under .5 | flagged over .8 | error | calibration error |\n"
    "|---|---|---|---|---|---|---|"
)


class Edge(NamedTuple):
    """Of voxels in the shell about edges, by BINS of their probability [BINS]: how many, Σ of it, how many are right.

    A probability is that a voxel is of the structure.
    """

    count: NDArray[np.float64]
    told: NDArray[np.float64]
    true: NDArray[np.float64]

    @classmethod
    def of(cls, probabilities: NDArray[np.floating], truth: NDArray[np.bool_]) -> Edge:
        """From what is told of each voxel, 0…1, and what holds."""
        bins = np.minimum(BINS * probabilities.ravel(), BINS - 1).astype(int)
        weights = None, probabilities.ravel(), truth.ravel()
        return cls(*(np.bincount(bins, one, BINS).astype(float) for one in weights))


class Row(NamedTuple):
    """Of one structure of one image. flags: how many it carries."""

    predicted: float
    true: float
    flags: int
    edge: Edge


def calibration_error(edges: Sequence[Edge]) -> float:
    """Expected calibration error: the mean difference of probability and frequency over bins, by their voxels."""
    count, told, true = (np.sum([edge[place] for edge in edges], axis=0) for place in range(3))
    return float(np.abs(told - true).sum() / max(count.sum(), 1))


def line(name: str, rows: Sequence[Row]) -> str:
    """A row of the table."""
    told, true, flags = (np.array([row[place] for row in rows]) for place in range(3))
    sides = true < POOR, true > GOOD
    caught = [f"{np.mean(flags[side] > 0):.0%} of {side.sum()}" if side.any() else "–" for side in sides]
    figures = f"{spearmanr(told, true)[0]:.2f}", *caught, f"{np.abs(told - true).mean():.3f}"
    return f"| {' | '.join((name, str(len(rows)), *figures, f'{calibration_error([row.edge for row in rows]):.3f}'))} |"
