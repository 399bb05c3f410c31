"""Where circles of objects are collected."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from threading import Thread

import pytest
from PySide6.QtCore import QCoreApplication, QObject

from viewer.ui.window.garbage_collection import PAUSE, Collector

MANY = 20_000  # new objects: Python would have collected long before


class Circle(QObject):
    """With a timer that runs: destroyed by another thread it would take the program down."""

    def __init__(self) -> None:
        super().__init__()
        self.itself = self
        self.startTimer(1)


@pytest.fixture
def collector(qapp: QCoreApplication) -> Iterator[Collector]:
    gc.enable()
    made = Collector(qapp)
    yield made
    made.deleteLater()
    gc.unfreeze()
    assert not gc.isenabled()


def test_only_the_windows_thread_collects(collector: Collector, qtbot) -> None:
    qtbot.wait(PAUSE // 2 + 50)  # what there is by then is left alone
    left = weakref.ref(Circle())
    made: list[list[int]] = []
    busy = Thread(target=lambda: made.extend([] for _ in range(MANY)))
    busy.start()
    busy.join()
    assert left() is not None
    qtbot.waitUntil(lambda: left() is None)
