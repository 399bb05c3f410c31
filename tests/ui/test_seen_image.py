"""What is seen is what is worked on: two patients in one window, by mouse and keys."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from two_patients import GRID, LEFT, both, click_plugin, click_tab, double_click, row

from viewer.data.segmentation import Segment, Segmentation
from viewer.render.overlay.overlay import DANGER, DIM
from viewer.scene.edits import AddLayer
from viewer.scene.segmentation_layer import segmentation_layer


# ---- a plugin's form
def test_an_open_form_follows_the_image_that_is_shown(window, session, studies, qtbot):
    lung = double_click(window, session, qtbot, "lung")
    page = click_plugin(window, "Correct shading (N4)")
    assert page.inputs["image"].currentData() == lung.id
    assert page.target.text() == "Run on lung · Doe, Jane"
    brain = double_click(window, session, qtbot, "brain")
    assert page.inputs["image"].currentData() == brain.id
    assert page.target.text() == "Run on brain · Roe, Ann"
    assert page.run_button.isEnabled()
    double_click(window, session, qtbot, "lung")  # it is loaded already
    assert page.target.text() == "Run on lung · Doe, Jane"


def test_what_was_chosen_stays_until_another_image_takes_its_place(window, session, studies, qtbot):
    lung, liver = both(window, session, qtbot, "lung", "liver")
    page = click_plugin(window, "Correct shading (N4)")
    box = page.inputs["image"]
    assert box.currentData() == liver.id
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Down)
    assert box.currentData() == lung.id
    session.layers.rename(liver, "abdomen")
    assert box.currentData() == lung.id
    brain = double_click(window, session, qtbot, "brain")
    assert box.currentData() == brain.id


def test_a_hidden_image_is_refused_in_words(window, session, studies, qtbot):
    double_click(window, session, qtbot, "lung")
    double_click(window, session, qtbot, "brain")
    page = click_plugin(window, "Correct shading (N4)")
    page.inputs["image"].setFocus()
    QTest.keyClick(page.inputs["image"], Qt.Key.Key_Down)
    assert page.inputs["image"].currentText() == "lung"
    assert page.verdict.text() == "lung is hidden: show it, or choose an image that you see."
    assert not page.run_button.isEnabled()
    QTest.keyClick(page.inputs["image"], Qt.Key.Key_Return)
    assert not [task for task in session.tasks if task.kind == "run"]


def test_what_may_be_left_out_is_left_out(window, session, studies, qtbot):
    both(window, session, qtbot, "lung", "liver", "brain")
    page = click_plugin(window, "Apply a segmentation model")
    optional = [one.name for one in page.plugin.inputs if not one.required and one.name in page.inputs]
    assert len(optional) == 3
    assert {page.inputs[name].currentText() for name in optional} == {"none"}


def test_another_patients_image_is_no_default_and_refused_beside_the_first(window, session, studies, qtbot):
    lung, brain = both(window, session, qtbot, "lung", "brain")
    page = click_plugin(window, "Resample")
    assert page.inputs["image"].currentData() == brain.id
    assert page.inputs["onto"].currentData() is None
    assert "onto is missing" in page.verdict.text()
    page.inputs["onto"].setFocus()
    QTest.keyClick(page.inputs["onto"], Qt.Key.Key_End)
    assert page.inputs["onto"].currentData() == lung.id
    assert page.verdict.text() == "lung is of another patient than brain: choose images of one patient."
    assert not page.run_button.isEnabled()


def test_another_patients_segments_are_no_default_and_refused(window, session, studies, qtbot):
    lung = double_click(window, session, qtbot, "lung")
    tumour = Segmentation(np.ones(GRID.shape, np.uint8), lung.grid, (Segment(1, "tumour", (9, 9, 9)),), "SEG")
    session.history.do(AddLayer(segmentation_layer(tumour, lung)))
    page = click_plugin(window, "Mask image")
    assert page.inputs["segments"].currentText() == "SEG"
    double_click(window, session, qtbot, "brain")
    assert page.inputs["segments"].currentData() is None
    page.inputs["segments"].setFocus()
    QTest.keyClick(page.inputs["segments"], Qt.Key.Key_Down)
    assert page.verdict.text() == "SEG is of another patient than brain: choose images of one patient."
    assert not page.run_button.isEnabled()


# ---- registration
def test_the_pair_is_what_is_seen(window, session, studies, qtbot):
    double_click(window, session, qtbot, "brain")
    lung, liver = both(window, session, qtbot, "lung", "liver")
    click_tab(window, "Register")
    controller, pair = window.register.controller, window.register.pair
    assert (controller.fixed, controller.moving) == (lung, liver)
    assert pair.patient.text() == "Doe, Jane"
    brain = double_click(window, session, qtbot, "brain")
    assert (controller.fixed, controller.moving) == (brain, None)
    assert (pair.fixed.currentText(), pair.moving.currentIndex()) == ("brain", -1)
    assert not window.register.compare.choices["wipe"].isEnabled()


def test_the_patients_own_prior_is_offered_though_it_is_hidden(window, session, studies, qtbot):
    lung = double_click(window, session, qtbot, "lung")
    liver = double_click(window, session, qtbot, "liver")
    assert (window.register.controller.fixed, window.register.controller.moving) == (liver, lung)


def test_files_without_a_patient_are_said_to_be_so_and_not_to_differ(window, session, tmp_path, qtbot):
    array = (np.arange(8 * 24 * 30) % 300).astype(np.int16).reshape(8, 24, 30)
    for name in ("one", "two"):
        sitk.WriteImage(sitk.GetImageFromArray(array), tmp_path / f"{name}.nii.gz")
    window.open([tmp_path])
    qtbot.waitUntil(lambda: row(window, "two.nii.gz") is not None and len(session.document) == 1)
    qtbot.waitUntil(lambda: session.document.base.loaded == 1)
    assert row(window, "Image files") is not None
    both(window, session, qtbot, *sorted(("one.nii.gz", "two.nii.gz"), key=lambda n: n != session.document.base.name))
    lines = window.views.by_name["axial"].overlay().top_right
    assert ("patient not known", DIM) in [(line.text, line.color) for line in lines]
    assert DANGER not in [line.color for line in lines]
    click_tab(window, "Register")
    pair = window.register.pair
    assert pair.patient.text().startswith("Patient not known")
    assert pair.doubt.isHidden()
    assert pair.sure.isHidden()
    assert window.register.align.align.isEnabled()
    page = click_plugin(window, "Correct shading (N4)")
    assert page.target.text().endswith("· patient not known")


def test_other_patients_are_red(window, session, studies, qtbot):
    both(window, session, qtbot, "lung", "brain")
    lines = window.views.by_name["axial"].overlay().top_right
    assert ("different patients", DANGER) in [(line.text, line.color) for line in lines]


# ---- segments
def drag(view, *points):
    """With the left button held."""
    first, *rest = (QPoint(*point) for point in points)
    QTest.mousePress(view, LEFT, pos=first)
    for point in rest:
        QTest.mouseMove(view, point)
    QTest.mouseRelease(view, LEFT, pos=rest[-1])


def test_painting_begins_labels_of_the_image_that_is_shown(window, session, studies, qtbot):
    lung = double_click(window, session, qtbot, "lung")
    tumour = Segmentation(np.ones(GRID.shape, np.uint8), lung.grid, (Segment(1, "tumour", (9, 9, 9)),), "SEG")
    theirs = segmentation_layer(tumour, lung)
    session.history.do(AddLayer(theirs))
    click_tab(window, "Segments")
    assert window.segments.controller.layer is theirs
    brain = double_click(window, session, qtbot, "brain")
    assert window.segments.controller.layer is None
    assert window.segments.layers.count() == 0
    view = window.views.by_name["axial"]
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_B)
    own = window.segments.controller.layer
    assert own.made_from == brain.id
    drag(view, (view.width() // 2, view.height() // 2), (view.width() // 2 + 20, view.height() // 2))
    assert own.segmentation.array.any()
    assert theirs.segmentation.array.all()
    double_click(window, session, qtbot, "lung")
    assert window.segments.controller.layer is theirs
