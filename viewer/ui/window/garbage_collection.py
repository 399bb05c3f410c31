"""Circles of objects are collected on the window's thread alone.

Python collects them on whichever thread makes the next object. A QObject among them would be destroyed there, and its
timers cannot be stopped from there: the next that runs out ends the program (doc.qt.io/qt-6/threads-qobject.html).
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer, QTimerEvent

PAUSE = 500  # ms


class Collector(QObject):
    """As long as the application lives, in pauses of its event loop.

    What there is after the start stays until the end: it is not looked through again, which would cost a tenth of a
    second now and then.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        gc.disable()
        self.startTimer(PAUSE)
        QTimer.singleShot(PAUSE // 2, self, gc.freeze)

    def timerEvent(self, event: QTimerEvent) -> None:
        """Collect what is due."""
        collect()


def collect() -> None:
    """Collect the oldest generation that Python would collect by now (gc.set_threshold)."""
    due = [n for n, (count, most) in enumerate(zip(gc.get_count(), gc.get_threshold(), strict=True)) if count > most]
    if due:
        gc.collect(due[-1])
