"""The proof of a registration in the window: comparison, figures, the sign-off and its page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from aligned import SHIFT, bent, landmark, shown, two_images
from PySide6.QtCore import Qt

from viewer.data.annotations.landmarks import Landmarks
from viewer.io.reports.sign_off_report import html
from viewer.scene.compare.comparison import Comparison
from viewer.scene.edits import AddLayer
from viewer.scene.layer import volume_layer
from viewer.settings import NOTICE
from viewer.ui.widgets.pdf_page import write_pdf


@pytest.fixture
def pair(session, window):
    images = two_images(session)
    window.inspector.setCurrentWidget(window.register)
    return images


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
    session.transforms.align(pair[1], bent())
    assert section.deformation.isEnabled()
    section.deformation.setCurrentIndex(section.deformation.findData("determinant"))
    section.deformation.activated.emit(section.deformation.currentIndex())
    assert (session.state.deformation.layer, session.state.deformation.style) == (pair[1].id, "determinant")


# ---- figures
def test_what_it_bends_is_measured_and_shown_until_the_image_is_moved(pair, window, session, qtbot):
    quality = window.register.quality
    assert not quality.measure.isEnabled()
    session.transforms.align(pair[1], bent())
    quality.measure.click()
    qtbot.waitUntil(lambda: window.register.assessor.assessment is not None)
    found = window.register.assessor.assessment.quality.deformation
    assert found.largest == pytest.approx(float(bent().displacement.max()))
    assert found.smoothness.folds == 0
    qtbot.waitUntil(lambda: "Folding" in shown(quality))
    assert "within" in shown(quality)
    session.transforms.sign_off(pair[1], "accepted", "Dr. Okafor", "")
    assert window.register.assessor.assessment is not None  # a word changes nothing in the transform
    session.transforms.align(pair[1], None)
    assert window.register.assessor.assessment is None
    qtbot.waitUntil(lambda: "Folding" not in shown(quality))


def test_measuring_can_be_stopped(pair, window, session, qtbot):
    session.transforms.align(pair[1], bent())
    task = window.register.assessor.assess()
    task.cancel()
    assert task.state == "cancelled"
    qtbot.wait(300)
    assert window.register.assessor.assessment is None


# ---- sign-off
@pytest.fixture
def dialog(pair, window, session, qtbot):
    session.transforms.align(pair[1], bent())
    landmark(session, pair, "L1", (10, 10, 10))
    made = window.register.sign_off.open()
    qtbot.waitUntil(lambda: made.report is not None)
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
    assert [one.title for one in dialog.report.pictures[0]] == [
        "Axial, before", "Axial, after", "Axial, checkerboard", "Axial, change of volume",
    ]  # fmt: skip
    assert [row[0].title for row in dialog.report.pictures] == ["Axial, before", "Coronal, before", "Sagittal, before"]
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
    known: Landmarks = window.register.controller.landmarks
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
    assert (panel.controller.fixed, panel.controller.moving) == pair  # label maps are no images to align by themselves
    assert (panel.labels.fixed.currentData(), panel.labels.moving.currentData()) == (mine, other)
    session.transforms.align(pair[1], replace(bent(), displacement=None, grid=None))
    panel.assessor.assess()
    qtbot.waitUntil(lambda: panel.assessor.assessment is not None)
    found = panel.assessor.assessment.quality.labels
    assert all(after.dice > before.dice for before, after in found.values())
    qtbot.waitUntil(lambda: "Dice, mean of 2" in shown(panel.quality))
