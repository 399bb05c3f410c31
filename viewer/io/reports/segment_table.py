"""Statistics of segments as a table (CSV, RFC 4180), one line a segment."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from viewer.io.reports.csv_table import safe_cell, save_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from viewer.compute.labels.statistics import SegmentStatistics

NAMES = ("segment", "label map", "label", "code", "state")
SIZES = ("voxels", "volume (mm³)", "volume (ml)", "surface (mm²)")
VALUES = ("mean", "SD", "median", "minimum", "maximum")


def table(rows: Iterable[SegmentStatistics], unit: str = "") -> str:
    """The table with its head. unit: of the image's values, "" where it has none. No value is an empty cell."""
    out = io.StringIO()
    lines = csv.writer(out)
    lines.writerow([*NAMES, *SIZES, *(f"{name} ({unit})" if unit else name for name in VALUES)])
    for row in rows:
        segment = row.segment
        code = " ".join(segment.code or ())
        names = (safe_cell(segment.name), segment.layer + 1, segment.label, safe_cell(code), segment.state)
        numbers = (row.volume, row.ml, row.area, row.mean, row.sd, row.median, row.low, row.high)
        lines.writerow([*names, row.voxels, *("" if one is None else f"{one:.7g}" for one in numbers)])
    return out.getvalue()


def save_table(rows: Iterable[SegmentStatistics], target: Path, unit: str = "") -> None:
    """Save the table: beside first, read back, then renamed over what is there. Raises SaveError, one sentence."""
    save_text(table(rows, unit), target)
