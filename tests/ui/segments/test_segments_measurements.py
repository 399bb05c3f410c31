"""The figures that came with a result: beside the numbers that are measured here, and old once the segments change."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog

from viewer.data.annotations.measurement_table import Column, MeasurementTable

TABLE = MeasurementTable(
    "Structure",
    ("Hippocampus", "Brain stem"),
    (Column("Left", "ml", (3.456, None)), Column("Both", "ml", (6.5, 21.04))),
    ("Volumes count voxels.",),
    "T1 – Volumes",
)


@pytest.fixture
def section(window, add_image):
    """A segmentation that came with a table."""
    add_image()
    controller = window.segments.controller
    controller.new()
    controller.layer.tables, controller.layer.measured = (TABLE,), controller.layer.generation
    controller.changed.emit()
    return window.segments.measurements


def test_they_are_shown_with_their_notes(section):
    texts = [[section.view.item(row, column).text() for column in range(3)] for row in range(2)]
    assert texts == [["Hippocampus", "3.46", "6.50"], ["Brain stem", "", "21.0"]]
    assert section.view.horizontalHeaderItem(1).text() == "Left\nml"
    assert section.title.text() == "T1 – Volumes"
    assert section.notes.text() == "Volumes count voxels."
    assert not section.isHidden()
    assert section.old.isHidden()


def test_an_edit_makes_them_old(section, window, session):
    controller = window.segments.controller
    box = (slice(0, 1), slice(0, 1), slice(0, 1))
    session.segments.apply_mask(controller.layer, controller.segment.key, np.ones((1, 1, 1), bool), box, "Paint")
    assert not section.old.isHidden()


def test_a_segmentation_without_any_shows_nothing(section, window):
    window.segments.controller.new()
    assert section.isHidden()


def test_they_are_copied_and_saved_alike(section, tmp_path, monkeypatch):
    target = tmp_path / "volumes.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    section.save_table()
    section.copy_table()
    with target.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["Structure", "Left (ml)", "Both (ml)"],
        ["Hippocampus", "3.456", "6.5"],
        ["Brain stem", "", "21.04"],
    ]
    assert rows == list(csv.reader(QGuiApplication.clipboard().text().splitlines()))
