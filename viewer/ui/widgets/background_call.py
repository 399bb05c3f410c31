"""Effects computed for a look, beside the window: once, or step by step until somebody says stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from threading import Event
from typing import Any

from PySide6.QtCore import QObject, QRunnable, Signal

from viewer.compute.progress import Cancelled
from viewer.data.arrays import Mask, Tell

PACE = 0.05  # seconds between two pictures of what creeps
PATIENCE = 400  # steps after which it rests by itself


class Answers(QObject):
    """Brings what was found back to the main thread."""

    progress = Signal(float)
    found = Signal(object)  # a list of what was asked for; of steps the mask
    failed = Signal(str)
    ended = Signal()


class Look(QRunnable):
    """What an effect would do, or another list of things to find out."""

    def __init__(self, call: Callable[[Tell], Iterable[Any]]) -> None:
        super().__init__()
        self._call, self.answers, self.stopped = call, Answers(), False

    def run(self) -> None:
        try:
            found = list(self._call(self._tell))
        except Cancelled:
            return
        except ValueError as error:
            self.answers.failed.emit(str(error))
        else:
            self.answers.found.emit(found)

    def _tell(self, fraction: float) -> None:
        if self.stopped:
            raise Cancelled
        self.answers.progress.emit(fraction)


class Steps(QRunnable):
    """begin: makes what steps, in the background: a function that steps on and gives the mask and how many voxels
    changed. It steps while `going` is set.
    """

    def __init__(self, begin: Callable[[], Callable[[], tuple[Mask, int]]]) -> None:
        super().__init__()
        self._begin, self.answers, self.stopped = begin, Answers(), False
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
                    self.answers.found.emit(mask.copy())
                if not changed:
                    break
            self.answers.ended.emit()
        except ValueError as error:
            self.answers.failed.emit(str(error))
