"""The keyboard's way through the window, part by part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget

if TYPE_CHECKING:
    from collections.abc import Sequence


def move_focus(zones: Sequence[QWidget], step: int) -> None:
    """From the zone that has the keyboard to the next one that is shown, round and round."""
    shown = [zone for zone in zones if zone.isVisible()]
    focus = QApplication.focusWidget()
    now = next((n for n, zone in enumerate(shown) if focus and (zone is focus or zone.isAncestorOf(focus))), -step)
    _first(shown[(now + step) % len(shown)]).setFocus(Qt.FocusReason.TabFocusReason)


def _first(zone: QWidget) -> QWidget:
    """The zone itself, or the first widget in it, that takes the keyboard."""
    inside = (child for child in zone.findChildren(QWidget) if child.isVisible() and child.isEnabled())
    takers = (widget for widget in (zone, *inside) if widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
    return next(takers, zone)
