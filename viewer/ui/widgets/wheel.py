"""The wheel scrolls: it changes a field only where that has the keyboard."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QAbstractSlider, QAbstractSpinBox, QComboBox, QScrollBar, QWidget

FIELDS = (QAbstractSlider, QAbstractSpinBox, QComboBox)


class WheelGuard(QObject):
    """Looks at the events of fields, and of these alone: every event of the application would pass through Python."""

    def watch(self, field: QWidget) -> None:
        """Keep the wheel from a field without the keyboard, and give it none by it."""
        if isinstance(field, QScrollBar):
            return
        if field.focusPolicy() == Qt.FocusPolicy.WheelFocus:  # Qt would give it the keyboard before we are asked
            field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        field.installEventFilter(self)  # once, however often it is called

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """What lies under a field without the keyboard gets the wheel."""
        if event.type() == QEvent.Type.Wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            event.ignore()
            return True
        return False
