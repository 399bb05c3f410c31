"""Two segmentations held against each other as a table (CSV), one line a segment."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from viewer.io.reports.csv_table import safe_cell

if TYPE_CHECKING:
    from collections.abc import Iterable

    from viewer.compute.labels.comparison import SegmentReview

NAMES = ("segment", "in reference", "in compared", "Dice", "HD95 (mm)", "ASSD (mm)")
SIZES = ("reference (ml)", "compared (ml)", "difference (ml)", "extra (ml)", "missed (ml)")
PLACE = ("largest distance (mm)", "x LPS (mm)", "y LPS (mm)", "z LPS (mm)")


def table(rows: Iterable[SegmentReview], tolerance: float) -> str:
    """The table with its head. tolerance: of the NSD, mm. What is not defined is an empty cell."""
    out = io.StringIO()
    lines = csv.writer(out)
    lines.writerow([*NAMES, f"NSD at {tolerance:g} mm", *SIZES, *PLACE])
    for row in rows:
        said, (reference, other) = row.agreement, row.volumes
        numbers = [said.dice, said.hd95, said.assd, said.nsd] if said else [None] * 4
        sizes = (reference, other, other - reference, row.extra, row.missed)
        numbers += [mm3 / 1000 for mm3 in sizes]
        numbers += [row.worst_distance, *(row.worst or [None] * 3)]
        there = ("yes" if one else "no" for one in (row.reference, row.other))
        lines.writerow([safe_cell(row.name), *there, *("" if one is None else f"{one:.7g}" for one in numbers)])
    return out.getvalue()
