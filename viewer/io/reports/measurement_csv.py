"""A table that a plugin measured, as CSV (RFC 4180), one line a row."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

from viewer.io.reports.csv_table import safe_cell, save_text

if TYPE_CHECKING:
    from pathlib import Path

    from viewer.data.annotations.measurement_table import MeasurementTable


def table_text(table: MeasurementTable) -> str:
    """The table with its head. No value is an empty cell."""
    out = io.StringIO()
    lines = csv.writer(out)
    units = [f" ({column.unit})" if column.unit else "" for column in table.columns]
    heads = [f"{column.name}{unit}" for column, unit in zip(table.columns, units, strict=True)]
    lines.writerow([safe_cell(head) for head in (table.subject, *heads)])
    for row, name in enumerate(table.rows):
        values = ("" if value is None else f"{value:.7g}" for value in table.line(row))
        lines.writerow([safe_cell(name), *values])
    return out.getvalue()


def save_table(table: MeasurementTable, target: Path) -> None:
    """Save the table as CSV, and all that is known of it (notes, provenance) as JSON beside it.

    Each is written beside first, read back, then renamed over what is there. Raises SaveError, one sentence.
    """
    save_text(table_text(table), target)
    save_text(json.dumps(table.to_json(), indent=2), target.with_suffix(".json"), "utf-8")
