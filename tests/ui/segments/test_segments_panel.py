"""The Segments tab: made, named, hidden, locked and painted segments, effects with a look before, limits."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from viewer.data.segmentation import Segment, Segmentation
from viewer.effects.catalogue import OPERATIONS
from viewer.scene.edits import AddLayer
from viewer.scene.segmentation.brush import Brush
from viewer.scene.segmentation_layer import segmentation_layer
from viewer.ui.segments.naming_dialog import NamingDialog
from viewer.ui.segments.segment_list import EYE, LOCK, NAME

BY_ID = {one.id: one for one in OPERATIONS}


@pytest.fixture
def panel(window, add_image):
    """The tab in front, over a CT."""
    add_image()
    window.inspector.setCurrentWidget(window.segments)
    return window.segments


@pytest.fixture
def labelled(panel):
    """Two segments; the first has a box."""
    panel.controller.new()
    panel.controller.add("spleen")
    layer = panel.controller.layer
    layer.segmentation.array[4:8, 8:16, 8:24] = 1
    layer.active = (0, 1)
    layer.notify_written(0, (slice(0, 12), slice(0, 24), slice(0, 32)))
    return layer


def wait(qtbot, session) -> None:
    qtbot.waitUntil(lambda: not any(task.running for task in session.tasks))


def test_the_brush_makes_what_it_paints_in(window, panel, session):
    window.actions_["tool_brush"].trigger()
    assert session.state.tool == "brush"
    layer = panel.controller.layer
    assert layer.made_from == session.document.volume_layers[0].id
    assert [segment.name for segment in layer.segmentation.segments] == ["Segment 1"]
    assert panel.list.rows.rowCount() == 1


def test_a_stroke_through_qt_events_is_undone_by_its_name(window, panel, session, qtbot):
    window.actions_["tool_brush"].trigger()
    session.state.brush = Brush(3.0)
    view = window.views.by_name["axial"]
    at = QPoint(view.width() // 2, view.height() // 2)
    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=at)
    QTest.mouseMove(view, at + QPoint(30, 10))
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=at + QPoint(30, 10))
    assert panel.controller.layer.segmentation.array.any()
    window.actions_.refresh_now()
    assert window.actions_["undo"].text() == "Undo Paint Segment 1"
    window.actions_["undo"].trigger()
    assert not panel.controller.layer.segmentation.array.any()


def test_keys_resize_the_brush_and_end_outlines(window, panel, session):
    window.actions_["tool_draw"].trigger()
    view = window.views.by_name["axial"]
    view.setFocus()
    for x, y in ((-20, -20), (20, -20), (20, 20)):
        QTest.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(view.width() // 2 + x, view.height() // 2 + y))
    QTest.keyClick(view, Qt.Key.Key_Return)
    assert panel.controller.layer.segmentation.array.any()
    before = session.state.brush.radius
    QTest.keyClick(window, Qt.Key.Key_BracketRight)
    assert session.state.brush.radius > before
    assert panel.paint.radius.value() == pytest.approx(2 * session.state.brush.radius, abs=0.06)


def test_the_list_hides_locks_and_chooses_by_mouse_and_by_key(panel, labelled, qtbot):
    rows = panel.list

    def click(row, column):
        place = rows.visualRect(rows.rows.index(row, column)).center()
        QTest.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, pos=place)

    click(1, EYE)
    assert labelled.hidden == {(0, 2)}
    assert labelled.active == (0, 1)
    click(1, LOCK)
    assert labelled.locked == {(0, 2)}
    click(1, NAME)
    assert labelled.active == (0, 2)
    QTest.keyClick(rows, Qt.Key.Key_Space)
    QTest.keyClick(rows, Qt.Key.Key_L)
    assert (labelled.hidden, labelled.locked) == (frozenset(), frozenset())
    QTest.keyClick(rows, Qt.Key.Key_Up)
    assert labelled.active == (0, 1)
    QTest.keyClick(rows, Qt.Key.Key_Delete)
    assert [segment.name for segment in labelled.segmentation.segments] == ["spleen"]


def test_hundreds_of_segments_are_listed(panel, session, add_image):
    image = session.document.volume_layers[0]
    grid = image.volumes[0].grid
    segments = tuple(Segment(label, f"segment {label}") for label in range(1, 301))
    many = Segmentation(np.zeros(grid.shape, np.uint16), grid, segments, "many")
    session.history.do(AddLayer(segmentation_layer(many, image)))
    assert panel.list.rows.rowCount() == 300
    panel.controller.choose((0, 300))
    assert panel.list.currentIndex().row() == 299


def test_a_coded_name_brings_its_colour_and_a_name_of_ones_own_has_no_code(panel, labelled, qtbot):
    dialog = NamingDialog(panel.controller, panel.controller.segment, panel)
    qtbot.addWidget(dialog)
    dialog.open()
    qtbot.waitUntil(dialog.box.hasFocus)
    dialog.box.clear()
    QTest.keyClicks(dialog.box, "left kidn")
    QTest.keyClick(dialog.box, Qt.Key.Key_Down)
    assert dialog.box.text() == "Left kidney"
    dialog.accept()
    named = panel.controller.segment
    assert (named.name, named.side) == ("Left kidney", "left")
    assert named.code[:2] == ("SCT", "64033007")
    again = NamingDialog(panel.controller, named, panel)
    qtbot.addWidget(again)
    again.box.clear()
    QTest.keyClicks(again.box, "my region")
    again.accept()
    assert (panel.controller.segment.name, panel.controller.segment.code) == ("my region", None)


def test_a_state_is_chosen_from_a_menu(panel, labelled, session):
    menu = panel.list.states(panel.controller.segment)
    next(one for one in menu.actions() if one.text() == "Flagged").trigger()
    assert panel.controller.segment.state == "flagged"
    menu.close()
    session.history.undo()
    assert panel.controller.segment.state == "not started"


def test_an_effect_runs_as_one_step_with_progress(panel, labelled, session, qtbot):
    effects = panel.effects
    effects.choose(BY_ID["margin"])
    effects.form.fields["distance"].value = 2.0
    before = labelled.segmentation.array.copy()
    task = effects.run()
    wait(qtbot, session)
    assert task.state == "done"
    assert (labelled.segmentation.array == 1).sum() > (before == 1).sum()
    assert session.history.undo_labels[0] == "Margin: Segment 1"
    session.history.undo()
    assert np.array_equal(labelled.segmentation.array, before)


def test_a_preview_changes_nothing_and_is_what_apply_does(panel, labelled, session, qtbot):
    effects = panel.effects
    panel.pages.setCurrentIndex(2)
    effects.choose(BY_ID["hollow"])
    before, shown = labelled.segmentation.array.copy(), len(session.document.shown)
    effects.preview_button.click()
    qtbot.waitUntil(lambda: effects.preview.answers is not None)
    assert len(session.document.shown) == shown + 1
    assert np.array_equal(labelled.segmentation.array, before)
    ((_, mask, box),) = effects.preview.answers
    effects.run()
    wait(qtbot, session)
    assert np.array_equal(labelled.segmentation.array[box] == 1, mask)
    assert len(session.document.shown) == shown


def test_a_range_begins_as_what_is_seen_and_is_tinted(panel, labelled, session):
    panel.pages.setCurrentIndex(2)
    panel.effects.choose(BY_ID["threshold"])
    image = session.document.volume_layers[0]
    assert panel.effects.form.values == {"lower": image.window.lower, "upper": image.window.upper}
    tint = session.document.shown[-1]
    assert (tint.colormap, tint.window.lower) == ("range", image.window.lower)
    panel.effects.form.fields["lower"].value = 0.0
    assert session.document.shown[-1].window.lower == 0
    panel.pages.setCurrentIndex(0)
    assert len(session.document.shown) == 1


def test_an_effect_that_cannot_be_done_says_why(panel, labelled, session):
    labelled.locked = frozenset({(0, 1)})
    assert not panel.effects.apply.isEnabled()
    assert "locked" in panel.effects.problem.text()
    labelled.locked = frozenset()
    panel.controller.remove()
    panel.effects.choose(BY_ID["combine"])
    assert "Add another segment" in panel.effects.problem.text()


def test_a_snake_plays_rests_and_is_applied(panel, labelled, session, qtbot):
    panel.pages.setCurrentIndex(2)
    effects = panel.effects
    effects.choose(BY_ID["snake"])
    assert effects.preview_button.text() == "Play"
    effects.preview_button.click()
    assert effects.preview_button.text() == "Pause"
    qtbot.waitUntil(lambda: effects.preview.answers is not None)
    if effects.preview.playing:
        effects.preview_button.click()
    assert effects.preview_button.text() == "Play"
    effects.run()
    wait(qtbot, session)
    assert session.history.undo_labels[0].startswith("Snake")


def test_limits_are_said_above_the_pages_and_hold_for_effects(panel, labelled, session, qtbot):
    panel.masking.region.setCurrentIndex(panel.masking.region.findData("inside"))
    panel.masking.region.activated.emit(0)
    assert panel.limits.text() == "Limited: inside segments"
    panel.effects.choose(BY_ID["margin"])
    before = labelled.segmentation.array.copy()
    panel.effects.run()
    wait(qtbot, session)
    assert np.array_equal(labelled.segmentation.array, before)  # it cannot grow out of what is painted


def test_a_range_of_values_begins_as_the_window(panel, labelled, session):
    panel.masking.limited.click()
    window = session.document.volume_layers[0].window
    assert session.state.masking.values == (window.lower, window.upper)
    panel.masking.low.setValue(100.0)
    assert session.state.masking.values[0] == 100
    panel.masking.limited.click()
    assert session.state.masking.values is None


def test_without_an_image_there_is_nothing_to_label(window):
    assert not window.actions_["tool_brush"].isEnabled()
    assert not window.segments.new.isEnabled()
    assert window.segments.empty.isVisibleTo(window.segments)


def test_a_live_preview_goes_on_from_what_it_found(panel, labelled, session, qtbot):
    effects, array = panel.effects, labelled.segmentation.array
    around = session.segments.add(labelled, "around")
    array[0, 0, 0:4] = around.label
    labelled.active = labelled.segmentation.segments[0].key
    panel.pages.setCurrentIndex(2)
    effects.choose(BY_ID["grow_from_seeds"])
    effects.preview_button.click()
    qtbot.waitUntil(lambda: effects.preview.answers is not None)
    growing = effects.preview._cache["growing"]
    array[0, 1, 0:4] = around.label
    labelled.notify_written(0, (slice(0, 1), slice(1, 2), slice(0, 4)))
    assert effects.preview.answers is None
    qtbot.waitUntil(lambda: effects.preview.answers is not None)
    assert effects.preview._cache["growing"] is growing
    effects.preview_button.click()
    assert not effects.preview._cache  # large images are let go
