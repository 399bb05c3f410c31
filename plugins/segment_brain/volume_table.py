"""How large the structures of a segmentation are, whoever drew them: ml, and how much the sides differ."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from viewer.api import Column, MeasurementTable, Segment, Segmentation

from .labels import BRAIN_NAME, STRUCTURES, Side
from .segments import find_segment, structure_segment

CHUNK = 16  # slices counted in one go
NOTES = (
    "Volumes are of the voxels of each segment on the image's own grid.",
    "Asymmetry is 100 · (L − R) / ((L + R) / 2), in percent: above 0 where the left is larger.",
    "Intracranial: all structures and the fluid around them, as far as the image shows it.",
)


def volume_table(found: Segmentation) -> MeasurementTable:
    """Of every structure that the segmentation has a segment of, of the brain, and of all structures together."""
    counts, ml = _counts(found), float(np.prod(found.grid.spacing)) / 1000

    def volume(segment: Segment | None) -> float | None:
        return None if segment is None else float(counts[segment.layer][segment.label]) * ml

    rows: list[tuple[str, float | None, float | None, float | None]] = []
    for structure in STRUCTURES:
        sides: Sequence[Side] = ("left", "right") if structure.paired else ("",)
        volumes = [volume(find_segment(found.segments, structure_segment(structure, side))) for side in sides]
        if all(one is None for one in volumes):
            continue
        left, right = volumes if structure.paired else (None, None)
        rows.append((structure.name.capitalize(), left, right, sum(one or 0.0 for one in volumes)))
    whole = sum(one[3] or 0.0 for one in rows) if len(rows) == len(STRUCTURES) else None
    brain = volume(next((one for one in found.segments if one.name.casefold() == BRAIN_NAME.casefold()), None))
    rows += [(name, None, None, one) for name, one in (("Brain", brain), ("Intracranial", whole)) if one is not None]
    names, left_ml, right_ml, both = zip(*rows, strict=True) if rows else ((), (), (), ())
    percent = tuple(asymmetry(one, other) for one, other in zip(left_ml, right_ml, strict=True))
    columns = (
        Column("Left", "ml", left_ml),
        Column("Right", "ml", right_ml),
        Column("Both", "ml", both),
        Column("Asymmetry", "%", percent),
    )
    return MeasurementTable("Structure", names, columns, NOTES)


def asymmetry(left: float | None, right: float | None) -> float | None:
    """The left volume less the right one, in percent of their mean; None where one of them was not made."""
    if left is None or right is None or not left + right:
        return None
    return 200 * (left - right) / (left + right)


def _counts(found: Segmentation) -> list[np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """By label map: voxels of each label."""
    counts = []
    for layer, array in enumerate(found.maps):
        length = 1 + max([int(array.max()), *(one.label for one in found.segments if one.layer == layer)])
        total = np.zeros(length, np.int64)
        for k in range(0, len(array), CHUNK):
            total += np.bincount(array[k : k + CHUNK].ravel(), minlength=length)
        counts.append(total)
    return counts
