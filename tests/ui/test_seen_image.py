"""What is seen is what is worked on: two patients in one window, by mouse and keys."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractSlider, QAbstractSpinBox, QApplication, QComboBox, QScrollBar, QToolButton

from tests.fixtures.dicom_phantom import ramp, write_series
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.render.overlay import DANGER, DIM
from viewer.scene.edits import AddLayer
from viewer.scene.layer import volume_layer
from viewer.scene.segmentation_layer import segmentation_layer

GRID = Grid.of((8, 24, 30), (2.0, 1.0, 1.0))
JANE = {"PatientID": "A", "PatientName": "Doe^Jane", "StudyInstanceUID": "1.2.1"}
ANN = {"PatientID": "B", "PatientName": "Roe^Ann", "StudyInstanceUID": "1.2.2"}
SERIES = {"lung": JANE, "liver": JANE, "brain": ANN}
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def studies(window, session, tmp_path, qtbot):
    """Two series of one patient and one of another are listed; nothing is shown yet."""
    for number, (name, patient) in enumerate(SERIES.items(), 1):
        facts = {**patient, "SeriesDescription": name, "SeriesNumber": None, "PatientBirthDate": None}
        uids = {"SeriesInstanceUID": f"1.2.3.{number}", "FrameOfReferenceUID": "1.2.9"}
        write_series(tmp_path / "both" / name, ramp(GRID.shape) + number, GRID, **facts, **uids)
    window.open([tmp_path / "both"])
    qtbot.waitUntil(lambda: not session.tasks[0].running and all(row(window, name) for name in SERIES))


def row(window, title, parent=None):
    """The row of the study browser with that title, or None."""
    model = window.studies.view.model()
    for place in range(model.rowCount(*([parent] if parent else []))):
        index = model.index(place, 0, *([parent] if parent else []))
        if index.data() == title:
            return index
        if found := row(window, title, index):
            return found
    return None


def double_click(window, session, qtbot, title):
    """Open a series from the study browser, and wait until it is whole."""
    index, view = row(window, title), window.studies.view
    view.scrollTo(index)
    at = view.visualRect(index).center()
    QTest.mouseClick(view.viewport(), LEFT, pos=at)
    QTest.mouseDClick(view.viewport(), LEFT, pos=at)
    qtbot.waitUntil(lambda: any(one.name == title and one.loaded == 1 for one in session.document.volume_layers))
    return layer(session, title)


def layer(session, name):
    return next(one for one in session.document if one.name == name)


def click(widget):
    assert widget.isVisible()
    assert widget.isEnabled()
    QTest.mouseClick(widget, LEFT)


def click_tab(window, title):
    bar = window.inspector.tabBar()
    QTest.mouseClick(bar, LEFT, pos=bar.tabRect(window.inspector.titles.index(title)).center())


def click_eye(window, session, name):
    click_tab(window, "Layers")
    click(window.layers._rows[layer(session, name).id].eye)


def click_plugin(window, title):
    click_tab(window, "Plugins")
    tree = window.plugins.tree
    (item,) = tree.findItems(title, Qt.MatchFlag.MatchExactly | Qt.MatchFlag.MatchRecursive)
    tree.scrollToItem(item)
    QTest.mouseClick(tree.viewport(), LEFT, pos=tree.visualItemRect(item).center())
    return window.plugins.page


def both(window, session, qtbot, *names):
    """Shown over each other."""
    found = [double_click(window, session, qtbot, name) for name in names]
    for one in found[:-1]:
        click_eye(window, session, one.name)
    assert all(one.visible for one in found)
    return found


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
    session.rename(liver, "abdomen")
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


# ---- registration
def test_the_pair_is_what_is_seen(window, session, studies, qtbot):
    double_click(window, session, qtbot, "brain")
    lung, liver = both(window, session, qtbot, "lung", "liver")
    click_tab(window, "Register")
    do, pair = window.register.do, window.register.pair
    assert (do.fixed, do.moving) == (lung, liver)
    assert pair.whose.text() == "Doe, Jane"
    brain = double_click(window, session, qtbot, "brain")
    assert (do.fixed, do.moving) == (brain, None)
    assert (pair.fixed.currentText(), pair.moving.currentIndex()) == ("brain", -1)
    assert not window.register.compare.choices["wipe"].isEnabled()


def test_the_patients_own_prior_is_offered_though_it_is_hidden(window, session, studies, qtbot):
    lung = double_click(window, session, qtbot, "lung")
    liver = double_click(window, session, qtbot, "liver")
    assert (window.register.do.fixed, window.register.do.moving) == (liver, lung)


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
    assert pair.whose.text().startswith("Patient not known")
    assert pair.doubt.isHidden()
    assert pair.sure.isHidden()
    assert window.register.align.align.isEnabled()
    page = click_plugin(window, "Correct shading (N4)")
    assert page.target.text().endswith("· patient not known")


def test_other_patients_are_red(window, session, studies, qtbot):
    both(window, session, qtbot, "lung", "brain")
    lines = window.views.by_name["axial"].overlay().top_right
    assert ("different patients", DANGER) in [(line.text, line.color) for line in lines]


# ---- comparison
@pytest.fixture
def compared(window, session, studies, qtbot):
    """The wipe is on."""
    pair = both(window, session, qtbot, "lung", "liver")
    click_tab(window, "Register")
    click(window.register.compare.choices["wipe"])
    assert window.views.slices.shown == tuple(pair)
    return pair


def test_a_comparison_ends_where_another_image_is_opened(window, session, compared, qtbot):
    brain = double_click(window, session, qtbot, "brain")
    assert session.state.comparison is None
    assert window.views.slices.shown == (brain,)
    assert window.register.compare.choices[None].isChecked()
    double_click(window, session, qtbot, "lung")
    assert session.state.comparison is None


@pytest.mark.parametrize("name", ["lung", "liver"])
def test_a_comparison_ends_where_one_of_the_two_is_hidden(window, session, compared, name):
    click_eye(window, session, name)
    assert session.state.comparison is None
    assert window.views.slices.shown == tuple(one for one in compared if one.name != name)


def test_a_comparison_ends_where_one_of_the_two_is_removed(window, session, compared):
    click_tab(window, "Layers")
    click(window.layers._rows[compared[0].id])
    (remove,) = [one for one in window.layers.findChildren(QToolButton) if one.toolTip() == "Remove"]
    click(remove)
    assert compared[0] not in tuple(session.document)
    assert session.state.comparison is None
    assert window.views.slices.shown == (compared[1],)


def test_a_comparison_of_a_hidden_image_shows_it(window, session, studies, qtbot):
    lung = double_click(window, session, qtbot, "lung")
    liver = double_click(window, session, qtbot, "liver")
    click_tab(window, "Register")
    click(window.register.compare.choices["blend"])
    assert window.views.slices.shown == (liver, lung)
    assert lung.visible


def result_of(session, given):
    """A result that lies over its input."""
    made = volume_layer((given.volumes[0].with_values(given.volumes[0].values() * 0.5),), review="unreviewed")
    made.name, made.made_from = "result", given.id
    session.history.do(AddLayer(made))
    session.state.active = made.id
    return made


@pytest.mark.parametrize("hidden", ["lung", "result"])
def test_an_inspection_ends_where_one_of_the_two_is_hidden(window, session, studies, qtbot, hidden):
    result = result_of(session, double_click(window, session, qtbot, "lung"))
    click_tab(window, "Inspect")
    click(window.inspect.modes.choices["wipe"])
    assert session.state.inspection.result == result.id
    click_eye(window, session, hidden)
    assert session.state.inspection is None


def test_an_inspection_ends_where_another_image_is_opened(window, session, studies, qtbot):
    result_of(session, double_click(window, session, qtbot, "lung"))
    click_tab(window, "Inspect")
    click(window.inspect.modes.choices["wipe"])
    brain = double_click(window, session, qtbot, "brain")
    assert session.state.inspection is None
    assert window.views.slices.shown == (brain,)


def test_side_by_side_gives_way_to_what_is_opened(window, session, studies, qtbot):
    lung, liver = both(window, session, qtbot, "lung", "liver")
    session.state.compared, session.state.layout = (lung.id, liver.id), "compare"
    assert list(window.views._compared) == [lung.id, liver.id]
    brain = double_click(window, session, qtbot, "brain")
    assert list(window.views._compared) == [brain.id]


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
    assert window.segments.do.layer is theirs
    brain = double_click(window, session, qtbot, "brain")
    assert window.segments.do.layer is None
    assert window.segments.layers.count() == 0
    view = window.views.by_name["axial"]
    view.setFocus()
    QTest.keyClick(view, Qt.Key.Key_B)
    own = window.segments.do.layer
    assert own.made_from == brain.id
    drag(view, (view.width() // 2, view.height() // 2), (view.width() // 2 + 20, view.height() // 2))
    assert own.segmentation.array.any()
    assert theirs.segmentation.array.all()
    double_click(window, session, qtbot, "lung")
    assert window.segments.do.layer is theirs


# ---- the wheel
FIELDS = (QComboBox, QAbstractSpinBox, QAbstractSlider)


def looks(field):
    """What a field says."""
    if isinstance(field, QComboBox):
        return field.currentIndex()
    return field.value() if isinstance(field, QAbstractSlider) else field.text()


def roll(window, widget):
    """Turn the wheel over the middle of a widget, as the mouse does."""
    where = widget.mapTo(window, widget.rect().center())
    for steps in (-120, -120, 240):
        QTest.wheelEvent(window.windowHandle(), where, QPoint(0, steps))


def test_the_wheel_changes_no_field_that_has_no_focus(window, session, studies, qtbot):
    both(window, session, qtbot, "lung", "liver")
    click_plugin(window, "Denoise")
    window.views.slices.setFocus()
    met = 0
    for place in range(window.inspector.count()):
        window.inspector.setCurrentIndex(place)
        QApplication.processEvents()
        for kind in FIELDS:
            for field in window.right.findChildren(kind):
                if isinstance(field, QScrollBar) or not field.isVisible() or field.visibleRegion().isEmpty():
                    continue
                before = looks(field)
                roll(window, field)
                assert looks(field) == before, field.accessibleName()
                assert not field.hasFocus(), field.accessibleName()
                met += field.isEnabled()
    assert met > 10


def test_the_wheel_scrolls_the_form_and_changes_the_field_that_has_focus(window, session, studies, qtbot):
    double_click(window, session, qtbot, "lung")
    page = click_plugin(window, "Denoise")
    bar = window.plugins.area.verticalScrollBar()
    method = next(one for one in page.form.findChildren(QComboBox) if one.isEnabled() and one.count() > 1)

    def turn(up):
        QApplication.processEvents()  # the page is laid out
        window.plugins.area.ensureWidgetVisible(method)
        where = method.mapTo(window, method.rect().center())
        QTest.wheelEvent(window.windowHandle(), where, QPoint(0, 120 if up else -120))

    before, at = method.currentIndex(), bar.value()
    turn(up=at == bar.maximum())
    assert method.currentIndex() == before
    assert bar.value() != at
    method.setFocus()
    turn(up=before > 0)
    assert method.currentIndex() != before
