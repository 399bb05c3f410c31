"""What lasts as long as a key is held."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEvent, QObject
from PySide6.QtGui import QKeyEvent

if TYPE_CHECKING:
    from collections.abc import Callable


class HeldKey(QObject):
    """Waits for the end of one key at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._release: Callable[[], None] | None = None

    @property
    def held(self) -> bool:
        """Whether it is held now."""
        return self._release is not None

    def hold(self, release: Callable[[], None]) -> None:
        """Call `release` once: when a key is let go anywhere, or another program comes to the front."""
        app = QCoreApplication.instance()
        if app is not None:
            self._release = release
            app.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Look at every event of the program while the key is held, and let all of them pass."""
        released = event.type() == QEvent.Type.KeyRelease and isinstance(event, QKeyEvent) and not event.isAutoRepeat()
        if released or event.type() == QEvent.Type.ApplicationDeactivate:
            self._end()
        return False

    def _end(self) -> None:
        app, release = QCoreApplication.instance(), self._release
        self._release = None
        if app is not None:
            app.removeEventFilter(self)
        if release is not None:
            release()
