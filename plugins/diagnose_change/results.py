"""Changes of lesions as segments, findings and a table."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from viewer.api import (
    Column,
    Finding,
    Grid,
    LesionChange,
    Measurement,
    MeasurementTable,
    Segment,
    Segmentation,
    Volume,
    measure_lesions,
    statement,
)

PRIOR = ("99TOMOLENS", "prior-volume", "Volume in the prior study")
DIFFERENCE = ("99TOMOLENS", "volume-difference", "Difference of volume")
COLORS = {  # colours that the colour-blind tell apart (Okabe, Ito)
    "new": (213, 94, 0), "enlarged": (230, 159, 0), "stable": (160, 160, 160), "shrunk": (86, 180, 233),
    "vanished": (0, 114, 178), "merged": (204, 121, 167), "split": (0, 158, 115),
}  # fmt: skip
CODES = {kind: f"{kind}-{'lesions' if kind == 'merged' else 'lesion'}" for kind in COLORS}
NOTES = (
    "Volumes are of voxels of the current image's grid; the prior's lesions were laid over it.",
    "Lesions that met became one row: merged, or split where one fell apart.",
)


def change_segments(
    changes: tuple[LesionChange, ...], before: NDArray[np.uint16], now: NDArray[np.uint16], image: Volume
) -> Segmentation:
    """A segment for each change: where the lesion is, and where it was for what vanished. before, now: [k, j, i]."""
    numbers = [np.zeros(int(labels.max()) + 1, np.uint16) for labels in (before, now)]
    for number, change in enumerate(changes, 1):
        numbers[1][list(change.current)] = number
        if not change.current:
            numbers[0][list(change.prior)] = number
    labels = np.where(now > 0, numbers[1][now], numbers[0][before]).astype(np.uint16)
    segments = tuple(
        Segment(number, f"Lesion {number}, {change.kind}", COLORS[change.kind], statement(CODES[change.kind]).code)
        for number, change in enumerate(changes, 1)
    )
    return Segmentation(labels, image.grid, segments, source=image.source)


def change_findings(
    changes: tuple[LesionChange, ...], found: Segmentation, grid: Grid, tell: Callable[[float], None]
) -> tuple[Finding, ...]:
    """In the order of the changes; the volume of what vanished is 0 now, its diameter that of the prior."""
    measured = measure_lesions(found.array, grid, tell)
    findings = []
    for number, change in enumerate(changes, 1):
        lesion = measured.get(number)
        if lesion is None:  # all of its voxels lie in another lesion now
            continue
        volume, diameter = lesion.measurements
        findings.append(
            Finding(
                statement(CODES[change.kind]),
                point=lesion.place,
                segment=lesion.region("changes", (0, number)),
                measurements=(
                    Measurement(volume.name, change.current_volume / 1000, "ml"),
                    Measurement(PRIOR, change.prior_volume / 1000, "ml"),
                    Measurement(DIFFERENCE, change.difference / 1000, "ml"),
                    diameter,
                ),
                tracking_id=f"Lesion {number}",
            )
        )
    return tuple(findings)


def change_table(changes: tuple[LesionChange, ...]) -> MeasurementTable:
    """Every change, then all lesions together."""
    prior, current = (tuple(value / 1000 for value in one) for one in _volumes(changes))
    sums = (sum(prior), sum(current))
    rows = (*(f"Lesion {number}, {one.kind}" for number, one in enumerate(changes, 1)), "All lesions")
    before, now = (*prior, sums[0]), (*current, sums[1])
    percent = tuple(100 * (b - a) / a if a else None for a, b in zip(before, now, strict=True))
    difference = tuple(b - a for a, b in zip(before, now, strict=True))
    columns = (
        Column("Prior", "ml", before),
        Column("Current", "ml", now),
        Column("Difference", "ml", difference),
        Column("Change", "%", percent),
    )
    return MeasurementTable("Lesion", rows, columns, NOTES)


def _volumes(changes: tuple[LesionChange, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return tuple(one.prior_volume for one in changes), tuple(one.current_volume for one in changes)
