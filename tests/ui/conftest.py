from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication, QMenu
from shell import drop
from two_patients import SERIES, row, write_studies

from viewer.app import Post
from viewer.data.grid import Grid
from viewer.data.study import Source
from viewer.data.volume import Volume, Window
from viewer.scene.edits import AddLayer
from viewer.scene.layer import VolumeLayer, volume_layer
from viewer.session.session import Session
from viewer.ui.preferences import Preferences
from viewer.ui.window.main_window import MainWindow


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing of the user's is read or written."""
    monkeypatch.setenv("TOMOLENS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def no_leaks(qapp: QApplication) -> Iterator[None]:
    """Fails a test that leaves top-level widgets behind (plots own menus without a parent: those do not count)."""
    before = {id(widget) for widget in qapp.topLevelWidgets()}
    yield
    gc.collect()  # widgets that Python owns may be held by circles
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    left = [w for w in qapp.topLevelWidgets() if id(w) not in before and not isinstance(w, QMenu)]
    assert not left, f"left behind: {left}"


@pytest.fixture
def make_session(qapp: QApplication, tmp_path: Path) -> Iterator[Callable[[], Session]]:
    made: list[Session] = []

    def make() -> Session:
        made.append(Session(Post(), in_process=True, journal=tmp_path / f"journal-{len(made)}"))
        return made[-1]

    yield make
    for session in made:
        session.close()


@pytest.fixture
def session(make_session: Callable[[], Session]) -> Session:
    return make_session()


@pytest.fixture
def preferences(tmp_path: Path) -> Preferences:
    return Preferences(tmp_path / "window.ini")


@pytest.fixture
def make_window(preferences: Preferences, monkeypatch: pytest.MonkeyPatch) -> Callable[[Session], MainWindow]:
    """A window that does not ask before it closes; `drop` it."""
    monkeypatch.setattr("viewer.ui.window.main_window.may_leave", lambda *_: True)
    return lambda session: MainWindow(session, preferences)


@pytest.fixture
def window(
    no_leaks: None, qtbot, session: Session, make_window: Callable[[Session], MainWindow]
) -> Iterator[MainWindow]:
    window = make_window(session)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    yield window
    drop(window)


@pytest.fixture
def studies(window: MainWindow, session: Session, tmp_path: Path, qtbot) -> None:
    """Two series of one patient and one of another are listed; nothing is shown yet."""
    window.open([write_studies(tmp_path / "both")])
    qtbot.waitUntil(lambda: not session.tasks[0].running and all(row(window, name) for name in SERIES))


@pytest.fixture
def add_image(session: Session) -> Callable[..., VolumeLayer]:
    """Put a small CT into the document."""

    def add(name: str = "CT chest", times: int = 1, modality: str = "CT", review: str = "source") -> VolumeLayer:
        grid = Grid.of((12, 24, 32), spacing=(2.0, 1.0, 1.0))
        ramp = np.arange(12 * 24 * 32, dtype=np.int16).reshape(grid.shape)
        volumes = tuple(
            Volume(
                ramp + 100 * time,
                grid,
                name,
                "HU",
                windows=(Window(40, 400, "stored"),),
                source=Source(modality=modality, series_description=name, files=("a.dcm",)),
                time=f"{time} s",
            )
            for time in range(times)
        )
        layer = volume_layer(volumes, review=review)
        session.history.do(AddLayer(layer))
        session.state.active = layer.id
        x, y, z = (float(mm) for mm in grid.centre)
        session.state.crosshair = (x, y, z)
        return layer

    return add
