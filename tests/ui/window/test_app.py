"""The program around the window: answers on the right thread, pictures without a person, a clean way out."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtGui import QImage

from viewer.app import PICTURE_SIZE, Post, Stage, _start_log
from viewer.data.grid import Grid
from viewer.data.volume import Volume
from viewer.scene.edits import AddLayer
from viewer.scene.layer import volume_layer
from viewer.settings import log_folder

START = """
import sys
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
import viewer.app as program
from viewer.ui.window.main_window import MainWindow

class Window(MainWindow):
    def open(self, paths):
        task = super().open(paths)
        self.session.document.inserted.connect(self.seen)
        return task

    def seen(self):
        QTimer.singleShot(300, self.close)

program.MainWindow = Window
code = program.start(sys.argv[1:])
sys.exit(code)
"""


def test_answers_come_in_order_on_the_thread_of_the_window(qtbot):
    post, heard = Post(), []

    def answer(n: int) -> None:
        heard.append((n, threading.current_thread() is threading.main_thread()))

    def work() -> None:
        for n in range(50):
            post(lambda n=n: answer(n))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert heard == []
    qtbot.waitUntil(lambda: len(heard) == 50)
    assert heard == [(n, True) for n in range(50)]


def _half_bright() -> Volume:
    array = np.zeros((10, 64, 64), np.int16)
    array[:, :, 32:] = 1000
    return Volume(array, Grid.of(array.shape, spacing=(4, 1, 1)), "halves", "HU")


def test_a_picture_shows_the_image_and_its_texts(qapp, tmp_path):
    with Stage() as stage:
        layer = volume_layer((_half_bright(),))
        stage.session.history.do(AddLayer(layer))
        stage.session.state.crosshair = tuple(float(mm) for mm in layer.volumes[0].grid.centre)
        stage.session.state.layout = "1-up"
        stage.picture(tmp_path / "window.png")
        view = stage.window.views.by_name["axial"]
        corner = view.mapTo(stage.window, view.rect().topLeft())
        ratio = stage.window.devicePixelRatioF()
        size = view.width(), view.height()
    picture = QImage(str(tmp_path / "window.png"))
    assert (picture.width(), picture.height()) == tuple(round(n * ratio) for n in PICTURE_SIZE)

    def light(x: float, y: float) -> int:
        at = (corner.x() + x * size[0]) * ratio, (corner.y() + y * size[1]) * ratio
        return picture.pixelColor(round(at[0]), round(at[1])).lightness()

    assert light(0.6, 0.3) > 200 > 60 > light(0.4, 0.3)
    corner_text = [light(x / 400, y / 400) for x in range(4, 50) for y in range(370, 398)]
    assert max(corner_text) > 120, "the corner text is missing"


def test_a_picture_that_cannot_be_written_is_an_error(qapp, tmp_path):
    with Stage() as stage, pytest.raises(OSError, match="could not be written"):
        stage.picture(tmp_path / "missing" / "window.png")


def test_the_program_opens_a_path_and_ends_cleanly(tmp_path):
    import SimpleITK as sitk

    volume = _half_bright()
    sitk.WriteImage(sitk.GetImageFromArray(volume.array), str(tmp_path / "halves.nii.gz"))
    environment = {**os.environ, "TOMOLENS_HOME": str(tmp_path / "home"), "PYTHONPATH": str(Path(__file__).parents[3])}
    arguments = [sys.executable, "-c", START, str(tmp_path / "halves.nii.gz")]
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    log = (tmp_path / "home" / "log" / "tomolens.log").read_text()
    assert "halves" not in log
    assert "ERROR" not in log
    assert (tmp_path / "home" / "config" / "window.ini").exists()


def test_the_program_starts_where_nothing_can_be_kept_and_says_so(tmp_path, mounted):
    import SimpleITK as sitk

    volume = _half_bright()
    sitk.WriteImage(sitk.GetImageFromArray(volume.array), str(tmp_path / "halves.nii.gz"))
    home = mounted("size=64k,ro") / "home"
    environment = {**os.environ, "TOMOLENS_HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[3])}
    arguments = [sys.executable, "-c", START, str(tmp_path / "halves.nii.gz")]
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_a_log_that_cannot_be_kept_is_told(monkeypatch):
    def refuse() -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("viewer.app.start_log", refuse)
    assert _start_log() == f"No log can be kept (Permission denied): see to it that {log_folder()} can be written."


@pytest.mark.skipif("TOMOLENS_DATA" not in os.environ, reason="TOMOLENS_DATA does not name the shared data")
def test_a_dropped_series_is_shown_at_once(window, qtbot):
    window.open([Path(os.environ["TOMOLENS_DATA"]) / "dicom" / "mr-philips-pcasl-classic-vs-enhanced"])
    qtbot.waitUntil(lambda: window.has_images())
    layer = window.session.document.base
    qtbot.waitUntil(lambda: layer.loaded == 1)
    assert layer.source.modality == "MR"
    assert layer.volumes[0].grid.shape == (40, 96, 96)
    assert window.views.by_name["axial"].count == 40
