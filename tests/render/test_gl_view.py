from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget
from screen import pixels
from shiboken6 import isValid

from viewer.data.grid import Grid
from viewer.render.gl_info import GLInfo, gl_info, is_software
from viewer.render.slices.slice_view import SliceView
from viewer.render.view import View
from viewer.render.volumes.volume_view import VolumeView

GREY = Grid.of((10, 40, 40))


@pytest.fixture
def grey(add):
    return add(np.full(GREY.shape, 140, np.int16), GREY)


def test_twenty_views_come_and_go(document, state, grey, qtbot, qapp):
    for n in range(20):
        view = VolumeView(document, state) if n % 4 == 0 else SliceView(document, state, "axial")
        view.resize(120, 100)
        view.show()
        qtbot.waitUntil(lambda view=view: view.frames > 0)
        if n % 2:
            view.close()
        view.deleteLater()
        qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        assert not isValid(view)
        grey.opacity = 0.9 - n / 100  # a signal that still finds the Python side does no harm


def test_a_view_draws_again_in_another_window(document, state, grey, qtbot):
    first, second = QWidget(), QWidget()
    for window in (first, second):
        QHBoxLayout(window).setContentsMargins(0, 0, 0, 0)
        window.resize(200, 200)
        qtbot.addWidget(window)
        window.show()
    view = SliceView(document, state, "axial", first)
    for window in (first, second, first):
        frames = view.frames
        window.layout().addWidget(view)
        view.show()
        qtbot.waitUntil(lambda frames=frames: view.frames > frames)
        picture = pixels(view)
        assert picture[100, 100, 0] == pytest.approx(140, abs=3)


def test_hidden_views_do_not_draw(document, state, grey, show, qtbot):
    view = show(SliceView(document, state, "axial"))
    view.hide()
    qtbot.wait(50)
    frames = view.frames
    for opacity in (0.9, 0.8, 0.7):
        grey.opacity = opacity
        qtbot.wait(20)
    assert view.frames == frames
    view.show()
    qtbot.waitUntil(lambda: view.frames == frames + 1)


def test_a_new_size_is_a_new_picture(document, state, grey, show, qtbot):
    view = show(SliceView(document, state, "axial"))
    view.resize(420, 200)
    qtbot.waitUntil(lambda: view.gl_window.GetSize() == (420, 200))
    assert pixels(view).shape == (200, 420, 3)
    assert pixels(view)[100, 210, 0] == pytest.approx(140, abs=3)


def test_the_mouse_is_reported_in_words(document, state, grey, show, qtbot):
    view = show(SliceView(document, state, "axial"))
    heard = []
    view.mouse.connect(lambda source, event: heard.append((source, event)))
    qtbot.mousePress(view, Qt.MouseButton.RightButton, Qt.KeyboardModifier.ShiftModifier, QPoint(10, 20))
    qtbot.mouseRelease(view, Qt.MouseButton.RightButton, pos=QPoint(11, 21))
    qtbot.mouseDClick(view, Qt.MouseButton.LeftButton, pos=QPoint(5, 6))
    for delta in (30, -240):
        view.wheelEvent(
            QWheelEvent(
                QPointF(7, 8),
                QPointF(7, 8),
                QPoint(),
                QPoint(0, delta),
                Qt.MouseButton.NoButton,
                Qt.KeyboardModifier.ControlModifier,
                Qt.ScrollPhase.NoScrollPhase,
                False,
            )
        )
    assert all(source is view for source, _ in heard)
    press, release, *_ = (event for _, event in heard if event.kind in ("press", "release"))
    assert (press.x, press.y, press.button, press.modifiers) == (10, 20, "right", frozenset({"shift"}))
    assert (release.kind, release.x, release.button) == ("release", 11, "right")
    assert [event.button for _, event in heard if event.kind == "double"] == ["left"]
    wheels = [event for _, event in heard if event.kind == "wheel"]
    assert [event.steps for event in wheels] == [0.25, -2.0]
    assert wheels[0].modifiers == {"ctrl"}


def test_views_never_write(document, state, grey, show, qtbot):
    view = show(SliceView(document, state, "axial"))
    before = (state.crosshair, grey.window, grey.opacity, len(document))
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(10, 20))
    qtbot.mouseMove(view, QPoint(60, 90))
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(60, 90))
    assert before == (state.crosshair, grey.window, grey.opacity, len(document))


def test_what_opengl_offers_is_known_by_name(qapp):
    info = gl_info()
    assert info.works
    assert info.renderer
    assert GLInfo().works is False
    assert GLInfo(version="2.1 Mesa").works is False
    assert is_software("llvmpipe (LLVM 15.0.6, 256 bits)")
    assert is_software("Microsoft Basic Render Driver")
    assert not is_software("NVIDIA GeForce RTX 5090/PCIe/SSE2")


def test_the_self_test_runs_in_a_process_of_its_own():
    done = subprocess.run(
        [sys.executable, "-m", "viewer.render.gl_info"], capture_output=True, text=True, timeout=600, check=True
    )
    assert json.loads(done.stdout)["works"] is True


QUIT = """
import sys
import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from viewer.data.grid import Grid
from viewer.data.volume import Volume
from viewer.render.slices.slice_view import SliceView
from viewer.render.volumes.volume_view import VolumeView
from viewer.scene.document import Document
from viewer.scene.layer import volume_layer
from viewer.scene.view_state import ViewState
SliceView.set_default_format()
application = QApplication([])
document, state = Document(), ViewState()
grid = Grid.of((30, 40, 40))
document.insert(0, volume_layer((Volume(np.random.randint(0, 99, grid.shape).astype(np.int16), grid),)))
views = [SliceView(document, state, "axial"), VolumeView(document, state)]
for view in views:
    view.resize(100, 100)
    view.show()
QTimer.singleShot({wait}, application.quit)
code = application.exec()
assert all(view.frames for view in views)
{end}
sys.exit(code)
"""


@pytest.mark.parametrize("end", ["", "del views", "views[0].deleteLater(); del application"])
@pytest.mark.parametrize("wait", [300])
def test_a_program_quits_well_with_live_views(end, wait):
    done = subprocess.run(
        [sys.executable, "-c", QUIT.format(wait=wait, end=end)],
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, "PYTHONFAULTHANDLER": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert "Error" not in done.stderr


def test_a_view_of_nothing_in_particular_must_say_what_it_writes(document, state, qtbot):
    view = View(document, state, "axial")
    qtbot.addWidget(view)
    with pytest.raises(NotImplementedError):
        view.overlay()
