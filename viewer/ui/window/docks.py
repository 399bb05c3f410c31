"""The docks at the window's sides, by their side."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QMainWindow, QWidget

Side = Literal["left", "right", "bottom"]
LEFT, RIGHT = 260, 344  # px, widths at the first start


class Docks:
    """left: the studies. right: the inspector. bottom: the jobs, hidden at first."""

    def __init__(self, window: QMainWindow, studies: QWidget, inspector: QWidget, jobs: QWidget) -> None:
        area = Qt.DockWidgetArea
        self.left = _dock(window, "Studies", studies, area.LeftDockWidgetArea)
        self.right = _dock(window, "Inspector", inspector, area.RightDockWidgetArea)
        self.bottom = _dock(window, "Jobs", jobs, area.BottomDockWidgetArea)
        self.by_side: dict[Side, QDockWidget] = {"left": self.left, "right": self.right, "bottom": self.bottom}
        self.bottom.hide()
        window.setCorner(Qt.Corner.BottomLeftCorner, area.LeftDockWidgetArea)
        window.setCorner(Qt.Corner.BottomRightCorner, area.RightDockWidgetArea)
        window.resizeDocks([self.left, self.right], [LEFT, RIGHT], Qt.Orientation.Horizontal)

    def is_shown(self, side: Side) -> bool:
        """Whether a dock is open; it may be behind another window."""
        return not self.by_side[side].isHidden()

    def flip(self, side: Side) -> None:
        """Open a dock, or close it."""
        self.by_side[side].setVisible(not self.is_shown(side))


def _dock(window: QMainWindow, title: str, panel: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
    dock = QDockWidget(title)
    dock.setObjectName(title.lower())
    dock.setWidget(panel)
    panel.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    window.addDockWidget(area, dock)
    return dock
