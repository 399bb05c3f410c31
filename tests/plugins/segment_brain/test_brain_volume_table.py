"""The figures of the table are those of the voxels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from plugins.segment_brain.labels import NAMES
from plugins.segment_brain.segments import segments, update
from plugins.segment_brain.volume_table import asymmetry, volume_table
from viewer.api import Grid, MeasurementTable, Segmentation

GRID = Grid.of((10, 10, 10), (1, 2, 3))


def found() -> Segmentation:
    """500 voxels of the left and 200 of the right hippocampus, 100 of the brain stem; 900 of the brain."""
    array = np.zeros(GRID.shape, np.uint8)
    array[:5], array[5:7], array[7] = 17, 53, 16
    brain = np.zeros_like(array)
    brain[:9] = 1
    return Segmentation(array, GRID, segments(), overlapping=(brain,))


def line(table: MeasurementTable, name: str) -> tuple[float | None, ...]:
    return table.line(table.rows.index(name))


def test_volumes_are_millilitres_and_sides_are_compared() -> None:
    table = volume_table(found())
    assert [column.title for column in table.columns] == ["Left ml", "Right ml", "Both ml", "Asymmetry %"]
    assert line(table, "Hippocampus") == pytest.approx((3, 1.2, 4.2, 200 * 1.8 / 4.2))
    assert line(table, "Brain stem")[:2] == (None, None)
    assert line(table, "Brain stem")[2] == pytest.approx(0.6)
    assert line(table, "Brain")[2] == pytest.approx(5.4)
    assert line(table, "Intracranial")[2] == pytest.approx(4.8)
    assert line(table, "Amygdala") == (0, 0, 0, None)
    assert len(table.rows) == 19 + 2


def test_what_was_not_made_has_no_row() -> None:
    table = volume_table(update(None, found(), ("hippocampus", "brain")))
    assert table.rows == ("Hippocampus", "Brain")
    assert line(table, "Brain")[2] == pytest.approx(5.4)
    assert volume_table(update(None, found(), ("brain",))).rows == ("Brain",)


def test_figures_are_those_of_the_copy_that_was_updated() -> None:
    earlier = update(None, found(), NAMES)
    array = earlier.array.copy()
    array[0] = 0  # 100 voxels taken away by hand
    table = volume_table(update(replace(earlier, array=array), found(), ("brain stem",)))
    assert line(table, "Hippocampus")[0] == pytest.approx(2.4)


def test_asymmetry_needs_both_sides() -> None:
    assert asymmetry(3, 1) == 100
    assert asymmetry(1, 3) == -100
    assert asymmetry(1, None) is None
    assert asymmetry(0, 0) is None
