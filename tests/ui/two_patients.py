"""Two patients in one window, and a hand with mouse and keys."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from tests.fixtures.dicom_phantom import ramp, write_series
from viewer.data.grid import Grid

GRID = Grid.of((8, 24, 30), (2.0, 1.0, 1.0))
JANE = {"PatientID": "A", "PatientName": "Doe^Jane", "StudyInstanceUID": "1.2.1"}
ANN = {"PatientID": "B", "PatientName": "Roe^Ann", "StudyInstanceUID": "1.2.2"}
SERIES = {"lung": JANE, "liver": JANE, "brain": ANN}
LEFT = Qt.MouseButton.LeftButton


def write_studies(folder: Path) -> Path:
    """Two series of one patient and one of another."""
    for number, (name, patient) in enumerate(SERIES.items(), 1):
        facts = {**patient, "SeriesDescription": name, "SeriesNumber": None, "PatientBirthDate": None}
        uids = {"SeriesInstanceUID": f"1.2.3.{number}", "FrameOfReferenceUID": "1.2.9"}
        write_series(folder / name, ramp(GRID.shape) + number, GRID, **facts, **uids)
    return folder


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
