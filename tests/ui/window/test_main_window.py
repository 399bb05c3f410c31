"""The window: what it shows, how it is driven, and that it comes back as it was left."""

from __future__ import annotations

import subprocess
import sys

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QDockWidget,
    QKeySequenceEdit,
    QLineEdit,
    QSlider,
    QTabBar,
)
from shell import drop

from viewer.scene.task import Message
from viewer.scene.view_state import VIEWS


def _shown(window):
    return {name for name, view in window.views.by_name.items() if not view.isHidden()}


def test_a_window_without_images_invites(window):
    assert window.views.currentIndex() == 0
    assert not any(view.isVisible() for view in window.views.by_name.values())


def test_an_image_brings_the_views(window, add_image):
    add_image()
    assert window.views.currentIndex() == 1
    assert _shown(window) == set(VIEWS)
    window.session.history.undo()
    assert window.views.currentIndex() == 0


@pytest.mark.parametrize(("layout", "count"), [("2x2", 4), ("1-up", 1), ("1+3", 4)])
def test_layouts(window, add_image, layout, count):
    add_image()
    window.actions_[f"layout_{layout}"].trigger()
    assert len(_shown(window)) == count
    assert window.session.state.layout == layout


def test_the_large_view_of_one_and_three_is_the_active_one(window, add_image, qtbot):
    add_image()
    window.session.state.view = "coronal"
    window.session.state.layout = "1+3"
    qtbot.waitUntil(lambda: window.views.by_name["coronal"].width() > 1.5 * window.views.by_name["axial"].width())


def test_double_click_shows_one_view_and_goes_back(window, add_image, qtbot):
    add_image()
    window.session.state.layout = "1+3"
    qtbot.mouseDClick(window.views.by_name["sagittal"], Qt.MouseButton.LeftButton)
    assert _shown(window) == {"sagittal"}
    qtbot.mouseDClick(window.views.by_name["sagittal"], Qt.MouseButton.LeftButton)
    assert window.session.state.layout == "1+3"


def test_side_by_side_shows_every_visible_layer_alone(window, add_image, qtbot):
    first, second, hidden = add_image("a"), add_image("b"), add_image("c")
    hidden.visible = False
    window.session.state.layout = "compare"
    views = window.views.all[len(VIEWS) :]
    assert [view.shown for view in views] == [(first,), (second,)]
    assert _shown(window) == set()
    window.session.state.compared = (first.id, hidden.id)
    assert [view.shown for view in window.views.all[len(VIEWS) :]] == [(first,), (hidden,)]
    window.session.state.compared = ()
    window.session.layers.remove(second)
    assert [view.shown for view in window.views.all[len(VIEWS) :]] == [(first,)]
    window.session.state.layout = "2x2"
    assert len(window.views.all) == len(VIEWS)


def test_wheel_scrolls_and_the_crosshair_links_the_views(window, add_image, qtbot):
    add_image()
    axial = window.views.by_name["axial"]
    before = axial.index
    turn = QWheelEvent(
        QPointF(50, 50), QPointF(axial.mapToGlobal(QPoint(50, 50))), QPoint(), QPoint(0, -240),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(axial, turn)
    assert axial.index == before - 2
    window.session.state.tool = "crosshair"
    at = axial.rect().center() + QPoint(20, 10)
    qtbot.mouseClick(axial, Qt.MouseButton.LeftButton, pos=at)
    voxel = window.session.document.base.volumes[0].grid.nearest(axial.world_at(at.x(), at.y()))
    assert (axial.index, window.views.by_name["coronal"].index, window.views.by_name["sagittal"].index) == voxel


def test_left_drag_windows(window, add_image, qtbot):
    layer, axial = add_image(), window.views.by_name["axial"]
    qtbot.mousePress(axial, Qt.MouseButton.LeftButton, pos=QPoint(50, 50))
    qtbot.mouseMove(axial, QPoint(90, 50))
    qtbot.mouseMove(axial, QPoint(125, 50))
    qtbot.mouseRelease(axial, Qt.MouseButton.LeftButton, pos=QPoint(125, 50))
    assert layer.window.width == pytest.approx(400 * 2 ** (75 / 150), rel=0.02)


def test_the_view_that_is_clicked_is_the_active_one(window, add_image, qtbot):
    add_image()
    qtbot.mouseClick(window.views.by_name["coronal"], Qt.MouseButton.LeftButton)
    assert window.session.state.view == "coronal"
    window.views.by_name["sagittal"].setFocus()
    qtbot.waitUntil(lambda: window.session.state.view == "sagittal")


def test_keys_scroll_the_active_view(window, add_image, qtbot):
    add_image()
    axial = window.views.by_name["axial"]
    axial.setFocus()
    window.actions_.refresh_now()
    before = axial.index
    qtbot.keyClick(axial, Qt.Key.Key_Down)
    assert axial.index == before - 1
    qtbot.keyClick(axial, Qt.Key.Key_Home)
    assert axial.index == axial.count - 1
    qtbot.keyClick(axial, Qt.Key.Key_Space)
    assert not window.session.state.show_overlays


def test_a_letter_typed_into_a_box_is_a_letter(window, add_image, qtbot):
    add_image()
    window.studies.box.setEnabled(True)
    window.commands.focus_filter()
    qtbot.keyClicks(window.studies.box, "c1")
    assert window.studies.box.text() == "c1"
    assert window.session.state.tool == "window_level"


def test_f6_walks_the_zones(window, add_image, qtbot):
    add_image()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.views.active.setFocus()
    seen = []
    for _ in range(5):
        window.actions_["next_zone"].trigger()
        focus = QApplication.focusWidget()
        zones = {"bar": window.bar, "left": window.docks.left, "views": window.views, "right": window.docks.right,
                 "status": window.status}  # fmt: skip
        seen.append(next(name for name, zone in zones.items() if zone.isAncestorOf(focus)))
    assert seen == ["right", "status", "bar", "left", "views"]


def test_panels_hide_with_one_key_each(window, qtbot):
    for name, dock in (("left_panel", window.docks.left), ("right_panel", window.docks.right)):
        assert dock.isVisible()
        window.actions_[name].trigger()
        assert not dock.isVisible()
        window.actions_[name].trigger()
        assert dock.isVisible()


def test_value_under_the_mouse_is_shown(window, add_image, qtbot):
    add_image()
    axial = window.views.by_name["axial"]
    qtbot.mouseMove(axial, axial.rect().center())
    qtbot.waitUntil(lambda: "mm · CT chest" in window.status.reading.text())
    assert window.status.reading.text().endswith("HU")


# ---- state
def test_the_state_comes_back(no_leaks, qtbot, make_session, make_window):
    first = make_window(make_session())
    with qtbot.waitExposed(first):
        first.show()
    first.resize(1200, 800)
    first.actions_["left_panel"].trigger()
    first.session.state.layout = "1+3"
    first.session.state.show_text = False
    drop(first)
    second = make_window(make_session())
    with qtbot.waitExposed(second):
        second.show()
    assert (second.width(), second.height()) == (1200, 800)
    assert second.docks.left.isHidden()
    assert second.session.state.layout == "1+3"
    assert not second.session.state.show_text
    drop(second)


@pytest.mark.slow
def test_twenty_windows_come_and_go(no_leaks, session, make_window, add_image):
    add_image()
    for _ in range(20):
        window = make_window(session)
        window.show()
        QApplication.processEvents()
        drop(window)


def test_no_patient_is_named_in_the_title(window, add_image):
    add_image("DOE^JANE")
    assert window.windowTitle() == "Tomolens"


# ---- messages
def test_a_message_shows_its_cure_and_stays_in_the_list(window, qtbot):
    cured = []
    window.session.messages.add(Message("a.dcm is damaged.", "error", "Show file", lambda: cured.append(1)))
    assert window.status.message.toolTip() == "a.dcm is damaged."
    assert window.status.cure.isVisible()
    qtbot.mouseClick(window.status.cure, Qt.MouseButton.LeftButton)
    assert cured == [1]
    assert window.status.list.text() == "1"
    window.commands.show_messages()
    dialog = window.findChild(QDialog)
    assert any("a.dcm" in child.text() for child in dialog.findChildren(type(window.status.reading)))
    dialog.reject()


# ---- access
DIALOGS = ("show_shortcuts", "show_settings", "show_about", "show_messages", "show_palette")
INPUTS = (QAbstractButton, QLineEdit, QComboBox, QSlider, QAbstractItemView, QKeySequenceEdit)


@pytest.mark.parametrize("dialog", ["", *DIALOGS])
def test_everything_that_takes_input_has_a_name(window, dialog, add_image):
    add_image()
    if dialog:
        getattr(window.commands, dialog)()
    root = window.findChild(QDialog) if dialog else window
    inputs = [widget for kind in INPUTS for widget in root.findChildren(kind) if widget.isVisible()]
    unnamed = [widget for widget in inputs if not _name(widget) and not _of_qt(widget)]
    assert inputs
    assert not unnamed, [f"{type(widget).__name__} {widget.objectName()}" for widget in unnamed]
    if dialog:
        root.reject()


def _name(widget) -> str:
    text = widget.text() if isinstance(widget, QAbstractButton) else ""
    return widget.accessibleName() or text or widget.toolTip()


def _of_qt(widget) -> bool:
    """Parts that Qt makes for its own widgets, and names itself."""
    part_of_one = isinstance(widget.parent(), (*INPUTS, QAbstractSpinBox, QDockWidget, QTabBar))
    return part_of_one or widget.objectName().startswith("qt_")


def test_it_fits_a_small_screen_at_twice_the_text_size(window):
    window.preferences.scale = 2.0
    window.apply_preferences()
    try:
        assert window.minimumSizeHint().width() <= 1600
    finally:
        window.preferences.scale = 1.0
        window.apply_preferences()


def test_the_window_starts_without_the_heavy_libraries():
    heavy = {"torch", "pydicom", "SimpleITK", "scipy", "skimage", "pyqtgraph"}
    code = f"import sys, viewer.app; print(*{heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], timeout=600, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_texts_in_the_views_grow_with_the_others(window, add_image, qtbot):
    add_image()
    view = window.views.by_name["axial"]
    small = view._painter._metrics.height()
    window.preferences.scale = 2.0
    window.apply_preferences()
    qtbot.waitUntil(lambda: view._painter._metrics.height() > 1.8 * small)
