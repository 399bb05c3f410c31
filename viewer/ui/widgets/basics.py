"""Small widgets in the manner of the house: a label with a role, a button with its icon and its deed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QDialog, QFrame, QLabel, QProgressBar, QPushButton, QSizePolicy, QToolButton, QWidget

from viewer.ui.widgets import theme

if TYPE_CHECKING:
    from collections.abc import Callable


def label(text: str = "", role: str = "", *, wrap: bool = True, selectable: bool = False) -> QLabel:
    """A label; role is one of the style sheet's."""
    widget = QLabel(text)
    widget.setTextFormat(Qt.TextFormat.PlainText)
    widget.setWordWrap(wrap)
    set_role(widget, role)
    if selectable:
        widget.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
    return widget


def button(text: str, icon: str, act: Callable[[], object], role: str = "", colour: QColor = theme.TEXT) -> QPushButton:
    """A push button that says a verb."""
    widget = QPushButton(theme.icon(icon, colour), text) if icon else QPushButton(text)
    set_role(widget, role)
    widget.clicked.connect(lambda: act())
    return widget


def tile(title: str, icon: str, tip: str) -> QToolButton:
    """A button of a palette: its icon over its name."""
    made = QToolButton()
    made.setText(title)
    made.setIcon(theme.icon(icon))
    made.setIconSize(QSize(20, 20))
    made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
    made.setCheckable(True)
    set_role(made, "tile")
    made.setToolTip(f"{title}\n{tip}")
    made.setAccessibleName(title)
    made.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return made


def rule() -> QFrame:
    """A thin line between two parts of a panel."""
    line = QFrame()
    line.setObjectName("rule")
    return line


def discard(widget: QWidget) -> None:
    """Take a widget away at once; Qt deletes it when this turn is over."""
    widget.hide()
    widget.setParent(None)
    widget.deleteLater()


def set_role(widget: QWidget, role: str) -> None:
    """Give a widget a role of the style sheet and have it painted so."""
    if widget.property("role") != role:
        widget.setProperty("role", role)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def tabular(font: QFont) -> QFont:
    """The font with digits of equal width, so that changing numbers do not jump."""
    fixed = QFont(font)
    fixed.setFeature(QFont.Tag("tnum"), 1)
    return fixed


def show_dialog(dialog: QDialog) -> None:
    """Show a dialog without waiting for it; it is deleted once it is closed."""
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()


class Elided(QLabel):
    """A line that gives way: cut with "…", whole in its tool tip."""

    def __init__(self, mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight) -> None:
        super().__init__()
        self._whole, self._mode = "", mode
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def say(self, text: str) -> None:
        """Show a text, cut to the room that there is."""
        self._whole = text
        self.setToolTip(text)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cut it anew."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        room = self.contentsRect().width() - 16
        self.setText(QFontMetrics(self.font()).elidedText(self._whole, self._mode, max(room, 0)))


class Bar(QProgressBar):
    """A thin bar without text, 0…1. Qt's own would redraw the whole window, views and all, at each step."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setRange(0, 1000)
        self.setTextVisible(False)
        self.setAccessibleName(name)

    def advance(self, fraction: float) -> None:
        """Show a fraction, with the next frame."""
        self.setUpdatesEnabled(False)
        self.setValue(round(fraction * 1000))
        self.setUpdatesEnabled(True)
