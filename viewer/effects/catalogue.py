"""All effects on segments, in the order of the Segments tab."""

from __future__ import annotations

from viewer.effects.effect import Operation
from viewer.effects.image_effects import extend, grow_from_seeds, local_threshold, otsu, snake, threshold, watershed
from viewer.effects.shape_effects import combine, fill_between, fill_holes, hollow, islands, margin, smooth, smooth_all

OPERATIONS: tuple[Operation, ...] = (
    threshold, otsu, local_threshold, extend, grow_from_seeds, watershed, snake, fill_between,
    islands, fill_holes, margin, hollow, smooth, smooth_all, combine,
)  # fmt: skip
