"""Closing the window while a job runs: asked once, and then nothing is left, neither processes nor files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QMessageBox
from shell import drop

from viewer.app import Post
from viewer.data.grid import Grid
from viewer.data.volume import Volume
from viewer.processes import shared_array
from viewer.scene.edits import AddLayer
from viewer.scene.layer import volume_layer
from viewer.session.session import Session
from viewer.ui.window.main_window import MainWindow

SHAPE = (120, 160, 160)  # so that it takes a while


@pytest.fixture
def others() -> list[psutil.Process]:
    """The processes of what ran before."""
    return psutil.Process().children()


@pytest.fixture
def busy(qtbot, others, preferences, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    """A window whose engine denoises."""
    session = Session(Post(), journal=tmp_path / "journal")
    window = MainWindow(session, preferences)
    window.show()
    volume = Volume(np.random.default_rng(0).integers(0, 900, SHAPE, np.int16), Grid.of(SHAPE), "noise")
    layer = volume_layer((volume,))
    session.history.do(AddLayer(layer))
    task = session.runs.run_plugin("denoise", {"image": layer.id}, {"method": "non-local means"})
    qtbot.waitUntil(lambda: task.state == "running")
    yield window
    session.close()
    monkeypatch.setattr("viewer.ui.window.main_window.may_leave", lambda *_: True)
    drop(window)


def answer(window: MainWindow, button: str, asked: list[str]) -> None:
    """Press a button of the question when it comes."""

    def press() -> None:
        (box,) = window.findChildren(QMessageBox)
        asked.append(box.text())
        next(one for one in box.buttons() if one.text() == button).click()

    QTimer.singleShot(300, press)


def test_it_asks_and_stays(busy: MainWindow) -> None:
    asked: list[str] = []
    answer(busy, "Stay", asked)
    busy.close()
    assert asked == ["Still running: Denoise: noise."]
    assert busy.isVisible()
    assert busy.session.tasks[-1].running


def test_it_stops_the_job_and_leaves_nothing_behind(busy: MainWindow, others, tmp_path: Path) -> None:
    asked: list[str] = []
    new = [one for one in psutil.Process().children() if one not in others]
    workers = [one for one in new if "spawn_main" in " ".join(one.cmdline())]
    assert workers
    answer(busy, "Stop and quit", asked)
    busy.close()
    assert len(asked) == 1
    assert not busy.isVisible()
    busy.session.close()  # as viewer.app does once the window is closed
    assert not any(worker.is_running() for worker in workers)
    assert not list((tmp_path / "journal").iterdir())
    assert not [path for one in workers for path in shared_array.FOLDER.glob(f"{shared_array.PREFIX}{one.pid}-*")]
