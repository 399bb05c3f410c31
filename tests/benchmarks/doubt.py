"""Predicted against true Dice on phantoms made worse by noise, motion, 6 mm slices, a crop and a bias field.

`python tests/benchmarks/doubt.py` fits the calibration on one half of the heads and prints, for the other half, the
rank correlation, what flags catch, and the error of the prediction before and after calibration.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.fixtures.doubt_phantom import KINDS, degraded_cases, true_dice
from viewer.compute.labels.doubt import Calibration, with_doubts

HEADS = 12
Row = tuple[str, float, float, int, float, float]  # kind, predicted, true, flags, agreement, expected


def rows(seed: int) -> list[Row]:
    """One for every structure of every image of a head."""
    found = []
    for case in degraded_cases(seed):
        for segment in with_doubts(case.found, case.passes, case.doubt).segments:
            doubt = segment.doubt
            told = 0.0 if doubt.agreement is None else doubt.agreement, doubt.expected or 0.0
            found.append((case.kind, doubt.dice, true_dice(case, segment.label), len(doubt.flags), *told))
    return found


def main() -> None:
    """Print the tables."""
    fitted, tested = (
        [row for seed in seeds for row in rows(seed)] for seeds in (range(0, HEADS, 2), range(1, HEADS, 2))
    )
    scores, dices = ([row[place] for row in fitted if row[1] > 0] for place in (1, 2))
    calibration = Calibration.fitted(scores, dices)
    print(f"calibration, from {len(scores)} structures: {calibration}")
    print("| images | structures | Spearman | flagged under .5 | flagged over .8 | error | calibrated |")
    print("|---|---|---|---|---|---|---|")
    for kind in (*KINDS, "all"):
        of = [row for row in tested if kind in (row[0], "all")]
        told, true, flags = (np.array([row[place] for row in of]) for place in (1, 2, 3))
        low, high = true < 0.5, true > 0.8
        after = np.array([calibration(one) if one else 0.0 for one in told])
        caught = [f"{np.mean(flags[side] > 0):.0%} of {side.sum()}" if side.any() else "–" for side in (low, high)]
        errors = [f"{np.abs(one - true).mean():.3f}" for one in (told, after)]
        rank = f"{spearmanr(told, true)[0]:.2f}"
        print(f"| {kind} | {len(of)} | {rank} | {' | '.join((*caught, *errors))} |")
    for place, name in ((4, "agreement"), (5, "expected")):
        print(f"{name} alone: {spearmanr([row[place] for row in tested], [row[2] for row in tested])[0]:.2f}")


if __name__ == "__main__":
    main()
