"""The numbers of segments: measured beside the window, copied, saved, and marked as old once labels change."""

from __future__ import annotations

import csv

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog


@pytest.fixture
def measure(window, add_image, qtbot):
    """A box of 384 voxels of 2 mm³, and an empty segment, measured."""
    add_image()
    controller = window.segments.controller
    controller.new()
    controller.layer.segmentation.array[2:8, 4:12, 4:12] = 1
    controller.add("nothing")
    section = window.segments.statistics
    assert section.cancel.isHidden()
    section.run()
    qtbot.waitUntil(lambda: bool(section.rows))
    return section


def test_volume_and_values_are_listed(measure, session):
    texts = [measure.table.item(0, column).text() for column in range(3)]
    array = session.document.volume_layers[0].volumes[0].array
    assert texts[:2] == ["Segment 1", "0.768"]
    assert float(texts[2]) == pytest.approx(array[2:8, 4:12, 4:12].mean(), rel=1e-3)
    assert measure.table.item(1, 2).text() == "–"  # no voxel, no value
    assert measure.table.horizontalHeaderItem(2).text() == "Mean HU"


def test_a_row_chooses_its_segment(measure, window):
    measure.table.cellClicked.emit(0, 0)
    assert window.segments.controller.segment.name == "Segment 1"


def test_the_table_is_copied_and_saved_alike(measure, tmp_path, monkeypatch):
    target = tmp_path / "numbers.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    measure.save_table()
    measure.copy_table()
    with target.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert [row[0] for row in rows[1:]] == ["Segment 1", "nothing"]
    assert rows == list(csv.reader(QGuiApplication.clipboard().text().splitlines()))


def test_a_folder_that_cannot_be_written_is_said(measure, session, tmp_path, monkeypatch):
    said = []
    session.messages.added.connect(lambda message: said.append(message.text))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "gone" / "numbers.csv"), ""))
    measure.save_table()
    assert len(said) == 1
    assert "numbers.csv was not saved" in said[0]


def test_numbers_of_other_labels_are_called_old(measure, window, session):
    assert measure.note.isHidden()
    controller = window.segments.controller
    controller.choose((0, 1))
    session.segments.remove(controller.layer, (0, 1))
    assert "measure again" in measure.note.text()
    assert not measure.note.isHidden()
