"""Effects computed for a look, beside the window: once, or step by step until somebody says stop."""

from __future__ import annotations

import time
from threading import Event
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QRunnable, Signal

from viewer.compute.progress import Cancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from viewer.data.arrays import Mask, ProgressCallback

PACE = 0.05  # seconds between two pictures of what creeps
PATIENCE = 400  # steps after which it rests by itself


class CallSignals(QObject):
    """Brings what was found back to the main thread."""

    progress = Signal(float)
    found = Signal(object)  # a list of what was asked for; of steps the mask
    failed = Signal(str)
    ended = Signal()


class BackgroundCall(QRunnable):
    """What an effect would do, or another list of things to find out."""

    def __init__(self, call: Callable[[ProgressCallback], Iterable[Any]]) -> None:
        super().__init__()
        self._call, self.signals, self.stopped = call, CallSignals(), False

    def run(self) -> None:
        try:
            found = list(self._call(self._tell))
        except Cancelled:
            return
        except ValueError as error:
            self.signals.failed.emit(str(error))
        else:
            self.signals.found.emit(found)

    def _tell(self, fraction: float) -> None:
        if self.stopped:
            raise Cancelled
        self.signals.progress.emit(fraction)


class BackgroundSteps(QRunnable):
    """begin: makes what steps, in the background: a function that steps on and gives the mask and how many voxels
    changed. It steps while `going` is set.
    """

    def __init__(self, begin: Callable[[], Callable[[], tuple[Mask, int]]]) -> None:
        super().__init__()
        self._begin, self.signals, self.stopped = begin, CallSignals(), False
        self.going = Event()
        self.going.set()

    def stop(self) -> None:
        self.stopped = True
        self.going.set()

    def run(self) -> None:
        try:
            step, shown = self._begin(), 0.0
            for _ in range(PATIENCE):
                self.going.wait()
                if self.stopped:
                    return
                mask, changed = step()
                if not changed or time.monotonic() - shown > PACE:
                    shown = time.monotonic()
                    self.signals.found.emit(mask.copy())
                if not changed:
                    break
            self.signals.ended.emit()
        except ValueError as error:
            self.signals.failed.emit(str(error))
