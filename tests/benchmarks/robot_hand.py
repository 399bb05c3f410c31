"""A hand made of Qt events: what it does to the window is what a person could do, and every act is counted."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import pairwise
from math import hypot
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from viewer.app import Stage
from viewer.render.slices.slice_view import SliceView
from viewer.render.view import View

NOTCH = 120  # Qt's wheel units
POINT, PRESS, REPEAT, PACE = 1.1, 0.2, 0.03, 400.0  # s to point, press, repeat; px a second
Pixel = tuple[float, float]


class Hand:
    """acts: presses, drags, turns of the wheel and keys so far.

    seconds: what they would take a person, by the keystroke-level model (S. Card, T. Moran, A. Newell, Commun. ACM 23
    (1980) 396): 1.1 s to point, 0.2 s to press, 400 pixels a second along an outline.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage, self.window = stage, stage.window
        self.acts, self.seconds = 0, 0.0
        self.window.activateWindow()
        self.window.views.active.setFocus()
        stage.until(self.window.isActiveWindow)  # else no key would be heard

    def _count(self, seconds: float) -> None:
        self.acts += 1
        self.seconds += seconds
        QApplication.processEvents()

    def key(self, key: Qt.Key, times: int = 1) -> None:
        """Press a key; several times is holding it."""
        for _ in range(times):
            QTest.keyClick(self.window.views.active, key)
        self._count(PRESS + REPEAT * (times - 1))

    def click(self, widget: QWidget) -> None:
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton)
        self._count(POINT + PRESS)

    def tab(self, page: int) -> None:
        """Bring a page of the Segments tab forward."""
        bar = self.window.segments.pages.tabBar()
        QTest.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(page).center())
        self._count(POINT + PRESS)

    def double_click(self, view: View) -> None:
        QTest.mouseDClick(view, Qt.MouseButton.LeftButton, pos=QPoint(view.width() // 2, view.height() // 2))
        self._count(POINT + 2 * PRESS)

    def drag(self, view: View, places: Sequence[Pixel], *, taking: bool = False, button: str = "left") -> None:
        """Press at the first place, go through the others, let go; Alt is held while taking."""
        held = Qt.MouseButton.MiddleButton if button == "middle" else Qt.MouseButton.LeftButton
        alt = Qt.KeyboardModifier.AltModifier if taking else Qt.KeyboardModifier.NoModifier
        kinds = [QEvent.Type.MouseButtonPress, *[QEvent.Type.MouseMove] * len(places), QEvent.Type.MouseButtonRelease]
        for kind, (x, y) in zip(kinds, [places[0], *places, places[-1]], strict=True):
            at = QPointF(x, y)
            changes = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else held
            down = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else held
            QApplication.sendEvent(view, QMouseEvent(kind, at, view.mapToGlobal(at), changes, down, alt))
        way = sum(hypot(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(places))
        self._count(POINT + PRESS + way / PACE)

    def wheel(self, view: View, notches: int, *, ctrl: bool = False) -> None:
        at = QPointF(view.width() / 2, view.height() / 2)
        held = Qt.KeyboardModifier.ControlModifier if ctrl else Qt.KeyboardModifier.NoModifier
        turn, phase = QPoint(0, notches * NOTCH), Qt.ScrollPhase.NoScrollPhase
        event = QWheelEvent(at, view.mapToGlobal(at), QPoint(), turn, Qt.MouseButton.NoButton, held, phase, False)
        QApplication.sendEvent(view, event)
        self._count(PRESS * abs(notches))

    def go_to(self, view: SliceView, index: int) -> None:
        """Turn the wheel until a slice is shown."""
        plane = view.plane
        assert plane is not None
        if view.index != index:
            towards = 1 if plane.step @ plane.grid.affine[:3, plane.normal_axis] > 0 else -1
            sign = towards if view.name == "axial" else -towards  # the wheel goes on in reading order
            self.wheel(view, (index - view.index) * sign)
        assert view.index == index

    def show(self, view: View, places: Sequence[Pixel]) -> Pixel:
        """Move the picture where places lie outside of it; by how much it moved."""
        xs, ys = [x for x, _ in places], [y for _, y in places]
        inside = min(xs) >= 4 and min(ys) >= 4 and max(xs) <= view.width() - 4 and max(ys) <= view.height() - 4
        if inside:
            return 0.0, 0.0
        start = view.width() / 2, view.height() / 2
        by = start[0] - (min(xs) + max(xs)) / 2, start[1] - (min(ys) + max(ys)) / 2
        self.drag(view, [start, (start[0] + by[0], start[1] + by[1])], button="middle")
        return by

    def wait(self) -> None:
        """Until nothing runs."""
        self.stage.until(lambda: not any(task.running for task in self.stage.session.tasks))
