"""A window that two patients are opened in, and that is killed: see test_recovery. Arguments: a folder, its studies."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from viewer.app import Post, application
from viewer.data.volume import Window
from viewer.session.session import Session
from viewer.ui.preferences import Preferences
from viewer.ui.window.main_window import MainWindow


def main(folder: Path, studies: list[str]) -> None:
    app = application()
    session = Session(Post(), in_process=True, journal=folder / "journal")
    window = MainWindow(session, Preferences(folder / "killed.ini"))
    window.show()

    def until(ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 120
        while not ready():
            assert time.monotonic() < deadline
            app.processEvents()
            time.sleep(0.01)

    window.open(studies)
    until(lambda: len(session.studies.images) == 2 and not any(task.running for task in session.tasks))
    for found in sorted(session.studies.images.values(), key=lambda images: images[0].source.patient_id):
        loading = session.studies.load(found[0])
        until(lambda task=loading: not task.running)
    first, second = session.document.volume_layers
    session.layers.rename(second, "the other one")
    session.layers.show(first, overlay=False)
    first.window = Window(111.0, 222.0, "mine")
    session.state.layout, session.state.crosshair = "1+3", (1.0, 2.0, 3.0)
    snapshot = next((folder / "journal").iterdir()) / "view.json"
    until(lambda: snapshot.exists() and '"1+3"' in snapshot.read_text())
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
