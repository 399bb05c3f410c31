"""What is dropped on the window, and the time line of what has time points."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QApplication,
)

from viewer.ui.studies.tree_model import IMAGE_MIME


@pytest.fixture
def opened(session, monkeypatch):
    asked = []
    real = session.studies.open
    monkeypatch.setattr(session.studies, "open", lambda paths: (asked.append([str(p) for p in paths]), real(paths))[1])
    return asked


def _drop(window, data: QMimeData) -> None:
    where, buttons, held = QPointF(600, 400), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(where.toPoint(), Qt.DropAction.CopyAction, data, buttons, held)
    QApplication.sendEvent(window, enter)
    assert enter.isAccepted()
    QApplication.sendEvent(window, QDropEvent(where, Qt.DropAction.CopyAction, data, buttons, held))


def test_a_dropped_folder_is_opened_and_remembered(window, opened, tmp_path):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path))])
    _drop(window, data)
    assert opened == [[str(tmp_path)]]
    assert window.preferences.recent == [str(tmp_path)]
    window.actions_.refresh_now()
    assert tmp_path.name in window.actions_["recent_1"].text()
    window.actions_["recent_1"].trigger()
    assert opened == [[str(tmp_path)]] * 2


def test_text_cannot_be_dropped(window):
    data = QMimeData()
    data.setText("hello")
    enter = QDragEnterEvent(
        QPoint(9, 9), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    enter.ignore()
    window.dragEnterEvent(enter)
    assert not enter.isAccepted()


def test_a_key_of_no_image_dropped_loads_nothing(window, monkeypatch):
    monkeypatch.setattr(window.session.studies, "load", lambda image: pytest.fail("loaded"))
    data = QMimeData()
    data.setData(IMAGE_MIME, b"nobody|")
    _drop(window, data)


def test_the_time_line_is_there_only_for_time_points(window, add_image, qtbot):
    add_image()
    assert not window.views.timeline.isVisible()
    add_image("4-D", times=5)
    assert window.views.timeline.isVisible()
    window.views.timeline.slider.setValue(3)
    assert window.session.state.timepoint == 3
    assert window.views.timeline.text.text() == "4/5 · 3 s"


def test_playing_goes_round_and_stops(window, add_image, qtbot):
    add_image("4-D", times=3)
    window.actions_.refresh_now()
    seen = []
    window.session.state.events.timepoint.connect(lambda now: seen.append(now))
    window.actions_["play"].trigger()
    qtbot.waitUntil(lambda: 0 in seen and 2 in seen)
    window.actions_["play"].trigger()
    count = len(seen)
    qtbot.wait(300)
    assert len(seen) == count


def test_views_are_made_behind_the_invitation(window, qtbot):
    views = list(window.views.by_name.values())
    window.views.warm()
    qtbot.waitUntil(lambda: all(view.context() is not None for view in views))
    qtbot.waitUntil(lambda: not any(view.isVisible() for view in views))
    assert window.views.currentIndex() == 0
