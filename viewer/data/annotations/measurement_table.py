"""Figures that a plugin measured, as a table that a person reads and a program can use."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from viewer.data.printable_text import keep_printable
from viewer.data.provenance import Provenance


@dataclass(frozen=True)
class Column:
    """One kind of figure. unit: "" for none. values: one a row, None where there is none."""

    name: str
    unit: str
    values: tuple[float | None, ...]

    def __post_init__(self) -> None:
        keep_printable(self, "name", "unit")

    @property
    def title(self) -> str:
        """Name and unit, for the head of the table."""
        return f"{self.name} {self.unit}".rstrip()


@dataclass(frozen=True)
class MeasurementTable:
    """Figures of what a plugin labelled. rows: what each line is about, and subject: what these are, for their head.

    notes: sentences that a reader must know, as how a figure is defined. Raises ValueError, one sentence, where a
    column has not one value a row, or a value is not finite.
    """

    subject: str
    rows: tuple[str, ...]
    columns: tuple[Column, ...]
    notes: tuple[str, ...] = ()
    name: str = ""
    provenance: Provenance | None = None

    def __post_init__(self) -> None:
        keep_printable(self, "subject", "rows", "notes", "name")
        for column in self.columns:
            if len(column.values) != len(self.rows):
                raise ValueError(f"the column {column.name} has {len(column.values)} values for {len(self.rows)} rows.")
            if not all(value is None or math.isfinite(value) for value in column.values):
                raise ValueError(f"the column {column.name} holds a value that is not a number.")

    def line(self, row: int) -> tuple[float | None, ...]:
        """The values of a row, in the order of the columns."""
        return tuple(column.values[row] for column in self.columns)

    def to_json(self) -> dict[str, Any]:
        """A JSON object with every field."""
        return asdict(self)
