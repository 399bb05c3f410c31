"""Two segmentations held against each other in the window: the numbers, where they lead, and when they are old."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog

BOX = (slice(2, 8), slice(4, 12), slice(4, 12))


@pytest.fixture
def section(window, session, add_image):
    """A liver by two readers, the second one's a column wider at one side; a cyst that only the second has."""
    image = add_image()
    for wider in (0, 3):
        layer = session.segments.new_layer(image, f"Reader {1 + bool(wider)}")
        session.segments.add(layer, "Liver")
        layer.segmentation.array[2:8, 4:12, 4 : 12 + wider] = 1
    session.segments.add(layer, "Cyst")
    layer.segmentation.array[9, 1, 1] = 2
    return window.review.compare


@pytest.fixture
def compared(section, qtbot):
    section.compare.click()
    qtbot.waitUntil(lambda: bool(section.controller.rows))
    return section


def test_the_two_segmentations_are_chosen_and_each_segment_has_its_numbers(compared):
    assert (compared.reference.currentText(), compared.other.currentText()) == ("Reader 1", "Reader 2")
    assert [compared.table.item(row, 0).text() for row in range(2)] == ["Liver", "Cyst (B only)"]
    assert compared.table.item(0, 1).text() == "0.842"  # 2·384 / (384 + 528)
    assert compared.table.item(1, 2).text() == "–"  # no distance to what is not there


def test_a_click_brings_every_view_to_the_worst_place(compared, session):
    compared.table.cellClicked.emit(0, 1)
    found = compared.controller.rows[0]
    assert session.state.crosshair == found.worst
    _, _, i = session.document.segmentation_layers[0].grid.nearest(found.worst)
    assert i in (11, 14)  # either end of the largest distance
    assert found.worst_distance == pytest.approx(3 * session.document.base.grid.spacing[2])


def test_a_row_means_the_same_segment_however_the_table_is_sorted(compared, session):
    compared.table.sortItems(1, Qt.SortOrder.AscendingOrder)
    assert compared.table.item(0, 0).text() == "Cyst (B only)"
    compared.table.cellClicked.emit(0, 1)
    assert session.state.crosshair == compared.controller.rows[1].worst


def test_what_is_extra_and_missed_is_drawn_and_the_two_are_hidden_meanwhile(compared, session, qtbot):
    compared.table.setCurrentCell(0, 0)
    compared.visit(0)
    qtbot.waitUntil(lambda: compared.differences.layer is not None)
    drawn = compared.differences.layer
    one, two = (layer.segmentation.array == 1 for layer in session.document.segmentation_layers)
    assert np.array_equal(drawn.segmentation.array == 1, two & ~one)
    assert drawn in session.document.shown_segmentations
    assert drawn not in session.document.segmentation_layers
    assert [layer.name for layer in session.document.shown_segmentations] == ["B against A", "Liver: outline of A"]
    compared.overlay.setChecked(False)
    assert compared.differences.layer is None
    assert session.document.shown_segmentations == session.document.segmentation_layers


def test_numbers_of_what_was_edited_since_are_marked_as_old(compared, session, qtbot):
    compared.visit(0)
    qtbot.waitUntil(lambda: compared.differences.layer is not None)
    layer = session.document.segmentation_layers[1]
    session.segments.apply_mask(layer, (0, 1), np.ones((1, 1, 1), bool), (slice(0, 1),) * 3, "Dab")
    assert compared.note.text().startswith("Edited since")
    assert not compared.save.isEnabled()
    assert compared.differences.layer is None
    compared.compare.click()
    qtbot.waitUntil(lambda: bool(compared.controller.rows))
    assert not compared.controller.old


def test_a_review_state_does_not_make_them_old_and_another_name_does(compared, session):
    layer = session.document.segmentation_layers[0]
    session.segments.change(layer, (0, 1), state="completed")
    assert not compared.controller.old
    session.segments.change(layer, (0, 1), name="Spleen")
    assert compared.controller.old


def test_a_segmentation_that_is_closed_makes_them_old(compared, session):
    session.layers.remove(session.document.segmentation_layers[1])
    assert compared.note.text().startswith("One of the two is closed")


def test_a_comparison_can_be_cancelled(section, qtbot):
    task = section.controller.compare()
    section.cancel.click()
    assert task.state == "cancelled"
    qtbot.waitUntil(lambda: not section.controller.running)
    assert not section.controller.rows


def test_grids_that_differ_are_refused_in_a_sentence(section, session, qtbot, add_image):
    said = []
    session.messages.added.connect(lambda message: said.append(message.text))
    image = add_image("other")
    layer = session.segments.new_layer(image, "Elsewhere")
    grid = layer.grid
    moved = replace(grid, affine=grid.affine + np.array([[0, 0, 0, 5.0]] + [[0] * 4] * 3))
    layer.segmentation = replace(layer.segmentation, grid=moved)
    section.controller.choose(section.controller.reference, layer)
    task = section.controller.compare()
    qtbot.waitUntil(lambda: not task.running)
    assert task.state == "failed"
    assert "do not lie on one grid" in said[-1]


def test_the_table_is_copied_and_saved_alike_and_holds_no_formula(compared, session, tmp_path, monkeypatch, qtbot):
    layer = session.document.segmentation_layers[1]
    session.segments.change(layer, (0, 2), name="=1+1")
    compared.compare.click()
    qtbot.waitUntil(lambda: bool(compared.controller.rows) and not compared.controller.running)
    target = tmp_path / "comparison.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    compared.save_table()
    compared.copy_table()
    with target.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert [row[0] for row in rows[1:]] == ["Liver", "'=1+1"]
    assert rows == list(csv.reader(QGuiApplication.clipboard().text().splitlines()))
