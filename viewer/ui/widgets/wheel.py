"""The wheel scrolls: it changes a field only where that has the keyboard."""

from __future__ import annotations

from typing import TypeGuard

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtWidgets import QAbstractSlider, QAbstractSpinBox, QApplication, QComboBox, QScrollBar, QWidget

FIELDS = (QAbstractSlider, QAbstractSpinBox, QComboBox)


class WheelGuard(QObject):
    """Looks at the events of all widgets of the application, dialogs too, as long as its parent lives."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        app = QApplication.instance()
        if app is not None:
            app.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep the wheel from fields without the keyboard, and give them none by it."""
        kind = event.type()
        if kind == QEvent.Type.Polish and isinstance(watched, FIELDS):
            if watched.focusPolicy() == Qt.FocusPolicy.WheelFocus:  # Qt would give it the keyboard before we are asked
                watched.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        elif kind == QEvent.Type.Wheel and _is_field(watched) and not watched.hasFocus():
            event.ignore()  # what lies under the field gets it
            return True
        return False


def _is_field(widget: QObject) -> TypeGuard[QWidget]:
    return isinstance(widget, FIELDS) and not isinstance(widget, QScrollBar)
