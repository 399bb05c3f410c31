"""Small widgets in the manner of the house: a label with a role, a button with its icon and its deed."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from viewer.ui import theme


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
