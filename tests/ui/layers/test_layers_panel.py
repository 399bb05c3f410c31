"""The layers panel follows the document and changes it through edits only."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton

from viewer.data.volume import Window
from viewer.ui.layers.panel import ID, LayersPanel


@pytest.fixture
def panel(session, qtbot):
    panel = LayersPanel(session)
    qtbot.addWidget(panel)
    panel.resize(320, 700)
    panel.show()
    return panel


def _names(panel):
    session = panel.session
    return [session.document.find(panel.list.item(place).data(ID)).name for place in range(panel.list.count())]


def _row(panel, layer):
    place = next(n for n in range(panel.list.count()) if panel.list.item(n).data(ID) == layer.id)
    return panel.list.itemWidget(panel.list.item(place))


def test_top_first(panel, add_image):
    add_image("below")
    add_image("above")
    assert _names(panel) == ["above", "below"]
    panel.session.history.undo()
    assert _names(panel) == ["below"]


def test_selecting_makes_active_and_the_page_follows(panel, add_image):
    below, above = add_image("below"), add_image("above")
    assert panel.page.layer is above
    panel.list.setCurrentRow(1)
    assert panel.session.state.active == below.id
    assert panel.page.layer is below


def test_eye_and_opacity_change_the_look_and_are_no_edits(panel, add_image, qtbot):
    layer = add_image()
    steps = panel.session.history.undo_labels
    row = _row(panel, layer)
    qtbot.mouseClick(row.eye, Qt.MouseButton.LeftButton)
    assert not layer.visible
    row.opacity.setValue(40)
    assert layer.opacity == 0.4
    layer.opacity = 0.7
    assert row.opacity.value() == 70
    assert panel.session.history.undo_labels == steps


def test_rename_in_place_is_one_edit(panel, add_image, qtbot):
    layer = add_image("before")
    panel.rename()
    row = _row(panel, layer)
    row.edit.setText("after")
    qtbot.keyClick(row.edit, Qt.Key.Key_Return)
    assert layer.name == "after"
    assert panel.session.history.undo_labels[0] == "Rename before"
    panel.session.history.undo()
    assert row.name.toolTip() == "before"


def test_move_and_remove(panel, add_image):
    add_image("below")
    add_image("above")
    panel.shift(-1)
    assert _names(panel) == ["below", "above"]
    panel.shift(-1)  # already lowest: nothing happens
    assert _names(panel) == ["below", "above"]
    panel.remove()
    assert _names(panel) == ["below"]
    panel.session.history.undo()
    assert _names(panel) == ["below", "above"]


def test_dragging_a_row_is_one_edit(panel, add_image):
    for name in ("a", "b", "c"):
        add_image(name)
    model = panel.list.model()
    model.moveRow(model.index(0, 0).parent(), 2, model.index(0, 0).parent(), 0)
    assert [layer.name for layer in panel.session.document] == ["b", "c", "a"]
    assert panel.session.history.undo_labels[0] == "Move a up"


def test_a_result_is_accepted_in_its_row(panel, add_image, qtbot):
    layer = add_image("result", review="unreviewed")
    row = _row(panel, layer)
    assert row.verdict.isVisible()
    assert "processed, not reviewed" in row.badges.texts
    accept = next(one for one in row.verdict.findChildren(QPushButton) if one.text() == "Accept")
    qtbot.mouseClick(accept, Qt.MouseButton.LeftButton)
    assert layer.review == "accepted"
    assert not row.verdict.isVisible()
    assert panel.session.history.undo_labels[0] == "Accept result"


def test_window_numbers_presets_and_histogram_agree(panel, add_image, qtbot):
    layer = add_image()
    page = panel.page
    layer.window = Window(50, 350)
    qtbot.waitUntil(lambda: (page.center.value(), page.width_.value()) == (50, 350))
    assert page.histogram.region.getRegion() == (-125, 225)
    page.center.setValue(60)
    assert layer.window == Window(60, 350)
    page.histogram.region.setRegion((0, 100))
    assert layer.window == Window(50, 100)
    page.preset.setCurrentIndex(page.preset.findText("stored"))
    page.preset.activated.emit(page.preset.currentIndex())
    assert layer.window == Window(40, 400, "stored")
    qtbot.waitUntil(lambda: bool(page.histogram.plot.listDataItems()))
    counted = page.histogram.plot.listDataItems()[0]
    assert counted.getData()[1].max() > 0


def test_colour_map(panel, add_image):
    layer = add_image()
    panel.page.colormap.setCurrentText("viridis")
    panel.page.colormap.activated.emit(panel.page.colormap.currentIndex())
    assert layer.colormap == "viridis"


def test_show_only_this(panel, add_image):
    below, above = add_image("below"), add_image("above")
    panel.show_only()
    assert (below.visible, above.visible) == (False, True)


def test_the_page_says_which_window_is_in_use(panel, add_image, qtbot):
    layer = add_image()
    page = panel.page
    assert page.preset.currentText() == "stored"
    lung = next(
        page.preset.itemData(n) for n in range(page.preset.count()) if "lung" in page.preset.itemText(n).lower()
    )
    layer.window = Window(lung.center, lung.width)
    qtbot.waitUntil(lambda: page.preset.currentText() == lung.name)
    layer.window = Window(12, 345)
    qtbot.waitUntil(lambda: page.preset.currentText() == "by hand")
