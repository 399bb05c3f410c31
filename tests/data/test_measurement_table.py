"""A table has one finite value, or none, in each cell."""

from __future__ import annotations

import pytest

from viewer.data.annotations.measurement_table import Column, MeasurementTable


def test_a_row_is_read_across_the_columns() -> None:
    table = MeasurementTable(
        "Structure", ("a", "b"), (Column("Left", "ml", (1.0, None)), Column("All", "", (2.0, 3.0)))
    )
    assert table.line(1) == (None, 3.0)
    assert [column.title for column in table.columns] == ["Left ml", "All"]
    assert table.to_json()["columns"][0] == {"name": "Left", "unit": "ml", "values": (1.0, None)}


@pytest.mark.parametrize("values", [(1.0,), (1.0, float("nan")), (1.0, float("inf"))])
def test_other_values_are_refused(values: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="the column Left"):
        MeasurementTable("Structure", ("a", "b"), (Column("Left", "ml", values),))


def test_texts_are_made_printable() -> None:
    table = MeasurementTable("S\n", ("a\x1b",), (Column("L\u202e", "m\x00l", (1.0,)),), ("n\r",))
    assert all(text.isprintable() for text in (table.subject, *table.rows, *table.notes, table.columns[0].title))
