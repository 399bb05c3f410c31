"""Landmarks in the registration panel: their errors, the fit to them, and their files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from aligned import GRID, SHIFT, bent, landmark, two_images

from viewer.data.grid import Grid
from viewer.ui.register.landmarks import allowed, summary
from viewer.ui.register.quality.report import landmark_sections


@pytest.fixture
def pair(session, window):
    images = two_images(session)
    window.inspector.setCurrentWidget(window.register)
    return images


def test_errors_are_live_and_held_against_the_limit(pair, window, session):
    section = window.register.landmarks
    assert section.about.isVisible()
    landmark(session, pair, "L1", (10, 10, 10))
    landmark(session, pair, "L2", (15, 10, 10), gap=(0, 3, 0))
    table = section.table
    length = float(np.linalg.norm(SHIFT))
    assert table.item(0, 1).text() == f"{length:.2f} mm"
    assert table.item(0, 2).text() == "beyond"
    session.transforms.align(pair[1], replace(bent(), displacement=None, grid=None))
    assert [table.item(row, 1).text() for row in (0, 1)] == ["0.00 mm", "3.00 mm"]
    assert [table.item(row, 2).text() for row in (0, 1)] == ["within", "beyond"]
    assert section.summary.text().startswith("TRE 1.50 mm on average, at most 3.00 mm; 1 of 2 within 2.0 mm")


def test_landmarks_are_renamed_chosen_and_removed(pair, window, session):
    section = window.register.landmarks
    first = landmark(session, pair, "L1", (10, 10, 10))
    landmark(session, pair, "L2", (15, 10, 10))
    section.table.item(0, 0).setText("ventricle, left")
    assert session.document.landmarks.find(first.id).name == "ventricle, left"
    assert session.history.undo_labels[0] == "Rename landmark L1"
    section.table.selectRow(0)
    assert session.state.landmark == first.id
    assert session.state.crosshair == (10, 10, 10)
    section.remove.click()
    assert [pair.name for pair in session.document.landmarks] == ["L2"]
    session.history.undo()
    assert section.table.item(0, 0).text() == "ventricle, left"


def test_the_limit_is_two_millimetres_or_a_voxel():
    assert allowed(Grid.of((3, 3, 3), (1, 1, 1))) == 2.0
    assert allowed(Grid.of((3, 3, 3), (5, 1, 1))) == 5.0
    assert "2 of 2 within 5.0 mm" in summary(np.array([4.0, 5.0]), 5.0)
    [section] = landmark_sections(np.array([1.0, 4.0]), Grid.of((3, 3, 3), (3, 1, 1)))
    assert [one.verdict for one in section.figures] == ["good", "warning", ""]
    assert section.figures[2].value == "1 of 2"
    assert not list(landmark_sections(np.array([]), GRID))


def test_the_moving_image_is_placed_by_its_landmarks(pair, window, session, qtbot):
    section = window.register.landmarks
    for n, at in enumerate(((5, 5, 5), (15, 6, 8), (8, 18, 20))):
        assert not section.fit.isEnabled()
        landmark(session, pair, f"L{n}", at)
    assert section.fit.isEnabled()
    section.fit.click()
    qtbot.waitUntil(lambda: pair[1].transform is not None)
    assert pair[1].transform.matrix[:3, 3] == pytest.approx(SHIFT)
    assert section.summary.text().startswith("TRE 0.00 mm")
    assert "Rigid fit to 3 landmarks" in window.register.result.about.text()


def test_landmarks_are_saved_and_loaded(pair, window, session, qtbot, tmp_path: Path):
    verbs = window.register.landmarks.verbs
    landmark(session, pair, "stem", (5, 5, 5))
    landmark(session, pair, "vertex", (15, 6, 8), gap=(0.0, 1.0, 0.0))
    before = window.register.controller.landmarks
    verbs.save(tmp_path / "points.csv")
    qtbot.waitUntil(lambda: not any(task.running for task in session.tasks))
    for _ in range(2):
        session.history.undo()
    assert not window.register.controller.pairs
    verbs.load(tmp_path / "points.csv")
    qtbot.waitUntil(lambda: len(window.register.controller.pairs) == 2)
    after = window.register.controller.landmarks
    assert after.names == before.names
    assert np.allclose(after.fixed, before.fixed)
    assert np.allclose(after.moving, before.moving)
    assert session.history.undo_labels[0] == "Load 2 landmarks"
