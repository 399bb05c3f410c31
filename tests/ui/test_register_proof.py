"""The proof of a registration in the window: comparison, landmarks, figures, the sign-off and its page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from viewer.data.grid import Grid
from viewer.data.landmarks import Landmarks
from viewer.data.provenance import Provenance
from viewer.data.study import Source
from viewer.data.transform import Transform
from viewer.data.volume import Volume, Window
from viewer.io.sign_off_report import html
from viewer.scene.comparison import Comparison
from viewer.scene.edits import AddLayer, ChangeLandmark
from viewer.scene.landmarks import LandmarkPair
from viewer.scene.layer import volume_layer
from viewer.settings import NOTICE
from viewer.ui.pdf import write_pdf
from viewer.ui.register_landmarks import allowed, summary
from viewer.ui.register_report import landmark_sections

SLOW = 20_000  # ms
GRID = Grid.of((16, 24, 24), (2.0, 1.0, 1.0))
SHIFT = (3.0, -2.0, 4.0)


def blob(session, name: str, centre, **source: str):
    points = GRID.to_world(np.moveaxis(np.indices(GRID.shape), 0, -1))
    array = np.int16(400 * np.exp(-(((points - np.array(centre)) / 6) ** 2).sum(-1)))
    known = Source(modality="MR", series_description=name, files=(f"{name}.dcm",), **source)
    layer = volume_layer((Volume(array, GRID, name, windows=(Window(200, 400),), source=known),))
    session.history.do(AddLayer(layer))
    return layer


def bent() -> Transform:
    """A shift, and a smooth bump in the middle."""
    matrix = np.eye(4)
    matrix[:3, 3] = SHIFT
    points = GRID.to_world(np.moveaxis(np.indices(GRID.shape), 0, -1))
    field = np.zeros((*GRID.shape, 3), np.float32)
    field[..., 0] = np.exp(-(((points - GRID.centre) / 5) ** 2).sum(-1))
    made = Provenance("register_deform", "1", "0.1", {"metric": "LNCC"}, started="2026-11-22T10:00:00+00:00")
    return Transform(matrix, field, GRID, "follow-up – Deformable", made)


@pytest.fixture
def pair(session, window):
    centre = np.array((12.0, 12.0, 14.0))
    fixed = blob(session, "baseline", centre, patient_name="Doe^Jane", patient_id="P-17", study_date="20240115")
    moving = blob(session, "follow-up", centre + SHIFT, patient_name="Doe^Jane", patient_id="P-17")
    session.centre(fixed)
    window.inspector.setCurrentWidget(window.register)
    return fixed, moving


def landmark(session, pair, name: str, at, gap=(0.0, 0.0, 0.0)) -> LandmarkPair:
    """A pair that the known shift maps onto each other but for a gap."""
    found = LandmarkPair((pair[0].id, pair[1].id), name, tuple(at), tuple(np.add(np.add(at, SHIFT), gap)))
    session.history.do(ChangeLandmark(None, found, len(session.document.landmarks)))
    return found


def shown(widget) -> str:
    return " ".join(one.text() for one in widget.findChildren(QLabel) if one.isVisibleTo(widget))


# ---- comparison
def test_styles_by_button_and_their_settings(pair, window, session, qtbot):
    section, state = window.register.compare, session.state
    assert section.choices[None].isChecked()
    qtbot.mouseClick(section.choices["colour"], Qt.MouseButton.LeftButton)
    assert state.comparison == Comparison(pair[0].id, pair[1].id, "colour", at=state.crosshair)
    assert state.active == pair[1].id
    section.choices["blend"].click()
    section.share.setValue(80)
    assert (state.comparison.style, state.comparison.share) == ("blend", 0.8)
    section.choices["checkerboard"].click()
    section.square.setValue(40)
    assert (state.comparison.square, state.comparison.share) == (40.0, 0.8)
    section.choices["wipe"].click()
    section.turn.click()
    assert not state.comparison.upright
    section.choices["contours"].click()
    section.exchange.click()
    assert state.comparison.swapped
    section.flicker.setChecked(True)
    assert state.comparison.flicker
    section.choices[None].click()
    assert state.comparison is None


def test_the_pair_that_is_seen_is_the_pair_of_the_panel(pair, window, session):
    window.register.compare.choices["difference"].click()
    window.register.pair.swap.click()
    assert (session.state.comparison.fixed, session.state.comparison.moving) == (pair[1].id, pair[0].id)


def test_the_transform_is_drawn_where_there_is_one(pair, window, session):
    section = window.register.compare
    assert not section.deformation.isEnabled()
    session.align(pair[1], bent())
    assert section.deformation.isEnabled()
    section.deformation.setCurrentIndex(section.deformation.findData("determinant"))
    section.deformation.activated.emit(section.deformation.currentIndex())
    assert (session.state.deformation.layer, session.state.deformation.style) == (pair[1].id, "determinant")


# ---- landmarks
def test_errors_are_live_and_held_against_the_limit(pair, window, session):
    section = window.register.landmarks
    assert section.about.isVisible()
    landmark(session, pair, "L1", (10, 10, 10))
    landmark(session, pair, "L2", (15, 10, 10), gap=(0, 3, 0))
    table = section.table
    length = float(np.linalg.norm(SHIFT))
    assert table.item(0, 1).text() == f"{length:.2f} mm"
    assert table.item(0, 2).text() == "beyond"
    session.align(pair[1], replace(bent(), displacement=None, grid=None))
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


# ---- figures
def test_what_it_bends_is_measured_and_shown_until_the_image_is_moved(pair, window, session, qtbot):
    quality = window.register.quality
    assert not quality.measure.isEnabled()
    session.align(pair[1], bent())
    quality.measure.click()
    qtbot.waitUntil(lambda: window.register.proving.proof is not None, timeout=SLOW)
    found = window.register.proving.proof.quality.bending
    assert found.largest == pytest.approx(float(bent().displacement.max()))
    assert found.smoothness.folds == 0
    qtbot.waitUntil(lambda: "Folding" in shown(quality))
    assert "within" in shown(quality)
    session.sign_off(pair[1], "accepted", "Dr. Okafor", "")
    assert window.register.proving.proof is not None  # a word changes nothing in the transform
    session.align(pair[1], None)
    assert window.register.proving.proof is None
    qtbot.waitUntil(lambda: "Folding" not in shown(quality))


def test_measuring_can_be_stopped(pair, window, session, qtbot):
    session.align(pair[1], bent())
    task = window.register.proving.prove()
    task.cancel()
    assert task.state == "cancelled"
    qtbot.wait(300)
    assert window.register.proving.proof is None


# ---- sign-off
@pytest.fixture
def dialog(pair, window, session, qtbot):
    session.align(pair[1], bent())
    landmark(session, pair, "L1", (10, 10, 10))
    made = window.register.sign_off.open()
    qtbot.waitUntil(lambda: made.report is not None, timeout=SLOW)
    yield made
    made.close()


def test_nobody_signs_without_a_name(dialog, pair, qtbot):
    assert not dialog.accept_button.isEnabled()
    assert "Say who you are" in dialog.verdict.text()
    dialog.reader.setText("Dr. Ruth Okafor")
    dialog.remark.setText("stem is fine")
    qtbot.mouseClick(dialog.accept_button, Qt.MouseButton.LeftButton)
    said = pair[1].transform.sign_off
    assert (said.verdict, said.reader, said.remark) == ("accepted", "Dr. Ruth Okafor", "stem is fine")
    assert pair[1].badges == ("registered, accepted",)
    assert "Accepted" in dialog.page.toPlainText()
    assert "stem is fine" in dialog.page.toPlainText()


def test_a_word_can_be_taken_back(dialog, pair, session, window, qtbot):
    dialog.reader.setText("Dr. Okafor")
    dialog.reject_button.click()
    assert pair[1].badges == ("registered, rejected",)
    qtbot.waitUntil(lambda: "rejected by Dr. Okafor" in shown(window.register.sign_off))
    session.history.undo()
    assert pair[1].badges == ("registered, not reviewed",)
    assert "Not reviewed" in dialog.page.toPlainText()


def test_the_page_names_both_images_the_method_and_the_figures(dialog):
    text = dialog.page.toPlainText()
    for expected in (
        "Doe, Jane", "P-17", "2024-01-15", "baseline", "follow-up", "register_deform 1", "metric LNCC", "Folding",
        "TRE, mean", "TG-132", "Translation", NOTICE,
    ):  # fmt: skip
        assert expected in text
    styles = [row[0].title for row in dialog.report.pictures]
    assert styles == ["Axial, before", "Axial, after", "Axial, checkerboard", "Axial, change of volume"]
    assert all(one.png.startswith(b"\x89PNG") for row in dialog.report.pictures for one in row)


def test_the_page_is_saved_as_html_and_as_one_page_of_pdf(dialog, tmp_path: Path):
    dialog.save(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == html(dialog.report)
    dialog.save(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
    assert "Saved" in dialog.verdict.text()
    assert write_pdf(html(dialog.report), "page", tmp_path / "again.pdf") == 1
    assert sorted(path.name for path in tmp_path.glob("*.*")) == ["again.pdf", "page.html", "page.pdf"]
    dialog.save(tmp_path / "no such folder" / "page.pdf")
    assert "choose another folder" in dialog.verdict.text()


def test_the_landmarks_of_the_pair_are_those_that_are_measured(dialog, window, pair, session):
    known: Landmarks = window.register.do.landmarks
    assert known.names == ("L1",)
    assert known.moving[0] == pytest.approx(np.add((10, 10, 10), SHIFT))


# ---- labels
def labels_of(session, image, name: str):
    """Two labels of an image, as a layer on its grid."""
    volume = image.volumes[0]
    array = (volume.array > 100).astype(np.uint8) + (volume.array > 250).astype(np.uint8)
    layer = volume_layer((replace(volume, array=array, name=name),))
    session.history.do(AddLayer(layer))
    return layer


def test_label_maps_are_found_and_measured(pair, window, session, qtbot):
    panel = window.register
    assert not panel.labels.isVisible()
    mine, other = labels_of(session, pair[0], "fixed labels"), labels_of(session, pair[1], "moving labels")
    assert (panel.do.fixed, panel.do.moving) == pair  # label maps are no images to align by themselves
    assert (panel.labels.fixed.currentData(), panel.labels.moving.currentData()) == (mine, other)
    session.align(pair[1], replace(bent(), displacement=None, grid=None))
    panel.proving.prove()
    qtbot.waitUntil(lambda: panel.proving.proof is not None, timeout=SLOW)
    found = panel.proving.proof.quality.labels
    assert all(after.dice > before.dice for before, after in found.values())
    qtbot.waitUntil(lambda: "Dice, mean of 2" in shown(panel.quality))


# ---- the fit
def test_the_moving_image_is_placed_by_its_landmarks(pair, window, session, qtbot):
    section = window.register.landmarks
    for n, at in enumerate(((5, 5, 5), (15, 6, 8), (8, 18, 20))):
        assert not section.fit.isEnabled()
        landmark(session, pair, f"L{n}", at)
    assert section.fit.isEnabled()
    section.fit.click()
    qtbot.waitUntil(lambda: pair[1].transform is not None, timeout=SLOW)
    assert pair[1].transform.matrix[:3, 3] == pytest.approx(SHIFT)
    assert section.summary.text().startswith("TRE 0.00 mm")
    assert "Rigid fit to 3 landmarks" in window.register.result.about.text()


def test_landmarks_are_saved_and_loaded(pair, window, session, qtbot, tmp_path: Path):
    verbs = window.register.landmarks.verbs
    landmark(session, pair, "stem", (5, 5, 5))
    landmark(session, pair, "vertex", (15, 6, 8), gap=(0.0, 1.0, 0.0))
    before = window.register.do.landmarks
    verbs.save(tmp_path / "points.csv")
    qtbot.waitUntil(lambda: not any(task.running for task in session.tasks), timeout=SLOW)
    for _ in range(2):
        session.history.undo()
    assert not window.register.do.pairs
    verbs.load(tmp_path / "points.csv")
    qtbot.waitUntil(lambda: len(window.register.do.pairs) == 2, timeout=SLOW)
    after = window.register.do.landmarks
    assert after.names == before.names
    assert np.allclose(after.fixed, before.fixed)
    assert np.allclose(after.moving, before.moving)
    assert session.history.undo_labels[0] == "Load 2 landmarks"
