"""How much memory this process takes while something runs."""

from __future__ import annotations

import threading
from typing import Self

import psutil

PAUSE = 0.05  # seconds between two looks


class PeakMemory:
    """Within it, `bytes` follows the largest resident size of the process, shared segments included."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.bytes = 0

    def __enter__(self) -> Self:
        self._look()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._over.wait(PAUSE):
            self._look()

    def _look(self) -> None:
        self.bytes = max(self.bytes, int(self._process.memory_info().rss))
